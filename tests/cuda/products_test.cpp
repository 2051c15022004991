// Sums of products read nothing that was never written: the fake's fresh memory is NaN.
#include "cuda/products.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace collapscope::cuda {
namespace {

constexpr std::size_t rows = 40;

// Numbers [rows, cols] on the device.
template <class Real>
DeviceBuffer<Real> some_rows(const Device& device, std::size_t cols) {
  std::vector<Real> numbers(rows * cols);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<Real>(static_cast<double>(i % 7) - 3);
  }
  DeviceBuffer<Real> there(numbers.size());
  upload(there.data(), numbers.data(), numbers.size(), device.compute());
  device.wait_for_stream(device.compute());
  return there;
}

// What is in `total`, all of it.
std::vector<double> all_of(const Device& device, const DeviceBuffer<double>& total) {
  std::vector<double> there(total.size());
  download(device, there.data(), total.data(), there.size());
  device.wait_for_stream(device.compute());
  return there;
}

void expect_written(const std::vector<double>& numbers) {
  std::size_t unwritten = 0;
  for (const double number : numbers) {
    unwritten += std::isnan(number) ? 1 : 0;
  }
  EXPECT_EQ(unwritten, 0U) << "of " << numbers.size();
}

// From 705 features on, products are not sliced, and only one triangle is summed.
TEST(SumsOfProducts, AreWrittenBeforeTheyAreRead) {
  const Device device(0);
  for (const std::size_t d : {std::size_t{3}, std::size_t{64}, std::size_t{705}}) {
    SCOPED_TRACE(d);
    const DeviceBuffer<double> numbers = some_rows<double>(device, d);
    const DeviceMatrix x{numbers.data(), rows, d, d};
    const DeviceBuffer<double> total(d * d);
    ProductSum sum(device, d, d, true);
    for (const bool adds : {false, true}) {
      sum.add(device, x, x);
      sum.add(device, x, x);
      sum.move_to(device, total.data(), adds);
    }
    const std::vector<double> found = all_of(device, total);
    expect_written(found);
    double expected = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      const double number = static_cast<double>(row * d % 7) - 3;
      expected += 4 * number * number;
    }
    EXPECT_EQ(found[0], expected);
  }
}

TEST(SumsOfProducts, OfFloatsAreWrittenBeforeTheyAreRead) {
  const Device device(0);
  for (const std::size_t d : {std::size_t{4}, std::size_t{708}}) {
    for (const std::size_t few : {std::size_t{1}, rows}) {  // fewer rows than slices: none is sliced
      SCOPED_TRACE(testing::Message() << few << " rows x " << d);
      const DeviceBuffer<float> numbers = some_rows<float>(device, d);
      const DeviceBuffer<double> total(d * d);
      FloatGramSum sum(device, d);
      sum.add(device, {numbers.data(), few, d, d}, nullptr);
      sum.move_to(device, total.data(), false);
      expect_written(all_of(device, total));
    }
  }
}

}  // namespace
}  // namespace collapscope::cuda
