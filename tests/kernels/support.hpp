// What the tests of the kernels share: stored numbers of every type, and launch geometries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "arguments.hpp"
#include "collapscope/core/matrix.hpp"
#include "core/support.hpp"
#include "shapes.hpp"
#include "stored.hpp"

namespace collapscope::test {

[[nodiscard]] inline double squared_norm(std::span<const double> v) {
  return std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
}

// All twelve kinds in both byte orders.
[[nodiscard]] std::vector<ElementType> all_element_types();

// `count` random finite numbers, whose squares are far from the limits of float64, `offset` numbers behind
// 16-byte alignment.
class StoredData {
 public:
  StoredData(ElementType type, std::size_t count, std::size_t offset, Random& random);
  // float64.
  explicit StoredData(std::span<const double> values, std::size_t offset = 0);

  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(storage_).subspan(begin_); }
  [[nodiscard]] kernels::StoredNumbers numbers() const {
    return {storage_.data() + begin_, type_.kind, type_.big_endian};
  }
  // As decode_elements has them.
  [[nodiscard]] std::vector<double> decoded() const;
  // Replaces number `index` of a type that has such numbers.
  void set(std::size_t index, double nan_or_infinity);

 private:
  ElementType type_;
  std::size_t begin_;
  std::vector<std::byte> storage_;
};

// Types of numbers that may be NaN or Inf.
[[nodiscard]] bool has_infinity(ElementType type);

inline constexpr std::uint64_t no_sample = ~std::uint64_t{0};

struct LaunchShape {
  kernels::Dim grid;
  kernels::Dim block;
};

// Of row passes, with every number of lanes.
[[nodiscard]] std::vector<LaunchShape> row_launches();
[[nodiscard]] std::vector<LaunchShape> column_launches();
[[nodiscard]] std::vector<LaunchShape> item_launches();

// A matrix with NaN behind each row, as the kernels are given it.
class DeviceRows {
 public:
  DeviceRows(std::size_t rows, std::size_t cols, std::size_t padding);
  DeviceRows(const Matrix& values, std::size_t padding);

  [[nodiscard]] kernels::DeviceMatrix matrix();
  [[nodiscard]] std::span<const double> row(std::size_t i) const {
    return std::span(storage_.values()).subspan(i * storage_.cols(), cols_);
  }
  // Whether nothing was written behind the rows.
  [[nodiscard]] bool padding_untouched() const;

 private:
  std::size_t cols_;
  Matrix storage_;
};

}  // namespace collapscope::test
