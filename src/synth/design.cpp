#include "synth/design.hpp"

#include <cmath>
#include <numbers>
#include <numeric>

namespace collapscope::synth {

CosineDesign::CosineDesign(std::uint64_t samples)
    : samples_(samples), stride_(samples > 2 ? samples * 618 / 1000 : 1) {
  while (std::gcd(stride_, samples_) != 1) {
    ++stride_;
  }
}

void CosineDesign::fill(std::uint64_t first_row, std::size_t first_column, MatrixView<double> out) const {
  __extension__ using Wide = unsigned __int128;
  const auto reduced = [&](Wide value) { return static_cast<std::uint64_t>(value % samples_); };
  const double unit = 2 * std::numbers::pi / static_cast<double>(samples_);
  for (std::size_t i = 0; i < out.rows(); ++i) {
    const std::uint64_t row = reduced(static_cast<Wide>(first_row + i) * stride_);
    std::uint64_t turn = reduced(static_cast<Wide>(row) * (first_column + 1));
    for (std::size_t j = 0; j < out.cols(); ++j) {
      out(i, j) = std::numbers::sqrt2 * std::cos(unit * static_cast<double>(turn));
      turn += row;
      turn -= turn >= samples_ ? samples_ : 0;
    }
  }
}

Reflection::Reflection(std::size_t size) : v_(size) {
  double squares = 0;
  for (std::size_t i = 0; i < size; ++i) {
    v_[i] = 1 + 0.5 * std::sin(static_cast<double>(i + 1));
    squares += v_[i] * v_[i];
  }
  for (double& value : v_) {
    value /= std::sqrt(squares);
  }
}

void Reflection::apply(MatrixView<double> rows) const {
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    const double along = 2 * std::inner_product(row.begin(), row.end(), v_.begin(), 0.0);
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] -= along * v_[j];
    }
  }
}

}  // namespace collapscope::synth
