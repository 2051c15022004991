#include "cpu/moment_fold.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "collapscope/error.hpp"
#include "core/unbiased.hpp"
#include "core/vector_math.hpp"

namespace collapscope::cpu {

namespace {

// d as floats and as doubles in whole panels.
std::size_t whole_panels(const VectorKernels& kernels, std::size_t d) {
  return round_up(d, std::max<std::size_t>(kernels.float_panel, 8));
}

// The diagonal in float64 takes the place of the one from floats; the differences are the result.
Vector replace_diagonal(Matrix& scatter, const Vector& squares) {
  Vector error(squares.size());
  for (std::size_t j = 0; j < squares.size(); ++j) {
    error[j] = scatter(j, j) - squares[j];
    scatter(j, j) = squares[j];
  }
  return error;
}

Matrix copy_of(MatrixView<const double> all, std::size_t row, std::size_t rows, std::size_t col,
               std::size_t cols) {
  Matrix out(rows, cols);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(&all(row + i, col), cols, out.data() + i * cols);
  }
  return out;
}

}  // namespace

CpuMomentFold::CpuMomentFold(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels,
                             const Team& team)
    : spec_(spec),
      kernels_(kernels),
      team_(team),
      segment_rows_(segment_rows(spec.rows, spec.format.row_length())),
      tile_rows_(tile_rows),
      fast_(spec.precision == Precision::fast),
      y_(fast_ ? whole_panels(kernels, spec.format.row_length()) : spec.format.row_length()),
      width_(y_ + spec.targets + 2),
      blocks_((tile_rows + block_rows - 1) / block_rows),
      passes_(team.threads()),
      no_shift_(padded(width_), 0.0),
      scatter_(kernels, width_),
      unit_scatter_(kernels, spec.normalized_scatter ? width_ : 0),
      gaps_(block_rows, width_),
      packed_gaps_(kernels, block_rows, width_) {
  for (Block& block : blocks_) {
    block.squares.resize(fast_ ? width_ : 0);
    block.unit_squares.resize(fast_ ? width_ : 0);
  }
  const std::size_t floats = fast_ ? spec.format.row_length() : 0;
  if (fast_) {
    float_parts_ = gram_parts(round_up(floats, kernels.float_panel), kernels.float_panel, team.threads());
  }
  if (kernels.panel > 0) {
    parts_ = gram_parts(padded(width_), kernels.panel, team.threads(), fast_ ? y_ : 0);
    pipeline_.emplace(kernels, blocks_.size(), width_, floats, team);
  } else {
    packed_tile_.emplace(GramPipeline::room_for(kernels, blocks_.size(), width_, floats));
  }
  begin_segment();
}

RowPass& CpuMomentFold::pass_of(std::size_t slot) {
  std::unique_ptr<RowPass>& pass = passes_[slot];
  if (!pass) {
    pass = std::make_unique<RowPass>(spec_.format, kernels_, block_rows, width_);
  }
  return *pass;
}

std::size_t CpuMomentFold::rows_of(const RawTile& tile, std::size_t block) const {
  return std::min(block_rows, tile.rows - block * block_rows);
}

void CpuMomentFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (tile.rows > tile_rows_ || targets.rows() != tile.rows || targets.cols() != spec_.targets) {
    throw UsageError("MomentFold::add: the tile does not fit the fold");
  }
  if (tile.rows == 0) {
    return;
  }
  if (pilot_x_.empty()) {
    choose_pilot(tile, targets);
  }
  const std::size_t blocks = (tile.rows + block_rows - 1) / block_rows;
  add_products(tile, targets);
  for (std::size_t number = 0; number < blocks; ++number) {
    if (blocks_[number].offending) {
      throw NonFiniteSample{*blocks_[number].offending};
    }
  }
  for (std::size_t number = 0; number < blocks; ++number) {
    add_block(blocks_[number], rows_of(tile, number));
  }
  if (count_ >= segment_rows_) {
    close_segment();
  }
}

void CpuMomentFold::add_products(const RawTile& tile, MatrixView<const double> targets) {
  std::vector<GramPipeline::Work> works{scatter_work(tile, targets)};
  if (spec_.normalized_scatter) {
    works.push_back(unit_work(tile));
  }
  if (pipeline_) {
    pipeline_->run(tile.rows, works);
  } else {
    add_whole_tile(tile.rows, works);
  }
}

// z about the block's mean.
GramPipeline::Work CpuMomentFold::scatter_work(const RawTile& tile, MatrixView<const double> targets) {
  return {[this, &tile, targets](std::size_t number, std::size_t slot, PackedBlocks& to, std::size_t place) {
            RowPass& pass = pass_of(slot);
            centre_block(tile, targets, number, pass);
            Block& block = blocks_[number];
            if (block.offending) {
              return;
            }
            to.doubles.pack(place, pass.room(), rows_of(tile, number), block.mean);
            if (fast_) {
              to.floats.pack(place, pass.room(), rows_of(tile, number), block.mean, scale_, block.squares);
            }
          },
          parts_.size() + float_parts_.size(),
          [this](std::size_t part, const PackedBlocks& from, std::size_t rows) {
            if (part < parts_.size()) {
              scatter_.add_part(parts_[part], from.doubles, rows);
            } else {
              scatter_.add_part(float_parts_[part - parts_.size()], from.floats, rows, scale_);
            }
          }};
}

