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
    : kernels_(kernels),
      columns_(padded(columns)),
      block_size_((kernels.panel == 0 ? block_rows : panel_rows) * columns_),
      values_((rows + block_rows - 1) / block_rows * block_size_, 0.0) {}

void PackedRows::pack(std::size_t block, const Room& from, std::size_t rows,
                      std::span<const double> divisors) {
  kernels_.pack({from.data(), from.stride(), rows, columns_, divisors.data(), target(block).rows});
}

RowTarget PackedRows::target(std::size_t block) {
  double* rows = values_.data() + block * block_size_;
  const std::size_t panel = kernels_.panel;
  return panel == 0 ? RowTarget{rows, columns_} : RowTarget{rows, panel, panel, panel_rows * panel};
}

std::vector<GramPart> gram_parts(std::size_t columns, std::size_t panel, std::size_t threads,
                                 std::size_t first_column) {
  const std::size_t panels = columns / panel;
  const std::size_t least = first_column / panel;
  std::size_t height = round_up(128 / panel, 3);
  std::size_t width = height;
  const auto count = [&] {
    const std::size_t across = (panels - least + width - 1) / width;
    return across * ((panels + height - 1) / height + 1) / 2;
  };
  while (threads > 1 && width > 3 && count() < 4 * threads) {
    width = round_up(width / 2, 3);
    height = std::max<std::size_t>(6, height / 2);
  }
  std::vector<GramPart> parts;
  for (std::size_t column = panels; column > least;) {
    std::size_t first = (column - 1) / width * width;
    if (column - first == 1 && first > 0) {
      first -= width;  // one panel alone is slow
    }
    first = std::max(first, least);
    for (std::size_t row = 0; row < column; row += height) {
      parts.push_back({row, std::min(row + height, column), first, column});
    }
    column = first;
  }
  return parts;
}

PackedFloats::PackedFloats(const VectorKernels& kernels, std::size_t rows, std::size_t columns)
    : kernels_(kernels),
      columns_(round_up(columns, kernels.float_panel)),
      values_((rows + block_rows - 1) / block_rows * panel_rows * columns_, 0.0F) {}

void PackedFloats::pack(std::size_t block, const Room& from, std::size_t rows,
                        std::span<const double> divisors, AlignedDoubles& squares) {
  kernels_.narrow(
      {from.data(), from.stride(), rows, columns_, divisors.data(), target(block), squares.data()});
}

GramSum::GramSum(const VectorKernels& kernels, std::size_t columns)
    : kernels_(kernels),
      columns_(columns),
      stride_((padded(columns) / 8 | 1U) * 8),
      values_(padded(columns) * stride_) {
  clear();
}

MatrixView<const double> GramSum::symmetric() {
  const MatrixView<double> all{values_.data(), columns_, columns_, stride_};
  linalg::mirror_upper(all);
  return all;
}

void GramSum::clear() {
  constexpr std::size_t at_once = std::size_t{1} << 18U;
  linalg::share((values_.size() + at_once - 1) / at_once, [&](std::size_t part) {
    const std::size_t first = part * at_once;
    std::fill_n(values_.data() + first, std::min(at_once, values_.size() - first), 0.0);
  });
}

void GramSum::add(const PackedRows& packed, std::size_t rows, const Team& team, std::size_t first_column) {
  if (kernels_.panel == 0) {
    const MatrixView<const double> x{packed.block(0), rows, columns_, packed.columns()};
    const MatrixView<double> c{values_.data(), columns_, columns_, stride_};
    if (first_column == 0) {
      linalg::add_gram_upper(x, c);
      return;
    }
    const std::size_t count = columns_ - first_column;
    linalg::gemm(1.0, x, linalg::Transpose::yes, x.middle_cols(first_column, count), linalg::Transpose::no,
                 1.0, c.middle_cols(first_column, count));
    return;
  }
  const std::vector<GramPart> parts =
      gram_parts(packed.columns(), kernels_.panel, team.threads(), first_column);
  team.run(parts.size(), [&](std::size_t part, std::size_t) { add_part(parts[part], packed, rows); });
}

void GramSum::add_part(const GramPart& part, const PackedRows& packed, std::size_t rows) {
  for (std::size_t row = 0; row < rows; row += block_rows) {
    kernels_.gram({packed.block(row / block_rows), std::min(block_rows, rows - row), part.first_row,
                   part.last_row, part.first_column, part.last_column, values_.data(), stride_});
  }
}

void GramSum::add_part(const GramPart& part, const PackedFloats& packed, std::size_t rows, double scale) {
  for (std::size_t row = 0; row < rows; row += block_rows) {
    kernels_.float_gram({packed.block(row / block_rows), std::min(block_rows, rows - row), part.first_row,
                         part.last_row, part.first_column, part.last_column, 1 / scale / scale,
                         values_.data(), stride_});
  }
}

}  // namespace collapscope::cpu
