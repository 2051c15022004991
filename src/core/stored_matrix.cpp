#include "collapscope/core/stored_matrix.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

namespace collapscope {

namespace {

// Also in its sign, and below the normal numbers. A NaN or Inf is not.
bool is_float(double value) {
  return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max()) &&
         static_cast<double>(static_cast<float>(value)) == value;
}

}  // namespace

StoredMatrix::StoredMatrix(Matrix numbers) : rows_(numbers.rows()), cols_(numbers.cols()) {
  const std::span<const double> values = std::as_const(numbers).values();
  if (!std::ranges::all_of(values, is_float)) {
    doubles_ = std::move(numbers);
    return;
  }
  floats_.resize(values.size());
  std::ranges::transform(values, floats_.begin(), [](double value) { return static_cast<float>(value); });
}

StoredMatrix::StoredMatrix(std::size_t rows, std::size_t cols, Floats floats)
    : floats_(std::move(floats)), rows_(rows), cols_(cols) {}

std::size_t held_bytes(const ElementType& element) {
  const std::size_t most = element.is_integer() ? sizeof(std::int16_t) : sizeof(float);
  return element.size() <= most ? sizeof(float) : sizeof(double);
}

}  // namespace collapscope
