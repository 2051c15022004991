// The mean of parts' means, and how far the parts lie from it.
#include "part_op.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::LaunchShape;

TEST(Parts, EveryLaunch) {
  constexpr std::size_t d = 5;
  constexpr std::size_t n = 2;
  constexpr std::size_t skip = 3;
  constexpr std::size_t parts = 4;
  constexpr std::size_t size = d + skip + n + 1;
  test::Random random(1);
  const Matrix records = test::random_matrix(parts, size, random);
  const kernels::PartRecords from{records.data(), parts, size, d, n, skip};
  const std::vector<double> share{0.25, 0.5, 0.125, 0.125};
  const std::vector<double> weight{1, 2, 3, 4};
  const auto value = [&](std::size_t part, std::size_t j) { return records(part, j < d ? j : j + skip); };
  for (const LaunchShape& launch : test::item_launches()) {
    std::vector<double> mean(d + n);
    run_items(kernels::PartMeans{from, share.data(), mean.data()}, launch.grid, launch.block);
    Matrix between(parts, d + n + 2);
    run_columns(
        kernels::BetweenParts{
            from, weight.data(), mean.data(), {between.data(), parts, between.cols(), between.cols()}},
        launch.grid, launch.block);
    for (std::size_t j = 0; j < d + n + 2; ++j) {
      double sum = 0;
      for (std::size_t part = 0; j < d + n && part < parts; ++part) {
        sum += share[part] * value(part, j);
      }
      if (j < d + n) {
        EXPECT_EQ(mean[j], sum) << j;
      }
      for (std::size_t part = 0; part < parts; ++part) {
        EXPECT_EQ(between(part, j), j < d + n ? weight[part] * (value(part, j) - sum) : 0)
            << part << " " << j;
      }
    }
  }
}

// Sums run on over the parts of a group, in slices.
TEST(Parts, OffsetsFromTheCentre) {
  constexpr std::size_t d = 5;
  constexpr std::size_t slices = 3;
  constexpr std::size_t size = 7;
  test::Random random(2);
  const Matrix sums = test::random_matrix(slices, size, random);
  const std::vector<double> centre{1, 2, 3, 4, 5};
  for (const LaunchShape& launch : test::item_launches()) {
    for (const bool at_first : {true, false}) {
      std::vector<double> before{5, 4, 3, 2, 1};
      const std::vector<double> old = before;
      std::vector<double> mean = centre;  // in place
      std::vector<double> offset(d);
      run_items(kernels::OffsetMeans{{sums.data(), slices, size, d, before.data(), at_first, 4},
                                     mean.data(),
                                     mean.data(),
                                     offset.data()},
                launch.grid, launch.block);
      for (std::size_t j = 0; j < d; ++j) {
        const double sum = sums(0, j) + sums(1, j) + sums(2, j);
        EXPECT_EQ(before[j], sum) << j;
        EXPECT_EQ(offset[j], (sum - (at_first ? 0 : old[j])) / 4) << j;
        EXPECT_EQ(mean[j], centre[j] + offset[j]) << j;
      }
    }
  }
}

TEST(Parts, WeightedOffsets) {
  constexpr std::size_t d = 4;
  constexpr std::size_t parts = 3;
  test::Random random(3);
  const Matrix records = test::random_matrix(parts, 11, random);
  const std::vector<double> weight{1, 2, 3};
  for (const LaunchShape& launch : test::item_launches()) {
    Matrix to(parts, d + 2);
    run_columns(
        kernels::PartOffsets{
            {records.data(), parts, 11, d, 1, 6}, weight.data(), {to.data(), parts, d, d + 2}},
        launch.grid, launch.block);
    for (std::size_t part = 0; part < parts; ++part) {
      for (std::size_t j = 0; j < d + 2; ++j) {
        EXPECT_EQ(to(part, j), j < d ? weight[part] * records(part, d + j) : 0) << part << " " << j;
      }
    }
  }
}

}  // namespace
}  // namespace collapscope
