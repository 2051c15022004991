// The long-double reference, on numbers whose scatter is known.
#include "bench/reference.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace collapscope::bench {
namespace {

TEST(ScatterError, IsZeroForTheRightScatterAndRelativeElse) {
  const std::vector<float> rows{1, 2, 3, 2, 5, 8};  // [3, 2]: mean (3, 4)... deviations below
  // columns (1, 3, 5) and (2, 2, 8): deviations (-2, 0, 2) and (-2, -2, 4)
  Matrix scatter(2, 2);
  scatter(0, 0) = 8;
  scatter(0, 1) = scatter(1, 0) = 12;
  scatter(1, 1) = 24;
  const auto bytes = std::as_bytes(std::span(rows));
  EXPECT_EQ(scatter_error(scatter, bytes, {ElementKind::float32}), 0);
  for (double& value : scatter.values()) {
    value *= 1.5;
  }
  EXPECT_DOUBLE_EQ(scatter_error(scatter, bytes, {ElementKind::float32}), 0.5);
}

}  // namespace
}  // namespace collapscope::bench
