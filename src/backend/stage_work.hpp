// What stages count as work, the same on every backend.
#pragma once

#include "collapscope/backend/backend.hpp"
#include "collapscope/backend/stages.hpp"

namespace collapscope {

[[nodiscard]] inline double elements(const StageSpec& spec) {
  return static_cast<double>(spec.rows) * static_cast<double>(spec.format.row_length());
}
[[nodiscard]] inline double stored_bytes(const StageSpec& spec) {
  return static_cast<double>(spec.bytes.size());
}
// Read as stored, written as float64.
[[nodiscard]] inline double converted_bytes(const StageSpec& spec) {
  return stored_bytes(spec) + 8 * elements(spec);
}
// The lower triangle of x^T x: N d (d + 1).
[[nodiscard]] inline double product_flops(double rows, double features) {
  return rows * features * (features + 1);
}
[[nodiscard]] inline double product_flops(const StageSpec& spec) {
  return product_flops(static_cast<double>(spec.rows), static_cast<double>(spec.format.row_length()));
}
// Coordinates along k + r + 2n directions, and two subspaces taken away from every row: 2 N d (2k + 2r + 2n).
[[nodiscard]] inline double look_flops(const StageSpec& spec) {
  const std::size_t directions =
      spec.look == nullptr ? 0 : spec.look->signal.rows() + spec.look->weight.rows() + spec.targets;
  return 4 * elements(spec) * static_cast<double>(directions);
}

}  // namespace collapscope
