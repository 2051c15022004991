// What the program relies on. The same cases run on a real device, where there is one, and on the fake: this
// keeps the fake honest. For a real one, let LD_LIBRARY_PATH lead to the real libraries.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "shapes.hpp"
#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

class Contract : public testing::Test {
 protected:
  void SetUp() override {
    if (control().reset != nullptr) {
      configure({{"SCHEDULE", "random"}});
      add_twins();
    }
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
      GTEST_SKIP() << "no device";
    }
    stream_ = new_stream();
  }
  void TearDown() override {
    if (stream_ != nullptr) {
      EXPECT_CUDA(cudaStreamSynchronize(stream_));
      EXPECT_CUDA(cudaStreamDestroy(stream_));
      static_cast<void>(cudaGetLastError());
    }
    if (control().reset != nullptr) {
      configure({});
    }
  }

  cudaStream_t stream_ = nullptr;
};

TEST_F(Contract, KernelsOfAllShapes) {
  constexpr std::size_t rows = 7;
  constexpr std::size_t cols = 50;
  double* x = new_device(rows * cols);
  double* sums = new_device(rows);
  EXPECT_CUDA(number(x, cols, rows, stream_));
  EXPECT_CUDA(times(x, rows * cols, 2.0, stream_));
  EXPECT_CUDA(sum_rows(x, sums, rows, cols, stream_));
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_NEAR(download(sums, rows)[6], 2 * (300 + 1.225), 1e-11);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_CUDA(cudaFree(sums));
}

// With a kernel's launch bounds a real device says cudaErrorInvalidValue, which the fake cannot know.
TEST_F(Contract, GeometryOfLaunches) {
  EXPECT_NE(too_many_threads(nullptr), cudaSuccess);
  EXPECT_CUDA(cudaGetLastError());
}

TEST_F(Contract, AttributesOfKernels) {
  cudaFuncAttributes attributes{};
  EXPECT_CUDA(kernel_attributes(&attributes));
  EXPECT_GE(attributes.maxThreadsPerBlock, static_cast<int>(collapscope::kernels::most_threads));
  EXPECT_LE(attributes.maxThreadsPerBlock, 1024);
}

TEST_F(Contract, Allocations) {
  void* pointer = &pointer;
  EXPECT_CUDA(cudaMalloc(&pointer, 0));
  EXPECT_EQ(pointer, nullptr);
  EXPECT_CUDA(cudaFree(nullptr));
  EXPECT_CUDA(cudaFreeHost(nullptr));
  EXPECT_EQ(cudaMalloc(&pointer, std::size_t{1} << 45), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_CUDA(cudaGetLastError());
  double on_host = 0;
  EXPECT_EQ(cudaFree(&on_host), cudaErrorInvalidValue);
}

TEST_F(Contract, MemoryOfTheHostsOwnCanBePageLocked) {
  constexpr std::size_t count = 1024;
  const std::unique_ptr<double, decltype(&std::free)> own(
      static_cast<double*>(std::aligned_alloc(4096, count * sizeof(double))), std::free);
  std::fill_n(own.get(), count, 3.0);
  EXPECT_CUDA(cudaHostRegister(own.get(), count * sizeof(double), cudaHostRegisterDefault));
  EXPECT_EQ(own.get()[count - 1], 3.0);
  EXPECT_EQ(cudaHostRegister(own.get(), count * sizeof(double), cudaHostRegisterDefault),
            cudaErrorHostMemoryAlreadyRegistered);
  EXPECT_EQ(cudaGetLastError(), cudaErrorHostMemoryAlreadyRegistered);
  cudaPointerAttributes attributes{};
  EXPECT_CUDA(cudaPointerGetAttributes(&attributes, own.get() + 1));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);

  double* x = new_device(count);
  EXPECT_CUDA(cudaMemcpyAsync(x, own.get(), count * sizeof(double), cudaMemcpyHostToDevice, stream_));
  EXPECT_CUDA(times(x, count, 2.0, stream_));
  EXPECT_CUDA(cudaMemcpyAsync(own.get(), x, count * sizeof(double), cudaMemcpyDeviceToHost, stream_));
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_EQ(own.get()[count - 1], 6.0);
  EXPECT_CUDA(cudaFree(x));

  EXPECT_CUDA(cudaHostUnregister(own.get()));
  EXPECT_EQ(cudaHostUnregister(own.get()), cudaErrorHostMemoryNotRegistered);
  EXPECT_EQ(cudaGetLastError(), cudaErrorHostMemoryNotRegistered);
  EXPECT_CUDA(cudaPointerGetAttributes(&attributes, own.get()));
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
}

