// Failures on purpose: the n-th call, once or for ever, or an asynchronous error that never goes away.
#include <atomic>
#include <thread>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using Failures = Fake;

// A small program that stops at its first error and gives everything back.
bool program() {
  double* x = nullptr;
  double* p = nullptr;
  cudaStream_t stream = nullptr;
  cublasHandle_t blas = nullptr;
  const bool good = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess &&
                    cudaMalloc(reinterpret_cast<void**>(&x), 32) == cudaSuccess &&
                    cudaMallocHost(reinterpret_cast<void**>(&p), 32) == cudaSuccess &&
                    cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS &&
                    cublasSetStream(blas, stream) == CUBLAS_STATUS_SUCCESS &&
                    cudaMemcpyAsync(x, p, 32, cudaMemcpyHostToDevice, stream) == cudaSuccess &&
                    times(x, 4, 2.0, stream) == cudaSuccess &&
                    cudaMemcpyAsync(p, x, 32, cudaMemcpyDeviceToHost, stream) == cudaSuccess &&
                    cudaStreamSynchronize(stream) == cudaSuccess;
  bool freed = true;
  if (blas != nullptr) {
    freed = cublasDestroy(blas) == CUBLAS_STATUS_SUCCESS && freed;
  }
  if (stream != nullptr) {
    freed = cudaStreamDestroy(stream) == cudaSuccess && freed;
  }
  freed = cudaFree(x) == cudaSuccess && freed;
  freed = cudaFreeHost(p) == cudaSuccess && freed;
  return good && freed;
}

TEST_F(Failures, OfEveryCallAreMetOnce) {
  ASSERT_TRUE(program());
  const long calls = control().calls();
  EXPECT_EQ(calls, 13);
  for (const char* kind : {"once", "forever"}) {
    for (long n = 1; n <= calls; ++n) {
      configure({{"FAIL_AT", std::to_string(n)}, {"FAIL_KIND", kind}});
      EXPECT_FALSE(program()) << n;
      EXPECT_EQ(control().leaks(), 0) << n;
      EXPECT_EQ(control().violations(), 0) << n;
    }
  }
  configure({{"FAIL_AT", std::to_string(calls + 1)}});
  EXPECT_TRUE(program());
}

TEST_F(Failures, FitTheCall) {
  configure({{"FAIL_AT", "1"}, {"FAIL_KIND", "forever"}});
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 8), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorUnknown);
  EXPECT_EQ(times(static_cast<double*>(nullptr), 0, 2.0, nullptr), cudaErrorLaunchOutOfResources);
  cublasHandle_t blas = nullptr;
  EXPECT_EQ(cublasCreate(&blas), CUBLAS_STATUS_ALLOC_FAILED);
  cusolverDnHandle_t solver = nullptr;
  EXPECT_EQ(cusolverDnCreate(&solver), CUSOLVER_STATUS_ALLOC_FAILED);
}

TEST_F(Failures, CanBeChosenByName) {
  configure({{"FAIL_AT", "1"}, {"FAIL_ERROR", "cudaErrorECCUncorrectable"}});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorECCUncorrectable);
  configure({{"FAIL_AT", "1"}, {"FAIL_ERROR", "719"}});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
}

TEST_F(Failures, AreForgottenWhenRead) {
  configure({{"FAIL_AT", "1"}});
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorUnknown);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorUnknown);
  EXPECT_EQ(cudaGetLastError(), cudaErrorUnknown);
  EXPECT_CUDA(cudaGetLastError());
  EXPECT_CUDA(cudaDeviceSynchronize());
}

TEST_F(Failures, StickyOnesComeLateAndStay) {
  for (const char* schedule : {"eager", "lazy"}) {
    configure({{"SCHEDULE", schedule}, {"FAIL_AT", "2"}, {"FAIL_KIND", "sticky"}});
    double* x = new_device(4);
    cudaStream_t stream = new_stream();
    EXPECT_CUDA(cudaMemsetAsync(x, 0, 32, stream));
    EXPECT_CUDA(times(x, 4, 2.0, stream));
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
    void* pointer = nullptr;
    EXPECT_EQ(cudaMalloc(&pointer, 8), cudaErrorIllegalAddress);
    cublasHandle_t blas = nullptr;
    EXPECT_NE(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(cudaFree(x), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaErrorIllegalAddress);
    EXPECT_EQ(control().leaks(), 0);
  }
}

TEST_F(Failures, LostDevicesLeaveOthersAtWork) {
  for (const char* schedule : {"eager", "lazy", "reverse", "random"}) {
    configure({{"DEVICES", "2"}, {"SCHEDULE", schedule}, {"FAIL_AT", "1"}, {"FAIL_KIND", "lost"}});
    double* x = new_device(4);
    cudaStream_t stream = new_stream();
    EXPECT_CUDA(cudaMemsetAsync(x, 0, 32, stream));
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
    EXPECT_CUDA(cudaSetDevice(1));
    EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);  // of this thread
    EXPECT_CUDA(cudaGetLastError());
    double* y = new_device(4);
    upload(y, {1, 2, 3, 4});
    cudaStream_t other = new_stream();
    EXPECT_CUDA(times(y, 4, 2.0, other));
    EXPECT_CUDA(cudaStreamSynchronize(other));
    EXPECT_EQ(download(y, 4), (std::vector<double>{2, 4, 6, 8}));
    EXPECT_CUDA(cudaFree(y));
    EXPECT_CUDA(cudaStreamDestroy(other));
    EXPECT_EQ(cudaSetDevice(0), cudaErrorIllegalAddress);
    EXPECT_EQ(cudaFree(x), cudaErrorIllegalAddress);
    EXPECT_CUDA(cudaStreamDestroy(stream));
    EXPECT_EQ(control().leaks(), 0);
  }
}

TEST_F(Failures, AreForgottenByAllThreadsAtARestart) {
  std::atomic<int> step = 0;
  const auto reached = [&](int wanted) {
    while (step != wanted) {
      std::this_thread::yield();
    }
  };
  configure({{"DEVICES", "2"}, {"FAIL_AT", "2"}});
  std::thread other([&] {
    EXPECT_CUDA(cudaSetDevice(1));
    EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorUnknown);
    step = 1;
    reached(2);
    EXPECT_CUDA(cudaPeekAtLastError());
    int device = -1;
    EXPECT_CUDA(cudaGetDevice(&device));
    EXPECT_EQ(device, 0);
  });
  reached(1);
  configure({});
  step = 2;
  other.join();
}

TEST_F(Failures, NamesAndTexts) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_STREQ(cublasGetStatusString(CUBLAS_STATUS_ALLOC_FAILED), "CUBLAS_STATUS_ALLOC_FAILED");
}

}  // namespace
}  // namespace fake_cuda_test