// h / |h|
GramPipeline::Work CpuMomentFold::unit_work(const RawTile& tile) {
  return {[this, &tile](std::size_t number, std::size_t slot, PackedBlocks& to, std::size_t place) {
            RowPass& pass = pass_of(slot);
            normalize_block(tile, number, pass);
            if (fast_) {
              to.floats.pack(place, pass.room(), rows_of(tile, number), no_shift_, 1.0,
                             blocks_[number].unit_squares);
            } else {
              to.doubles.pack(place, pass.room(), rows_of(tile, number), no_shift_);
            }
          },
          fast_ ? float_parts_.size() : parts_.size(),
          [this](std::size_t part, const PackedBlocks& from, std::size_t rows) {
            if (fast_) {
              unit_scatter_.add_part(float_parts_[part], from.floats, rows, 1.0);
            } else {
              unit_scatter_.add_part(parts_[part], from.doubles, rows);
            }
          }};
}

// Without own float64 kernels: all is packed, then all is multiplied.
void CpuMomentFold::add_whole_tile(std::size_t rows, const std::vector<GramPipeline::Work>& works) {
  for (std::size_t number = 0; number < works.size(); ++number) {
    const GramPipeline::Work& work = works[number];
    team_.run((rows + block_rows - 1) / block_rows,
              [&](std::size_t block, std::size_t slot) { work.pack(block, slot, *packed_tile_, block); });
    if (number == 0) {
      scatter_.add(packed_tile_->doubles, rows, team_, fast_ ? y_ : 0);
    } else if (!fast_) {
      unit_scatter_.add(packed_tile_->doubles, rows, team_);
    }
    team_.run(work.parts, [&](std::size_t part, std::size_t) { work.multiply(part, *packed_tile_, rows); });
  }
}

// The mean of some rows all over a segment's first tile: near enough to the layer's for sums about it to keep
// their digits, and exact where a column is constant.
void CpuMomentFold::choose_pilot(const RawTile& tile, MatrixView<const double> targets) {
  const std::size_t d = spec_.format.row_length();
  const std::size_t count = std::min<std::size_t>(tile.rows, 64);
  Matrix some(count, d);
  RowPass& pass = pass_of(0);
  for (std::size_t i = 0; i < count; ++i) {
    // A NaN or Inf among them is reported when all rows are read.
    (void)pass.read(tile, i * tile.rows / count, 1, no_shift_);
    std::copy_n(pass.room().data(), d, some.view().row(i).data());
  }
  const std::vector<double> mean = column_means(some.view());
  pilot_x_.assign(padded(d), 0.0);
  std::copy(mean.begin(), mean.end(), pilot_x_.begin());
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      largest = std::max(largest, std::abs(some(i, j) - mean[j]));
    }
  }
  scale_ = largest > 0 && std::isfinite(largest) ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
  pilot_y_ = column_means(targets);
}

void CpuMomentFold::centre_block(const RawTile& tile, MatrixView<const double> targets, std::size_t number,
                                 RowPass& pass) {
  const std::size_t n = spec_.targets;
  const std::size_t first = number * block_rows;
  const std::size_t rows = rows_of(tile, number);
  Block& block = blocks_[number];
  block.offending = pass.read(tile, first, rows, pilot_x_);
  if (block.offending) {
    return;
  }
  block.norm_sum = 0;
  block.zero_rows = 0;
  block.mean = pass.sums();
  double* right_sums = block.mean.data() + y_;
  for (std::size_t i = 0; i < rows; ++i) {
    double* right = pass.room().row(i) + y_;
    double b = 0;
    for (std::size_t j = 0; j < n; ++j) {
      right[j] = targets(first + i, j) - pilot_y_[j];
      right_sums[j] += right[j];
      b += right[j] * right[j];
    }
    right[n] = pass.squares()[i];
    right[n + 1] = b;
    right_sums[n] += right[n];
    right_sums[n + 1] += b;
    block.norm_sum += pass.norms()[i];
    block.zero_rows += pass.norms()[i] == 0 ? 1 : 0;
  }
  for (double& value : block.mean) {
    value /= static_cast<double>(rows);
  }
}

void CpuMomentFold::normalize_block(const RawTile& tile, std::size_t number, RowPass& pass) {
  const std::size_t d = spec_.format.row_length();
  const std::size_t rows = rows_of(tile, number);
  (void)pass.read(tile, number * block_rows, rows, no_shift_);
  for (std::size_t i = 0; i < rows; ++i) {
    double* row = pass.room().row(i);
    const double divisor = pass.norms()[i] == 0 ? 1.0 : pass.norms()[i];
    std::transform(row, row + d, row, [&](double value) { return value / divisor; });
    std::fill(row + d, row + width_, 0.0);
  }
}

