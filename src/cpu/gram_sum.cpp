#include "cpu/gram_sum.hpp"

#include <algorithm>
#include <vector>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

std::size_t blocks_at_once(const VectorKernels& kernels, std::size_t tile_blocks, std::size_t columns,
                           std::size_t threads) {
  const std::size_t cached = (std::size_t{1} << 15U) / (block_rows * padded(columns));
  return kernels.panel == 0 ? tile_blocks : std::min(tile_blocks, threads * std::max<std::size_t>(cached, 1));
}

PackedRows::PackedRows(const VectorKernels& kernels, std::size_t rows, std::size_t columns)
    : kernels_(kernels), columns_(padded(columns)), values_(round_up(rows, block_rows) * columns_, 0.0) {}

void PackedRows::pack(std::size_t block, const Room& from, std::size_t rows, const AlignedDoubles& shift) {
  kernels_.pack({from.data(), from.stride(), rows, columns_, shift.data(),
                 values_.data() + block * block_rows * columns_});
}

// Parts that cover the diagonal and what is above it, the dearest first. Their rows' panels fit into a
// second-level cache; they are small enough for every thread to have some.
std::vector<GramSum::Part> GramSum::parts_of(std::size_t panels, std::size_t panel, std::size_t threads) {
  std::size_t height = round_up(128 / panel, 3);
  std::size_t width = height;
  const auto count = [&] {
    const std::size_t across = (panels + width - 1) / width;
    return across * ((panels + height - 1) / height + 1) / 2;
  };
  while (threads > 1 && width > 3 && count() < 4 * threads) {
    width = round_up(width / 2, 3);
    height = std::max<std::size_t>(6, height / 2);
  }
  std::vector<Part> parts;
  for (std::size_t column = panels; column > 0;) {
    std::size_t first = (column - 1) / width * width;
    if (column - first == 1 && first > 0) {
      first -= width;  // one panel alone is slow
    }
    for (std::size_t row = 0; row < column; row += height) {
      parts.push_back({row, std::min(row + height, column), first, column});
    }
    column = first;
  }
  return parts;
}

GramSum::GramSum(const VectorKernels& kernels, std::size_t columns, std::size_t threads)
    : kernels_(kernels),
      columns_(columns),
      stride_((padded(columns) / 8 | 1U) * 8),
      parts_(kernels.panel == 0 ? std::vector<Part>()
                                : parts_of(padded(columns) / kernels.panel, kernels.panel, threads)),
      values_(padded(columns) * stride_, 0.0) {}

MatrixView<const double> GramSum::symmetric() {
  const MatrixView<double> all{values_.data(), columns_, columns_, stride_};
  linalg::mirror_upper(all);
  return all;
}

void GramSum::clear() { std::fill(values_.begin(), values_.end(), 0.0); }

void GramSum::add(const PackedRows& packed, std::size_t rows, const Team& team) {
  if (kernels_.panel == 0) {
    linalg::add_gram_upper({packed.block(0), rows, columns_, packed.columns()},
                           {values_.data(), columns_, columns_, stride_});
    return;
  }
  team.run(parts_.size(), [&](std::size_t part, std::size_t) { add_part(part, packed, rows); });
}

void GramSum::add_part(std::size_t part, const PackedRows& packed, std::size_t rows) {
  const Part& here = parts_[part];
  for (std::size_t row = 0; row < rows; row += block_rows) {
    kernels_.gram({packed.block(row / block_rows), std::min(block_rows, rows - row), here.first_row,
                   here.last_row, here.first_column, here.last_column, values_.data(), stride_});
  }
}

}  // namespace collapscope::cpu
