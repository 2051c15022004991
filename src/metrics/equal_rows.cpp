#include "metrics/equal_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "core/vector_math.hpp"

namespace collapscope {

namespace {

// Weights in [1, 2) without a pattern: rows that differ differ in their sums with them.
std::vector<double> weights(std::size_t count) {
  std::vector<double> out;
  std::uint64_t state = 1;
  for (std::size_t j = 0; j < count; ++j) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    out.push_back(1 + std::ldexp(static_cast<double>(state >> 12U), -52));
  }
  return out;
}

}  // namespace

void unite_equal_rows(Matrix& rows, const std::vector<double>& roundings) {
  const std::vector<double> along = weights(rows.cols());
  const double length = std::sqrt(std::inner_product(along.begin(), along.end(), along.begin(), 0.0));
  const double sum_rounding =
      static_cast<double>(rows.cols() + 4) * std::numeric_limits<double>::epsilon() * length;
  std::vector<double> sums;
  std::vector<double> reaches;  // how far a row's sum may be from that of an equal row
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.view().row(i);
    const double sum = std::inner_product(row.begin(), row.end(), along.begin(), 0.0);
    sums.push_back(std::isnan(sum) ? 0 : sum);  // of numbers that overflow
    const double size = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    reaches.push_back(length * roundings[i] + sum_rounding * size);
  }
  const double longest_reach = *std::ranges::max_element(reaches);
  std::vector<std::size_t> order(rows.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return sums[a] < sums[b] || (sums[a] == sums[b] && a < b);
  });
  std::vector<std::size_t> kept;  // of equal rows one
  for (const std::size_t i : order) {
    const auto row = rows.view().row(i);
    bool is_new = true;
    for (std::size_t at = kept.size(); is_new && at > 0; --at) {
      const std::size_t other = kept[at - 1];
      if (!(sums[i] - sums[other] <= reaches[i] + longest_reach)) {
        break;
      }
      const auto theirs = rows.view().row(other);
      if (std::sqrt(square_of_distance(row, theirs)) <= roundings[i] + roundings[other]) {
        std::ranges::copy(theirs, row.begin());
        is_new = false;
      }
    }
    if (is_new) {
      kept.push_back(i);
    }
  }
}

}  // namespace collapscope