TEST_F(Contract, FreeMemoryIsSeen) {
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t total = 0;
  EXPECT_CUDA(cudaMemGetInfo(&before, &total));
  double* x = new_device(std::size_t{8} << 20);
  EXPECT_CUDA(cudaMemGetInfo(&after, &total));
  EXPECT_LE(after + (std::size_t{64} << 20), before);
  EXPECT_CUDA(cudaFree(x));
}

TEST_F(Contract, WrongArguments) {
  double* x = new_device(4);
  double host[4] = {};
  EXPECT_EQ(cudaMemcpy(host, x, sizeof host, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy2D(x, 8, host, 16, 16, 2, cudaMemcpyHostToDevice), cudaErrorInvalidPitchValue);
  EXPECT_EQ(cudaSetDevice(1000), cudaErrorInvalidDevice);
  EXPECT_CUDA(cudaFree(x));
}

TEST_F(Contract, EventsThatWereNeverRecordedAreOver) {
  cudaEvent_t event = new_event();
  EXPECT_CUDA(cudaEventQuery(event));
  EXPECT_CUDA(cudaEventSynchronize(event));
  EXPECT_CUDA(cudaStreamWaitEvent(stream_, event, 0));
  EXPECT_CUDA(cudaEventDestroy(event));
}

TEST_F(Contract, EventsWithoutTimeHaveNone) {
  cudaEvent_t event = new_event();
  EXPECT_CUDA(cudaEventRecord(event, stream_));
  EXPECT_CUDA(cudaEventSynchronize(event));
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, event, event), cudaErrorInvalidResourceHandle);
  EXPECT_CUDA(cudaEventDestroy(event));
}

TEST_F(Contract, PageableMemoryIsFreeAtTheReturn) {
  double* x = new_device(1);
  double host = 1;
  EXPECT_CUDA(cudaMemcpyAsync(x, &host, sizeof host, cudaMemcpyHostToDevice, stream_));
  host = 2;
  EXPECT_CUDA(cudaMemcpyAsync(&host, x, sizeof host, cudaMemcpyDeviceToHost, stream_));
  EXPECT_EQ(host, 1);
  EXPECT_CUDA(cudaFree(x));
}

TEST_F(Contract, Products) {
  cublasHandle_t blas = nullptr;
  ASSERT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetStream(blas, stream_), CUBLAS_STATUS_SUCCESS);
  const double one = 1;
  const double zero = 0;
  double* a = new_device(4);
  double* c = new_device(4);
  upload(a, {1, 2, 3, 4});
  upload(c, std::vector<double>(4, std::nan("")));
  EXPECT_EQ(cublasDsyrk(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 2, 2, &one, a, 2, &zero, c, 2),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasDsyrk(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, 2, 2, &one, a, 1, &zero, c, 2),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  const std::vector<double> found = download(c, 4);
  EXPECT_EQ(found[0], 10);
  EXPECT_EQ(found[1], 14);
  EXPECT_TRUE(std::isnan(found[2]));
  EXPECT_EQ(found[3], 20);
  EXPECT_EQ(cublasDestroy(blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_CUDA(cudaFree(a));
  EXPECT_CUDA(cudaFree(c));
}

// As --precision float64-emulated asks for them, and within a workspace as the program's.
TEST_F(Contract, EmulatedProductsAreAsGoodAsFloat64s) {
  constexpr std::size_t cols = 48;
  constexpr std::size_t rows = 1024;
  constexpr std::size_t workspace_doubles = std::size_t{4} << 20U;
  cublasHandle_t blas = nullptr;
  ASSERT_EQ(cublasCreate(&blas), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetStream(blas, stream_), CUBLAS_STATUS_SUCCESS);
  double* workspace = new_device(workspace_doubles);
  EXPECT_EQ(cublasSetWorkspace(blas, workspace, workspace_doubles * sizeof(double)), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetFixedPointEmulationMantissaControl(blas, CUDA_EMULATION_MANTISSA_CONTROL_FIXED),
            CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetFixedPointEmulationMaxMantissaBitCount(blas, 55), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(cublasSetEmulationStrategy(blas, CUBLAS_EMULATION_STRATEGY_EAGER), CUBLAS_STATUS_SUCCESS);
  std::vector<double> numbers(rows * cols);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::sin(1.0 + 7.0 * static_cast<double>(i)) * (i % cols < 4 ? 1e-6 : 1);
  }
  double* x = new_device(numbers.size());
  double* c = new_device(cols * cols);
  upload(x, numbers);
  const double one = 1;
  const double zero = 0;
  const cublasStatus_t answer = cublasGemmEx_64(
      blas, CUBLAS_OP_N, CUBLAS_OP_T, cols, cols, rows, &one, x, CUDA_R_64F, cols, x, CUDA_R_64F, cols, &zero,
      c, CUDA_R_64F, cols, CUBLAS_COMPUTE_64F_EMULATED_FIXEDPOINT, CUBLAS_GEMM_DEFAULT);
  EXPECT_CUDA(cudaStreamSynchronize(stream_));
  EXPECT_TRUE(answer == CUBLAS_STATUS_SUCCESS || answer == CUBLAS_STATUS_NOT_SUPPORTED) << answer;
  const std::vector<double> found = download(c, cols * cols);
  const auto product = [&](std::size_t i, std::size_t j) {
    long double sum = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      sum += static_cast<long double>(numbers[row * cols + i]) * numbers[row * cols + j];
    }
    return static_cast<double>(sum);
  };
  for (std::size_t i = 0; answer == CUBLAS_STATUS_SUCCESS && i < cols; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      EXPECT_NEAR(found[i * cols + j], product(i, j), 1e-13 * std::sqrt(product(i, i) * product(j, j)));
    }
  }
  EXPECT_EQ(cublasDestroy(blas), CUBLAS_STATUS_SUCCESS);
  for (double* memory : {workspace, x, c}) {
    EXPECT_CUDA(cudaFree(memory));
  }
}

