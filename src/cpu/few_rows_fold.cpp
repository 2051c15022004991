#include "cpu/few_rows_fold.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cpu/small_rows.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

Matrix shortened(Matrix rows, std::size_t count) {
  if (count == rows.rows()) {
    return rows;
  }
  Matrix out(count, rows.cols());
  std::copy_n(rows.data(), out.values().size(), out.data());
  return out;
}

// The mean of the rows, which are about it then.
Vector centre(Matrix& rows) {
  Vector mean = column_means(std::as_const(rows).view());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.view().row(i);
    std::ranges::transform(row, mean, row.begin(), std::minus<>());
  }
  return mean;
}

// Rows that a thread reads at a time: about 4 MiB.
std::size_t rows_at_once(std::size_t d) { return std::clamp<std::size_t>((1U << 19U) / d, 1, block_rows); }

Vector squares_of(const Matrix& rows) {
  Vector squares(rows.rows());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.view().row(i);
    squares[i] = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
  }
  return squares;
}

}  // namespace

FewRowsFold::FewRowsFold(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels,
                         const Team& team)
    : spec_(spec),
      tile_rows_(tile_rows),
      kernels_(kernels),
      team_(team),
      block_(rows_at_once(spec.format.row_length())),
      passes_(team.threads()),
      no_shift_(padded(spec.format.row_length()), 0.0),
      // Of whole tiles.
      classes_(spec, std::min<std::size_t>(tile_rows, most_rows()), kernels,
               std::max<std::size_t>(2, team.threads())) {}

std::size_t FewRowsFold::most_rows() const { return static_cast<std::size_t>(spec_.rows); }

RowPass& FewRowsFold::pass_of(std::size_t slot) {
  std::unique_ptr<RowPass>& pass = passes_[slot];
  if (pass == nullptr) {
    pass = std::make_unique<RowPass>(spec_.format, kernels_, block_, spec_.format.row_length());
  }
  return *pass;
}

void FewRowsFold::begin_segment() {
  pilot_.clear();
  x_ = units_ = y_ = Matrix();
  norms_.clear();
  count_ = 0;
}

void FewRowsFold::choose_pilot(const RawTile& tile, MatrixView<const double> targets) {
  const std::size_t d = spec_.format.row_length();
  const Room some = some_rows(pass_of(0), tile, d);
  const Vector mean = column_means({some.data(), some.rows(), d, some.stride()});
  pilot_.assign(padded(d), 0.0);
  std::ranges::copy(mean, pilot_.begin());
  x_ = Matrix(most_rows(), d);
  units_ = Matrix(spec_.normalized_scatter ? most_rows() : 0, d);
  y_ = Matrix(most_rows(), classes_.wanted() ? 0 : targets.cols());
  norms_.assign(most_rows(), 0.0);
  if (classes_.wanted()) {
    classes_.begin(mean);
  }
}

void FewRowsFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (tile.rows > tile_rows_ || targets.rows() != tile.rows ||
      targets.cols() != (classes_.wanted() ? 1 : spec_.targets)) {
    throw UsageError("MomentFold::add: the tile does not fit the fold");
  }
  if (tile.rows == 0) {
    return;
  }
  if (pilot_.empty()) {
    choose_pilot(tile, targets);
  }
  if (tile.rows > most_rows() - count_) {
    throw UsageError("MomentFold::add: more rows than the fold is for");
  }
  const std::size_t blocks = (tile.rows + block_ - 1) / block_;
  std::vector<std::optional<std::uint64_t>> offending(blocks);
  team_.run(blocks, [&](std::size_t block, std::size_t slot) {
    RowPass& pass = pass_of(slot);
    const std::size_t first = block * block_;
    const std::size_t rows = std::min(block_, tile.rows - first);
    offending[block] = pass.read(tile, first, rows, pilot_);
    if (!offending[block]) {
      read_block(tile, first, rows, pass);
    }
  });
  for (const std::optional<std::uint64_t>& sample : offending) {
    if (sample) {
      throw NonFiniteSample{*sample};
    }
  }
  if (classes_.wanted()) {
    classes_.add(targets, team_);
  }
  for (std::size_t i = 0; i < tile.rows && !classes_.wanted(); ++i) {
    std::ranges::copy(targets.row(i), y_.view().row(count_ + i).begin());
  }
  count_ += tile.rows;
}

// Of rows that `pass` has read.
void FewRowsFold::read_block(const RawTile& tile, std::size_t first, std::size_t rows, RowPass& pass) {
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<const double> row(pass.room().row(i), x_.cols());
    std::ranges::copy(row, x_.view().row(count_ + first + i).begin());
    norms_[count_ + first + i] = pass.norms()[i];
    if (classes_.wanted()) {
      std::ranges::copy(row, classes_.row(first + i).begin());
      classes_.square(first + i) = pass.squares()[i];
    }
  }
  if (spec_.normalized_scatter || classes_.wants_unit()) {
    take_units(tile, first, rows, pass);
  }
}

void FewRowsFold::take_units(const RawTile& tile, std::size_t first, std::size_t rows, RowPass& pass) {
  (void)pass.read(tile, first, rows, no_shift_);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<double> row(pass.room().row(i), x_.cols());
    const double factor = 1 / unit_divisor(row, pass.norms()[i]);
    std::ranges::transform(row, row.begin(), [factor](double value) { return value * factor; });
    if (spec_.normalized_scatter) {
      std::ranges::copy(row, units_.view().row(count_ + first + i).begin());
    }
    if (classes_.wants_unit()) {
      std::ranges::copy(row, classes_.unit_rows().row(first + i));
    }
  }
}

Moments FewRowsFold::segment_moments() {
  Moments segment;
  segment.count = count_;
  Matrix x = shortened(std::move(x_), count_);
  Matrix y = shortened(std::move(y_), count_);
  segment.feature_mean = centre(x);
  for (std::size_t j = 0; j < segment.feature_mean.size(); ++j) {
    segment.feature_mean[j] += pilot_[j];
  }
  segment.target_mean = centre(y);
  const Vector a = squares_of(x);
  const Vector b = squares_of(y);
  segment.unbiased = {dot(a, a),
                      dot(a, b),
                      dot(b, b),
                      transposed_product(x, a),
                      transposed_product(y, a),
                      transposed_product(x, b),
                      transposed_product(y, b)};
  segment.cross_scatter = linalg::product(x, linalg::Transpose::yes, y, linalg::Transpose::no);
  segment.target_scatter = linalg::product(y, linalg::Transpose::yes, y, linalg::Transpose::no);
  segment.feature_scatter = Scatter::of_rows(std::move(x));
  if (spec_.normalized_scatter) {
    segment.normalized_scatter = Scatter::of_rows(shortened(std::move(units_), count_));
  }
  norms_.resize(count_);
  segment.norm_sum = std::accumulate(norms_.begin(), norms_.end(), 0.0);
  segment.zero_rows = static_cast<std::uint64_t>(std::ranges::count(norms_, 0.0));
  if (classes_.wanted()) {
    segment.classes = classes_.finish();
  }
  return segment;
}

Moments FewRowsFold::finish() {
  Moments segment = count_ > 0 ? segment_moments() : Moments();
  begin_segment();
  return segment;
}

}  // namespace collapscope::cpu
