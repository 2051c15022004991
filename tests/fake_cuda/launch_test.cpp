// Kernels compiled by nvcc and launched with <<<>>> run as their host twins.
#include <cmath>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using Launch = Fake;

// CUB's kernel, found by what CUB calls it.
TEST_F(Launch, ItemsOfCubRunAsTheirTwin) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{5000}}) {
    double* x = new_device(count + 1);
    EXPECT_CUDA(count_up(x, count, nullptr));
    const std::vector<double> found = download(x, count + 1);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(found[i], static_cast<double>(i)) << count;
    }
    EXPECT_TRUE(std::isnan(found[count]));
  }
  EXPECT_CUDA(count_up(nullptr, 0, nullptr));
}

TEST_F(Launch, RunsAsItsTwin) {
  double* x = new_device(5);
  upload(x, {1, 2, 3, 4, 5});
  EXPECT_CUDA(times(x, 4, 10.0, nullptr));
  EXPECT_EQ(download(x, 5), (std::vector<double>{10, 20, 30, 40, 5}));
}

TEST_F(Launch, TemplatesAreToldApart) {
  auto* x = reinterpret_cast<float*>(new_device(1));
  const float values[2] = {1, 2};
  EXPECT_CUDA(cudaMemcpy(x, values, sizeof values, cudaMemcpyHostToDevice));
  EXPECT_CUDA(times(x, 2, 3.0F, nullptr));
  float result[2] = {};
  EXPECT_CUDA(cudaMemcpy(result, x, sizeof result, cudaMemcpyDeviceToHost));
  EXPECT_EQ(result[1], 6);
}

TEST_F(Launch, RowsAndColumns) {
  constexpr std::size_t rows = 7;
  constexpr std::size_t cols = 50;
  double* x = new_device(rows * cols);
  double* sums = new_device(rows);
  EXPECT_CUDA(number(x, cols, rows, nullptr));
  EXPECT_CUDA(sum_rows(x, sums, rows, cols, nullptr));
  const std::vector<double> found = download(sums, rows);
  for (std::size_t i = 0; i < rows; ++i) {
    EXPECT_NEAR(found[i], 50.0 * static_cast<double>(i) + 1.225, 1e-12);
  }
}

TEST_F(Launch, WithoutTwinFailsAndNamesTheKernel) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(unknown(), cudaErrorInvalidDeviceFunction);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("fake_cuda_test::Unknown"), std::string::npos);
  EXPECT_EQ(control().violations(), 1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(unknown_items(), cudaErrorInvalidDeviceFunction);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("fake_cuda_test::UnknownItems"), std::string::npos);
  EXPECT_EQ(control().violations(), 2);
  configure({});
}

TEST_F(Launch, GeometryIsChecked) {
  EXPECT_EQ(too_many_threads(new_device(1)), cudaErrorInvalidConfiguration);
}

TEST_F(Launch, OfOtherArchitecturesIsRefused) {
  configure({{"NO_IMAGE", "1"}});
  cudaFuncAttributes attributes{};
  EXPECT_EQ(kernel_attributes(&attributes), cudaErrorNoKernelImageForDevice);
  EXPECT_EQ(times(new_device(1), 1, 2.0, nullptr), cudaErrorNoKernelImageForDevice);
}

TEST_F(Launch, AttributesOfAKernel) {
  cudaFuncAttributes attributes{};
  EXPECT_CUDA(kernel_attributes(&attributes));
  EXPECT_EQ(attributes.maxThreadsPerBlock, 1024);
}

TEST_F(Launch, ArgumentsAreCopiedAtTheLaunch) {
  configure({{"SCHEDULE", "lazy"}});
  double* x = new_device(1);
  upload(x, {3});
  cudaStream_t stream = new_stream();
  EXPECT_CUDA(times(x, 1, 2.0, stream));
  EXPECT_CUDA(times(x, 1, 5.0, stream));
  EXPECT_EQ(download(x, 1)[0], 3);
  EXPECT_CUDA(cudaStreamSynchronize(stream));
  EXPECT_EQ(download(x, 1)[0], 30);
}

TEST_F(Launch, WithFreedMemoryIsReported) {
  double* x = new_device(4);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_EQ(times(x, 4, 2.0, nullptr), cudaErrorIllegalAddress);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

}  // namespace
}  // namespace fake_cuda_test