// Of a matrix of order 2 with ones on its diagonal.
TEST_F(Contract, CholeskyTellsWhatIsDefinite) {
  cusolverDnHandle_t solver = nullptr;
  cusolverDnParams_t params = nullptr;
  ASSERT_EQ(cusolverDnCreate(&solver), CUSOLVER_STATUS_SUCCESS);
  ASSERT_EQ(cusolverDnCreateParams(&params), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnSetStream(solver, stream_), CUSOLVER_STATUS_SUCCESS);
  double* a = new_device(4);
  double* info = new_device(1);
  std::size_t on_device = 0;
  std::size_t on_host = 0;
  EXPECT_EQ(cusolverDnXpotrf_bufferSize(solver, params, CUBLAS_FILL_MODE_LOWER, 2, CUDA_R_64F, a, 2,
                                        CUDA_R_64F, &on_device, &on_host),
            CUSOLVER_STATUS_SUCCESS);
  double* workspace = new_device(on_device / sizeof(double) + 1);
  std::vector<std::byte> host(on_host);
  for (const double beside : {0.5, 2.0}) {
    upload(a, {1, beside, beside, 1});
    EXPECT_EQ(cusolverDnXpotrf(solver, params, CUBLAS_FILL_MODE_LOWER, 2, CUDA_R_64F, a, 2, CUDA_R_64F,
                               workspace, on_device, host.data(), on_host, reinterpret_cast<int*>(info)),
              CUSOLVER_STATUS_SUCCESS);
    EXPECT_CUDA(cudaStreamSynchronize(stream_));
    int found = -1;
    EXPECT_CUDA(cudaMemcpy(&found, info, sizeof found, cudaMemcpyDeviceToHost));
    EXPECT_EQ(found, beside < 1 ? 0 : 2);
  }
  EXPECT_EQ(cusolverDnDestroyParams(params), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnDestroy(solver), CUSOLVER_STATUS_SUCCESS);
  for (double* memory : {a, info, workspace}) {
    EXPECT_CUDA(cudaFree(memory));
  }
}

TEST(ContractTexts, AreThoseOfTheRealLibrary) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
  for (const auto& [error, text] :
       {std::pair{cudaErrorMemoryAllocation, "out of memory"},
        {cudaErrorInvalidValue, "invalid argument"},
        {cudaErrorNoDevice, "no CUDA-capable device is detected"},
        {cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"},
        {cudaErrorIllegalAddress, "an illegal memory access was encountered"},
        {cudaErrorLaunchFailure, "unspecified launch failure"},
        {cudaErrorLaunchOutOfResources, "too many resources requested for launch"},
        {cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"},
        {cudaErrorECCUncorrectable, "uncorrectable ECC error encountered"},
        {cudaErrorDevicesUnavailable, "CUDA-capable device(s) is/are busy or unavailable"},
        {cudaErrorUnknown, "unknown error"}}) {
    EXPECT_STREQ(cudaGetErrorString(error), text);
  }
}

}  // namespace
}  // namespace fake_cuda_test