// Chan's update, but for the product of the gap between the means: that is summed with others as one row
// each.
void CpuMomentFold::add_block(const Block& block, std::size_t rows) {
  const double before = static_cast<double>(count_);
  const double added = static_cast<double>(rows);
  const double weight = std::sqrt(before / (before + added) * added);
  double* gap = gaps_.row(gap_rows_);
  for (std::size_t j = 0; j < width_; ++j) {
    const double step = block.mean[j] - mean_[j];
    gap[j] = weight * step;
    mean_[j] = count_ == 0 ? block.mean[j] : mean_[j] + step * (added / (before + added));
  }
  for (std::size_t j = 0; fast_ && j < squares_.size(); ++j) {
    squares_[j] += block.squares[j] + gap[j] * gap[j];
    unit_squares_[j] += block.unit_squares[j];
  }
  gap_rows_ += count_ == 0 ? 0 : 1;
  count_ += rows;
  norm_sum_ += block.norm_sum;
  zero_rows_ += block.zero_rows;
  if (gap_rows_ == block_rows) {
    add_gaps();
  }
}

void CpuMomentFold::add_gaps() {
  packed_gaps_.pack(0, gaps_, gap_rows_, no_shift_);
  scatter_.add(packed_gaps_, gap_rows_, team_);
  gap_rows_ = 0;
}

void CpuMomentFold::begin_segment() {
  pilot_x_.clear();
  count_ = 0;
  mean_.assign(padded(width_), 0.0);
  norm_sum_ = 0;
  zero_rows_ = 0;
  scatter_.clear();
  unit_scatter_.clear();
  squares_.assign(fast_ ? spec_.format.row_length() : 0, 0.0);
  unit_squares_ = squares_;
}

void CpuMomentFold::take_diagonals(Moments& segment) const {
  segment.scatter_error = replace_diagonal(segment.feature_scatter, squares_);
  if (spec_.normalized_scatter) {
    segment.normalized_scatter_error = replace_diagonal(segment.normalized_scatter, unit_squares_);
  }
}

void CpuMomentFold::close_segment() {
  const std::size_t d = spec_.format.row_length();
  const std::size_t n = spec_.targets;
  const double rows = static_cast<double>(count_);
  add_gaps();
  const MatrixView<const double> sums = scatter_.symmetric();
  Moments segment;
  segment.count = count_;
  segment.norm_sum = norm_sum_;
  segment.zero_rows = zero_rows_;
  segment.feature_scatter = copy_of(sums, 0, d, 0, d);
  segment.cross_scatter = copy_of(sums, 0, d, y_, n);
  segment.target_scatter = copy_of(sums, y_, n, y_, n);
  if (spec_.normalized_scatter) {
    segment.normalized_scatter = copy_of(unit_scatter_.symmetric(), 0, d, 0, d);
  }
  if (fast_) {
    take_diagonals(segment);
  }
  const Vector mean_x(mean_.begin(), mean_.begin() + static_cast<std::ptrdiff_t>(d));
  const Vector mean_y(mean_.begin() + static_cast<std::ptrdiff_t>(y_),
                      mean_.begin() + static_cast<std::ptrdiff_t>(y_ + n));
  // Sums of products about the pilot, from those about the means.
  const auto product_sum = [&](std::size_t i, std::size_t j) {
    return sums(i, j) + rows * mean_[i] * mean_[j];
  };
  const std::size_t a = y_ + n;
  const std::size_t b = a + 1;
  UnbiasedSums unbiased{product_sum(a, a), product_sum(a, b), product_sum(b, b), Vector(d),
                        Vector(n),         Vector(d),         Vector(n)};
  for (std::size_t j = 0; j < d; ++j) {
    unbiased.a_x[j] = product_sum(j, a);
    unbiased.b_x[j] = product_sum(j, b);
  }
  for (std::size_t j = 0; j < n; ++j) {
    unbiased.a_y[j] = product_sum(y_ + j, a);
    unbiased.b_y[j] = product_sum(y_ + j, b);
  }
  segment.unbiased = recentred(std::move(unbiased), segment, mean_x, mean_y);
  segment.feature_mean.assign(pilot_x_.begin(), pilot_x_.begin() + static_cast<std::ptrdiff_t>(d));
  segment.target_mean = pilot_y_;
  add_scaled(segment.feature_mean, 1.0, mean_x);
  add_scaled(segment.target_mean, 1.0, mean_y);
  tree_.put(segments_++, std::move(segment));
  begin_segment();
}

Moments CpuMomentFold::finish() {
  if (count_ > 0) {
    close_segment();
  }
  segments_ = 0;
  return tree_.finish();
}

}  // namespace collapscope::cpu
