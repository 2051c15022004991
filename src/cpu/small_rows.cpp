#include "cpu/small_rows.hpp"

#include <algorithm>
#include <cmath>

#include "own_scale.hpp"

namespace collapscope::cpu {

double take_own_scale(std::span<double> row, double norm) {
  const int exponent = std::ilogb(norm);
  std::ranges::transform(row, row.begin(), [&](double value) { return std::scalbn(value, -exponent); });
  return std::scalbn(1.0, exponent);
}

double unit_divisor(std::span<double> row, double norm) {
  constexpr double most_norm = 1 / kernels::least_norm;
  if (norm == 0) {
    return 1;
  }
  if (norm < kernels::least_norm || (norm > most_norm && std::isfinite(norm))) {
    (void)take_own_scale(row, norm);
    return cpu::norm(row);
  }
  return norm;  // NaN, too: the row is refused elsewhere
}

SmallRows::SmallRows(std::size_t rows, std::size_t columns, std::size_t maps)
    : most_(rows), columns_(columns), maps_(maps), unscale_(rows, 0.0) {}

void SmallRows::find(const RowPass& pass, std::size_t rows, std::span<const double> centred_norms) {
  found_.clear();
  norms_.clear();
  for (std::size_t i = 0; i < rows; ++i) {
    unscale_[i] = 0;
    if (!kernels::needs_own_scale(pass.norms()[i], centred_norms[i])) {
      continue;
    }
    if (room_.data() == nullptr) {
      room_ = Room(most_, columns_);
      coordinates_ = Matrix(most_, maps_);
      squares_.resize(most_);
    }
    const std::span<double> row{room_.row(found_.size()), columns_};
    pass.plain_row(i, row);
    unscale_[i] = take_own_scale(row, pass.norms()[i]);
    found_.push_back(i);
    norms_.push_back(cpu::norm(row));
  }
}

}  // namespace collapscope::cpu
