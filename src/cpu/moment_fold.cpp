#include "cpu/moment_fold.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/unbiased.hpp"
#include "core/vector_math.hpp"
#include "cpu/small_rows.hpp"
#include "linalg/blas.hpp"

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

Vector quotients(std::span<const double> of, double divisor) {
  Vector out(of.begin(), of.end());
  for (double& value : out) {
    value /= divisor;
  }
  return out;
}

Matrix copy_of(MatrixView<const double> all, std::size_t row, std::size_t rows, std::size_t col,
               std::size_t cols) {
  constexpr std::size_t at_once = std::size_t{1} << 16U;
  const std::size_t of_thread = at_once / (cols + 1) + 1;
  Matrix out = Matrix::unfilled(rows, cols);
  linalg::share((rows + of_thread - 1) / of_thread, [&](std::size_t part) {
    for (std::size_t i = part * of_thread; i < std::min(rows, (part + 1) * of_thread); ++i) {
      std::copy_n(&all(row + i, col), cols, out.data() + i * cols);
    }
  });
  return out;
}

}  // namespace

CpuMomentFold::CpuMomentFold(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels,
                             const Team& team)
    : spec_(spec),
      kernels_(kernels),
      team_(team),
      tile_rows_(tile_rows),
      fast_(spec.precision == Precision::fast),
      y_(fast_ ? whole_panels(kernels, spec.format.row_length()) : spec.format.row_length()),
      width_(y_ + spec.targets + 2),
      blocks_((tile_rows + block_rows - 1) / block_rows),
      passes_(team.threads()),
      no_shift_(padded(width_), 0.0),
      scatter_(kernels, width_),
      unit_scatter_(kernels, spec.normalized_scatter ? width_ : 0),
      classes_(spec, tile_rows, kernels, team.threads()) {
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
  if (tile.rows > tile_rows_ || targets.rows() != tile.rows ||
      targets.cols() != (classes_.wanted() ? 1 : spec_.targets)) {
    throw UsageError("MomentFold::add: the tile does not fit the fold");
  }
  if (tile.rows == 0) {
    return;
  }
  if (pilot_x_.empty()) {
    begin_segment();
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
  if (classes_.wanted() && !classes_.by_blocks()) {
    classes_.add(targets, team_);
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

GramPipeline::Work CpuMomentFold::scatter_work(const RawTile& tile, MatrixView<const double> targets) {
  return {[this, &tile, targets](std::size_t number, std::size_t slot, PackedBlocks& to, std::size_t place) {
            RowTarget target = to.doubles.target(place);
            if (fast_) {
              target.floats = to.floats.target(place);
              target.scale = scale_;
              std::fill(blocks_[number].squares.begin(), blocks_[number].squares.end(), 0.0);
              target.column_squares = blocks_[number].squares.data();
            }
            pack_block(tile, targets, number, pass_of(slot), target);
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
            const std::size_t rows = rows_of(tile, number);
            (void)pass.read(tile, number * block_rows, rows, no_shift_);
            std::array<double, block_rows> norms{};
            for (std::size_t i = 0; i < rows; ++i) {
              norms[i] = unit_divisor({pass.room().row(i), spec_.format.row_length()}, pass.norms()[i]);
            }
            if (fast_) {
              to.floats.pack(place, pass.room(), rows, norms, blocks_[number].unit_squares);
            } else {
              to.doubles.pack(place, pass.room(), rows, norms);
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
  const Room some = some_rows(pass_of(0), tile, d);
  const std::size_t count = some.rows();
  const std::vector<double> mean = column_means({some.data(), count, d, some.stride()});
  pilot_x_.assign(padded(d), 0.0);
  std::copy(mean.begin(), mean.end(), pilot_x_.begin());
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      largest = std::max(largest, std::abs(some.row(i)[j] - mean[j]));
    }
  }
  scale_ = largest > 0 && std::isfinite(largest) ? std::ldexp(1.0, -std::ilogb(largest)) : 1.0;
  if (classes_.wanted()) {
    pilot_y_.clear();
    classes_.begin(mean);
  } else {
    pilot_y_ = column_means(targets);
  }
}

// z about the pilot.
void CpuMomentFold::pack_block(const RawTile& tile, MatrixView<const double> targets, std::size_t number,
                               RowPass& pass, const RowTarget& to) {
  const std::size_t n = spec_.targets;
  const std::size_t first = number * block_rows;
  const std::size_t rows = rows_of(tile, number);
  Block& block = blocks_[number];
  block.offending = pass.read(tile, first, rows, pilot_x_, to);
  if (block.offending) {
    return;
  }
  block.norm_sum = 0;
  block.zero_rows = 0;
  block.sums = pass.sums();
  double* right_sums = block.sums.data() + y_;
  for (std::size_t i = 0; i < rows; ++i) {
    const double a = pass.squares()[i];
    double b = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double y = targets(first + i, j) - pilot_y_[j];
      to.at(i, y_ + j) = y;
      right_sums[j] += y;
      b += y * y;
    }
    to.at(i, y_ + n) = a;
    to.at(i, y_ + n + 1) = b;
    right_sums[n] += a;
    right_sums[n + 1] += b;
    block.norm_sum += pass.norms()[i];
    block.zero_rows += pass.norms()[i] == 0 ? 1 : 0;
  }
  if (classes_.wanted()) {
    pack_classes(tile, number, pass, to);
    if (classes_.by_blocks()) {
      classes_.add(targets.middle_rows(first, rows), team_);
    }
  }
}

// The block's rows once more, for the sums of their classes.
void CpuMomentFold::pack_classes(const RawTile& tile, std::size_t number, RowPass& pass,
                                 const RowTarget& from) {
  const std::size_t first = number * block_rows;
  const std::size_t rows = rows_of(tile, number);
  const std::size_t place = classes_.by_blocks() ? 0 : first;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::span<double> row = classes_.row(place + i);
    const std::size_t run = from.panel == 0 ? row.size() : from.panel;
    for (std::size_t j = 0; j < row.size(); j += run) {
      const double* const some = &from.at(i, j);
      const std::size_t count = std::min(run, row.size() - j);
      for (std::size_t k = 0; k < count; ++k) {  // too few for a call
        row[j + k] = some[k];
      }
    }
    classes_.square(place + i) = pass.squares()[i];
  }
  if (!classes_.wants_unit()) {
    return;
  }
  (void)pass.read(tile, first, rows, no_shift_);
  std::array<double, block_rows> factors{};
  std::array<double, block_rows> squares{};
  std::array<const double*, block_rows> less{};
  less.fill(no_shift_.data());
  Room& h = pass.room();
  for (std::size_t i = 0; i < rows; ++i) {
    factors[i] = 1 / unit_divisor({h.row(i), spec_.format.row_length()}, pass.norms()[i]);
  }
  Room& unit = classes_.unit_rows();
  kernels_.rest({h.data(), h.stride(), rows, spec_.format.row_length(), factors.data(), no_shift_.data(),
                 less.data(), unit.row(place), unit.stride(), squares.data()});
}

void CpuMomentFold::add_block(const Block& block, std::size_t rows) {
  for (std::size_t j = 0; j < width_; ++j) {
    sums_[j] += block.sums[j];
  }
  for (std::size_t j = 0; fast_ && j < squares_.size(); ++j) {
    squares_[j] += block.squares[j];
    unit_squares_[j] += block.unit_squares[j];
  }
  count_ += rows;
  norm_sum_ += block.norm_sum;
  zero_rows_ += block.zero_rows;
}

void CpuMomentFold::begin_segment() {
  count_ = 0;
  sums_.assign(padded(width_), 0.0);
  norm_sum_ = 0;
  zero_rows_ = 0;
  if (sums_are_used_) {
    scatter_.clear();
    unit_scatter_.clear();
  }
  sums_are_used_ = true;
  squares_.assign(fast_ ? spec_.format.row_length() : 0, 0.0);
  unit_squares_ = squares_;
}

void CpuMomentFold::take_diagonals(Moments& segment) const {
  segment.scatter_error = replace_diagonal(segment.feature_scatter.products, squares_);
  if (spec_.normalized_scatter) {
    segment.normalized_scatter_error = replace_diagonal(segment.normalized_scatter.products, unit_squares_);
  }
}

Moments CpuMomentFold::segment_moments() {
  const std::size_t d = spec_.format.row_length();
  const std::size_t n = spec_.targets;
  const double rows = static_cast<double>(count_);
  const MatrixView<const double> sums = scatter_.symmetric();
  Moments segment;
  segment.count = count_;
  segment.norm_sum = norm_sum_;
  segment.zero_rows = zero_rows_;
  segment.feature_scatter.products = copy_of(sums, 0, d, 0, d);
  segment.cross_scatter = copy_of(sums, 0, d, y_, n);
  segment.target_scatter = copy_of(sums, y_, n, y_, n);
  if (spec_.normalized_scatter) {
    segment.normalized_scatter.products = copy_of(unit_scatter_.symmetric(), 0, d, 0, d);
  }
  if (fast_) {
    take_diagonals(segment);
  }
  const Vector mean_x = quotients({sums_.data(), d}, rows);
  const Vector mean_y = quotients({sums_.data() + y_, n}, rows);
  add_outer(segment.feature_scatter.products, -rows, mean_x, mean_x);
  add_outer(segment.cross_scatter, -rows, mean_x, mean_y);
  add_outer(segment.target_scatter, -rows, mean_y, mean_y);
  const std::size_t a = y_ + n;
  const std::size_t b = a + 1;
  UnbiasedSums unbiased{sums(a, a), sums(a, b), sums(b, b), Vector(d), Vector(n), Vector(d), Vector(n)};
  for (std::size_t j = 0; j < d; ++j) {
    unbiased.a_x[j] = sums(j, a);
    unbiased.b_x[j] = sums(j, b);
  }
  for (std::size_t j = 0; j < n; ++j) {
    unbiased.a_y[j] = sums(y_ + j, a);
    unbiased.b_y[j] = sums(y_ + j, b);
  }
  segment.unbiased = recentred(std::move(unbiased), segment, mean_x, mean_y);
  segment.feature_mean.assign(pilot_x_.begin(), pilot_x_.begin() + static_cast<std::ptrdiff_t>(d));
  segment.target_mean = pilot_y_;
  add_scaled(segment.feature_mean, 1.0, mean_x);
  add_scaled(segment.target_mean, 1.0, mean_y);
  if (classes_.wanted()) {
    segment.classes = classes_.finish();
  }
  return segment;
}

Moments CpuMomentFold::finish() {
  Moments segment = count_ > 0 ? segment_moments() : Moments();
  count_ = 0;
  pilot_x_.clear();
  return segment;
}

}  // namespace collapscope::cpu
