// Machines with several devices, or none, or none that can be used.
#include <dlfcn.h>

#include <algorithm>
#include <thread>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using Devices = Fake;

TEST_F(Devices, AreAsConfigured) {
  configure({{"DEVICES", "3"}, {"NAME", "Fake H200"}, {"MEMORY", "141G"}, {"CAPABILITY", "10.0"}});
  int count = 0;
  EXPECT_CUDA(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 3);
  cudaDeviceProp properties{};
  EXPECT_CUDA(cudaGetDeviceProperties(&properties, 2));
  EXPECT_STREQ(properties.name, "Fake H200");
  EXPECT_EQ(properties.totalGlobalMem, std::size_t{141} << 30);
  EXPECT_EQ(properties.major, 10);
  EXPECT_EQ(cudaSetDevice(3), cudaErrorInvalidDevice);
  int value = 0;
  EXPECT_CUDA(cudaDeviceGetAttribute(&value, cudaDevAttrComputeCapabilityMajor, 0));
  EXPECT_EQ(value, 10);
}

TEST_F(Devices, AreChosenByEveryThreadForItself) {
  configure({{"DEVICES", "2"}});
  EXPECT_CUDA(cudaSetDevice(1));
  int other = -1;
  std::thread([&] { EXPECT_CUDA(cudaGetDevice(&other)); }).join();
  EXPECT_EQ(other, 0);
  int own = -1;
  EXPECT_CUDA(cudaGetDevice(&own));
  EXPECT_EQ(own, 1);
}

TEST_F(Devices, HaveMemoryOfTheirOwn) {
  configure({{"DEVICES", "2"}, {"MEMORY", "1M"}});
  double* on_0 = new_device(1 << 16);
  EXPECT_CUDA(cudaSetDevice(1));
  std::size_t free = 0;
  std::size_t total = 0;
  EXPECT_CUDA(cudaMemGetInfo(&free, &total));
  EXPECT_EQ(free, total);
  cudaStream_t on_1 = new_stream();
  EXPECT_EQ(cudaMemsetAsync(on_0, 0, 8, on_1), cudaErrorInvalidValue);
  EXPECT_EQ(times(on_0, 1, 2.0, on_1), cudaErrorIllegalAddress);
  EXPECT_EQ(control().violations(), 2);
  EXPECT_CUDA(cudaFree(on_0));
  EXPECT_EQ(control().violations(), 3) << "freed while another device was current";
  configure({});
}

TEST_F(Devices, DoNotShareStreamsAndEvents) {
  configure({{"DEVICES", "2"}});
  double* x = new_device(1);
  cudaStream_t stream = new_stream();
  cudaEvent_t event = new_event();
  EXPECT_CUDA(cudaSetDevice(1));
  EXPECT_EQ(times(x, 1, 2.0, stream), cudaErrorInvalidResourceHandle);
  cudaStream_t other = new_stream();
  EXPECT_EQ(cudaEventRecord(event, other), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(control().violations(), 2);
  EXPECT_CUDA(cudaEventRecord(event, stream));
  EXPECT_CUDA(cudaStreamWaitEvent(other, event, 0));
  configure({});
}

TEST_F(Devices, GetBackWhatIsTheirsWhileTheyAreCurrent) {
  configure({{"DEVICES", "2"}});
  cublasHandle_t blas = nullptr;
  cusolverDnHandle_t solver = nullptr;
  EXPECT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnCreate(&solver), CUSOLVER_STATUS_SUCCESS);
  cudaStream_t stream = new_stream();
  cudaEvent_t event = new_event();
  EXPECT_CUDA(cudaSetDevice(1));
  EXPECT_EQ(cublasDestroy(blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnDestroy(solver), CUSOLVER_STATUS_SUCCESS);
  EXPECT_CUDA(cudaStreamDestroy(stream));
  EXPECT_CUDA(cudaEventDestroy(event));
  EXPECT_EQ(control().violations(), 4);
  EXPECT_EQ(control().leaks(), 0);
  configure({});
}

TEST_F(Devices, ServeManyThreads) {
  configure({{"DEVICES", "2"}, {"SCHEDULE", "random"}, {"RACES", "1"}});
  const auto work = [](int device) {
    EXPECT_CUDA(cudaSetDevice(device));
    double* x = new_device(100);
    double* p = new_pinned(100);
    cudaStream_t stream = new_stream();
    for (int round = 1; round <= 20; ++round) {
      std::fill_n(p, 100, round);
      EXPECT_CUDA(cudaMemcpyAsync(x, p, 800, cudaMemcpyHostToDevice, stream));
      EXPECT_CUDA(times(x, 100, 2.0, stream));
      EXPECT_CUDA(cudaMemcpyAsync(p, x, 800, cudaMemcpyDeviceToHost, stream));
      EXPECT_CUDA(cudaStreamSynchronize(stream));
      EXPECT_EQ(p[99], 2 * round);
    }
    EXPECT_CUDA(cudaStreamDestroy(stream));
    EXPECT_CUDA(cudaFree(x));
    EXPECT_CUDA(cudaFreeHost(p));
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(work, i % 2);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(control().leaks(), 0);
}

TEST_F(Devices, NeedADriver) {
  configure({{"DRIVER", "old"}});
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorInsufficientDriver);
  EXPECT_EQ(count, 0);
  int version = 0;
  EXPECT_CUDA(cudaDriverGetVersion(&version));
  EXPECT_LT(version, CUDART_VERSION);
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, 8), cudaErrorInsufficientDriver);
  cublasHandle_t handle = nullptr;
  EXPECT_EQ(cublasCreate(&handle), CUBLAS_STATUS_NOT_INITIALIZED);
}

TEST_F(Devices, MayBeNone) {
  configure({{"DEVICES", "0"}});
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
}

TEST_F(Devices, AreSeenByTheDriverLibraryToo) {
  configure({{"DEVICES", "2"}});
  void* driver = ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(driver, nullptr) << ::dlerror();
  const auto init = reinterpret_cast<int (*)(unsigned)>(::dlsym(driver, "cuInit"));
  const auto get_count = reinterpret_cast<int (*)(int*)>(::dlsym(driver, "cuDeviceGetCount"));
  EXPECT_EQ(init(0), 0);
  int count = 0;
  EXPECT_EQ(get_count(&count), 0);
  EXPECT_EQ(count, 2);
  configure({{"DEVICES", "0"}});
  EXPECT_EQ(init(0), 100);
}

}  // namespace
}  // namespace fake_cuda_test
