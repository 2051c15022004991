#include "cpu/row_pass.hpp"

#include <algorithm>
#include <cmath>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope::cpu {

namespace {

// How the kernels read the layer, when its rows are runs of consecutive numbers of a type they know.
std::optional<Stored> directly_stored(const RowFormat& format) {
  const bool rows_are_runs = format.layout == Layout::rows || format.pool == Pool::flatten ||
                             (format.pool == Pool::none && format.layout != Layout::nchw);
  if (!rows_are_runs || format.element.big_endian) {
    return std::nullopt;
  }
  switch (format.element.kind) {
    case ElementKind::float16:
      return Stored::float16;
    case ElementKind::bfloat16:
      return Stored::bfloat16;
    case ElementKind::float32:
      return Stored::float32;
    case ElementKind::float64:
      return Stored::float64;
    default:
      return std::nullopt;
  }
}

// Rows [first, first + count) of a tile as a tile of their own.
RawTile part_of(const RawTile& tile, const RowFormat& format, std::size_t first, std::size_t count) {
  const std::size_t row = tile.skip_rows + first;
  const std::size_t per_sample = format.rows_per_sample();
  return {tile.bytes.subspan(row / per_sample * format.sample_bytes()), row % per_sample, count,
          tile.first_row + first};
}

}  // namespace

double norm(std::span<const double> v) {
  double squared = 0;
  double largest = 0;
  for (const double x : v) {
    squared += x * x;
    largest = std::max(largest, std::abs(x));
  }
  if (largest == 0 || (squared > 1e-280 && std::isfinite(squared))) {
    return std::sqrt(squared);
  }
  double sum = 0;
  for (const double x : v) {
    sum += (x / largest) * (x / largest);
  }
  return largest * std::sqrt(sum);
}

std::vector<double> column_means(MatrixView<const double> rows) {
  std::vector<double> mean(rows.cols(), 0.0);
  if (rows.rows() == 0) {
    return mean;
  }
  const auto first = rows.row(0);
  for (std::size_t i = 1; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t j = 0; j < row.size(); ++j) {
      mean[j] += row[j] - first[j];
    }
  }
  const double count = static_cast<double>(rows.rows());
  for (std::size_t j = 0; j < mean.size(); ++j) {
    mean[j] = first[j] + mean[j] / count;
  }
  return mean;
}

RowPass::RowPass(const RowFormat& format, const VectorKernels& kernels, std::size_t rows, std::size_t columns)
    : format_(format),
      kernels_(kernels),
      stored_(directly_stored(format)),
      decoded_(stored_ ? 0 : rows, format.row_length()),
      columns_(columns),
      sums_(padded(columns), 0.0),
      norms_(rows, 0.0),
      centred_squares_(rows, 0.0),
      row_(format.row_length(), 0.0) {}

std::optional<std::uint64_t> RowPass::decode(const RawTile& tile, std::size_t first, std::size_t count) {
  return decode_tile(part_of(tile, format_, first, count), format_, decoded_.view().middle_rows(0, count));
}

std::optional<std::uint64_t> RowPass::read(const RawTile& tile, std::size_t first, std::size_t count,
                                           const AlignedDoubles& shift) {
  if (room_.data() == nullptr) {
    room_ = Room(norms_.size(), columns_);
  }
  return read(tile, first, count, shift, {room_.data(), room_.stride()});
}

std::optional<std::uint64_t> RowPass::read(const RawTile& tile, std::size_t first, std::size_t count,
                                           const AlignedDoubles& shift, const RowTarget& to) {
  const std::size_t d = format_.row_length();
  if (stored_) {
    const std::size_t row_bytes = d * format_.element.size();
    if (tile.bytes.size() < (tile.skip_rows + first + count) * row_bytes) {
      throw UsageError("RowPass::read: the tile has not enough bytes");
    }
    source_ = {tile.bytes.data() + (tile.skip_rows + first) * row_bytes, row_bytes, format_.element};
  } else {
    if (const auto sample = decode(tile, first, count)) {
      return sample;
    }
    source_ = {std::as_bytes(decoded_.values()).data(), d * sizeof(double), {ElementKind::float64}};
  }
  std::fill(sums_.begin(), sums_.end(), 0.0);
  kernels_.centre[static_cast<std::size_t>(stored_.value_or(Stored::float64))](
      {source_.bytes, source_.row_bytes, count, d, shift.data(), to.rows, to.stride, to.panel_size,
       sums_.data(), norms_.data(), centred_squares_.data(), to.floats, to.scale, to.column_squares});
  std::size_t offending = 0;
  if (!finish_norms(count, offending)) {
    return (tile.first_row + first + offending) / format_.rows_per_sample();
  }
  return std::nullopt;
}

void RowPass::plain_row(std::size_t i, std::span<double> to) const {
  decode_elements({source_.bytes + i * source_.row_bytes, source_.row_bytes}, source_.element, to);
}

// Squares that overflowed, vanished or came from a NaN or Inf are looked at again; roots are taken.
bool RowPass::finish_norms(std::size_t count, std::size_t& offending) {
  for (std::size_t i = 0; i < count; ++i) {
    if (norms_[i] > 1e-280 && std::isfinite(norms_[i])) {
      norms_[i] = std::sqrt(norms_[i]);
      continue;
    }
    plain_row(i, row_);
    if (!std::all_of(row_.begin(), row_.end(), [](double value) { return std::isfinite(value); })) {
      offending = i;
      return false;
    }
    norms_[i] = norm(row_);
  }
  return true;
}

Room some_rows(RowPass& pass, const RawTile& tile, std::size_t d) {
  const AlignedDoubles no_shift(padded(d), 0.0);
  Room some(std::min<std::size_t>(tile.rows, 64), d);
  for (std::size_t i = 0; i < some.rows(); ++i) {
    (void)pass.read(tile, i * tile.rows / some.rows(), 1, no_shift, {some.row(i), some.stride()});
  }
  return some;
}

}  // namespace collapscope::cpu
