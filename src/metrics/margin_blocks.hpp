// What both searches for margins take: blocks of rows, and numbers in float32.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "collapscope/core/stored_matrix.hpp"

namespace collapscope::margins {

constexpr std::size_t block_across = 256;
// What is found by rounding after the products, and then by rounding where a row is looked at, is left out.
constexpr double safety = 1 - 1e-5;
// Pairs that are looked at one after another only where one of them tells something new.
constexpr std::size_t run_length = 64;

struct Block {
  std::size_t first = 0;
  std::size_t count = 0;
};

// Rows in blocks of one length. Long ones: less is copied for a product.
class Blocks {
 public:
  Blocks(std::size_t rows, std::size_t length) : rows_(rows), length_(length) {}

  [[nodiscard]] std::size_t count() const { return (rows_ + length_ - 1) / length_; }
  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] Block operator[](std::size_t number) const {
    const std::size_t first = number * length_;
    return {first, std::min(length_, rows_ - first)};
  }

 private:
  std::size_t rows_;
  std::size_t length_;
};

inline Blocks blocks_down(std::size_t rows) {
  return {rows, std::clamp<std::size_t>(rows / 4096 * block_across, block_across, 4 * block_across)};
}

inline StoredRows some_rows(const StoredRows& of, const Block& block) {
  return of.middle_rows(block.first, block.count);
}

inline std::vector<float> narrowed(std::span<const double> values) {
  std::vector<float> out(values.size());
  std::ranges::transform(values, out.begin(), [](double value) { return static_cast<float>(value); });
  return out;
}

}  // namespace collapscope::margins
