#include "cuda/moment_fold.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/unbiased.hpp"
#include "core/vector_math.hpp"
#include "cuda/device_scatter.hpp"
#include "cuda/range.hpp"
#include "cuda/residual_fold.hpp"

namespace collapscope::cuda {

namespace {

// Parts that are summed before the sum joins the total: shorter chains of rounding.
constexpr std::size_t parts_of_group = 16;

// Parts of a segment, at most: those of tiles may be half full.
std::size_t most_parts(const FoldSpec& spec, std::size_t part_rows) {
  return 2 * (spec.rows / part_rows + 1) + 2;
}

// Floats from row to row: rows begin on 16 bytes.
std::size_t float_stride(std::size_t cols) { return (cols + 3) / 4 * 4; }

// The other of a fold's two kinds of sums is empty.
template <class Sum, class... Arguments>
Sum made_if(bool wanted, const Device& device, Arguments... arguments) {
  return wanted ? Sum(device, arguments...) : Sum();
}

}  // namespace

CudaMomentFold::Work::Work(const Device& device, const FoldSpec& spec, std::size_t rows)
    : x(device, rows * padded(spec.format.row_length() + spec.targets + 5)),
      stats(device, 3 * rows),
      unit(device,
           spec.normalized_scatter || spec.unit_classes ? rows * padded(spec.format.row_length()) : 0),
      sums(device, std::max(kernels::column_workspace(rows, spec.format.row_length()),
                            kernels::column_workspace(rows, spec.targets + 5))),
      floats(device, spec.precision == Precision::fast ? rows * float_stride(spec.format.row_length()) : 0) {}

CudaMomentFold::Sums::Sums(const Device& device, const FoldSpec& spec)
    : Sums(device, spec, spec.format.row_length(), spec.precision == Precision::fast,
           spec.precision == Precision::float64_emulated) {}

CudaMomentFold::Sums::Sums(const Device& device, const FoldSpec& spec, std::size_t d, bool fast,
                           bool emulated)
    : joint(
          made_if<ProductSum>(!fast && !emulated && is_sliced(d, d), device, d + spec.targets + 3, d, false)),
      gram(made_if<ProductSum>(!fast && joint.size() == 0, device, d, d, true, emulated)),
      unit(made_if<ProductSum>(!fast && spec.normalized_scatter, device, d, d, true, emulated)),
      float_gram(made_if<FloatGramSum>(fast, device, d)),
      float_unit(made_if<FloatGramSum>(fast && spec.normalized_scatter, device, d)),
      cross(made_if<ProductSum>(joint.size() == 0, device, spec.targets + 3, d, false)),
      right(device, spec.targets + 2, spec.targets + 2, false),
      total(device, joint.size() + gram.size() + float_gram.size() + cross.size() + right.size() +
                        unit.size() + float_unit.size()) {}

CudaMomentFold::CudaMomentFold(const Device& device, const FoldSpec& spec, std::size_t part_rows,
                               TargetStores& targets)
    : device_(device),
      spec_(spec),
      part_rows_(part_rows),
      d_(spec.format.row_length()),
      n_(spec.targets),
      most_parts_(most_parts(spec, part_rows)),
      feed_(device, spec.format, spec.classes > 0 ? 1 : spec.targets, part_rows, {spec.kept_rows, spec.rows},
            spec.classes, spec.tiles.on_device,
            stored_targets(targets, device, spec.same_targets,
                           {spec.same_targets.number, spec.format.rows_per_sample(),
                            spec.classes > 0 ? 1 : spec.targets, spec.classes, part_rows},
                           spec.rows)),
      log_(device, record_at(most_parts_)),
      source_(device, spec.format, part_rows, log_.data()),
      work_(std::in_place, device, spec, part_rows),
      sums_(std::in_place, device, spec),
      scale_(device, spec.precision == Precision::fast ? 1 : 0),
      column_sums_(device, d_),
      shares_(device, 2 * most_parts_),
      staged_shares_(device, 2 * most_parts_),
      staging_(make_staging(device, sums_->total.size() + log_.size())),
      drained_(device) {
  clear(log_.data(), log_.size(), device.compute());  // it comes down whole, and records have gaps
  if (spec.classes > 0) {
    classes_.emplace(device, spec, part_rows);
  }
}

// When its first rows come.
void CudaMomentFold::begin_segment() {
  if (sums_->total.size() == 0) {
    throw UsageError("MomentFold::add: another segment, although the first one's scatter was to stay");
  }
  if (classes_) {
    classes_->begin(device_);
  }
  source_.clear_check(device_);
  parts_in_group_ = 0;
  sums_->has_total = false;
}

void CudaMomentFold::require_fit(const RawTile& tile, MatrixView<const double> targets) const {
  if (targets.rows() != tile.rows || targets.cols() != (classes_ ? 1 : n_)) {
    throw UsageError("MomentFold::add: the tile does not fit the fold");
  }
}

void CudaMomentFold::add(const RawTile& tile, MatrixView<const double> targets) {
  const Range range("first look: tile");
  require_fit(tile, targets);
  if (const std::lock_guard lock(bringing_); !brought_.empty()) {
    throw UsageError("MomentFold::add: tiles were brought that are not summed yet");
  }
  if (classes_) {
    classes_->count(classes_->counted(targets));
  }
  device_.select();
  feed_.pass(tile, targets, [this](const DeviceRows& rows) { fold(rows); });
}

void CudaMomentFold::bring(const RawTile& tile, MatrixView<const double> targets) {
  if (!feed_.keeps()) {
    add(tile, targets);
    return;
  }
  const Range range("first look: tile ahead");
  require_fit(tile, targets);
  device_.select();
  Brought brought{feed_.bring(tile, targets), {}};
  if (classes_) {
    brought.classes = classes_->counted(targets);
  }
  const std::lock_guard lock(bringing_);
  brought_.push_back(std::move(brought));
}

std::optional<CudaMomentFold::Brought> CudaMomentFold::next_brought() {
  const std::lock_guard lock(bringing_);
  if (brought_.empty()) {
    return std::nullopt;
  }
  std::optional<Brought> next = std::move(brought_.front());
  brought_.pop_front();
  return next;
}

void CudaMomentFold::sum_brought() {
  if (!feed_.keeps()) {
    return;
  }
  const Range range("first look: tile");
  const std::optional<Brought> brought = next_brought();
  if (!brought) {
    throw UsageError("MomentFold::sum_brought: all tiles that were brought are summed");
  }
  device_.select();
  if (classes_) {
    classes_->count(brought->classes);
  }
  for (const DeviceRows& rows : brought->parts) {
    feed_.hold_back(rows);
    fold(rows);
    feed_.release(rows);
  }
}

void CudaMomentFold::settle() {
  device_.select();
  feed_.settle();
}

void CudaMomentFold::choose_pilot(const DeviceRows& rows) {
  source_.mean(device_, nullptr, work_->sums.data(), pilot());
  Call("the mean of the first targets")
      .check(kernels::column_sums({const_cast<double*>(rows.targets), rows.rows, n_, n_}, work_->sums.data(),
                                  nullptr, pilot() + d_, device_.compute()));
}

const double* CudaMomentFold::choose_centre(const DeviceRows& rows) {
  if (rows_of_part_.empty()) {
    return nullptr;
  }
  const std::size_t part = rows_of_part_.size();
  if (!measured() && rows.rows <= rows_of_part_.back()) {
    return log_.data() + record_at(part - 1);
  }
  double* const own = log_.data() + record_at(part);
  source_.mean(device_, pilot(), work_->sums.data(), own);
  return own;
}

void CudaMomentFold::take_mean(const double* centre, std::size_t rows) {
  const ProductSum& sum = sums_->joint.size() > 0 ? sums_->joint : sums_->cross;
  double* const mean = log_.data() + record_at(rows_of_part_.size());
  Call("the mean of rows")
      .check(kernels::offset_means({sum.data() + sum.size() - d_, sum.slices(), sum.size(), d_,
                                    column_sums_.data(), parts_in_group_ == 0, static_cast<double>(rows)},
                                   centre, mean, mean + d_, device_.compute()));
}

void CudaMomentFold::fold(const DeviceRows& rows) {
  if (rows_of_part_.size() == most_parts_) {
    throw UsageError("MomentFold::add: more rows than the fold was made for");
  }
  cudaStream_t stream = device_.compute();
  if (rows_of_part_.empty()) {
    begin_segment();
  }
  source_.set(device_, rows);
  if (rows_of_part_.empty()) {
    choose_pilot(rows);
  }
  const double* const centre = choose_centre(rows);
  const kernels::DeviceMatrix x = this->x(rows.rows);
  const kernels::DeviceMatrix right = this->right(rows.rows);
  const kernels::DeviceMatrix y = middle_cols(right, 0, n_);
  const kernels::RowStats stats{.norm = work_->stats.data(),
                                .is_zero = work_->stats.data() + part_rows_,
                                .shifted_square = work_->stats.data() + 2 * part_rows_};
  double* const sums = log_.data() + record_at(rows_of_part_.size()) + 2 * d_;
  double* const mean_y = sums + beside();
  source_.convert(device_, pilot(), centre, x, stats);
  Call("shifting targets").check(kernels::beside_rows(rows.targets, n_, pilot() + d_, stats, right, stream));
  Call("the mean of targets").check(kernels::column_sums(right, work_->sums.data(), sums, mean_y, stream));
  Call("centring targets").check(kernels::subtract_row(y, mean_y, stream));

  const kernels::DeviceMatrix multiplied = middle_cols(right, 0, n_ + 2);
  double* const squares = mean_y + beside();
  if (measured()) {
    Call("squaring rows").check(kernels::column_squares(x, work_->sums.data(), squares, stream));
  }
  if (sums_->joint.size() > 0) {
    sums_->joint.add(device_, {x.data, x.rows, d_ + factors(), x.stride}, x);
  } else if (fast()) {
    if (rows_of_part_.empty()) {
      Call("scaling rows").check(kernels::choose_scale(squares, d_, rows.rows, scale_.data(), stream));
    }
    add_floats(x, scale_.data(), sums_->float_gram);
  } else {
    sums_->gram.add(device_, x, x);
  }
  if (sums_->cross.size() > 0) {
    sums_->cross.add(device_, middle_cols(right, 0, factors()), x);
  }
  sums_->right.add(device_, multiplied, multiplied);
  const kernels::DeviceMatrix unit{work_->unit.data(), rows.rows, d_, padded(d_)};
  if (spec_.normalized_scatter || spec_.unit_classes) {
    source_.normalize(device_, stats.norm, unit);
  }
  if (classes_) {
    classes_->add(device_, rows.classes, x, {right.data + n_, right.stride}, centre, unit);
  }
  if (spec_.normalized_scatter) {
    if (measured()) {
      Call("squaring unit rows")
          .check(kernels::column_squares(unit, work_->sums.data(), squares + d_, stream));
    }
    if (fast()) {
      add_floats(unit, nullptr, sums_->float_unit);
    } else {
      sums_->unit.add(device_, unit, unit);
    }
  }
  take_mean(centre, rows.rows);
  rows_of_part_.push_back(rows.rows);
  if (++parts_in_group_ == parts_of_group) {
    close_group();
  }
}

void CudaMomentFold::add_floats(const kernels::DeviceMatrix& x, const double* scale, FloatGramSum& sum) {
  const kernels::FloatMatrix floats{work_->floats.data(), x.rows, d_, float_stride(d_)};
  Call("rounding rows").check(kernels::narrow_rows(x, scale, floats, device_.compute()));
  sum.add(device_, floats, scale);
}

void CudaMomentFold::close_group() {
  double* total = sums_->total.data();
  const auto move = [&](auto& sum) {
    if (sum.size() > 0) {
      sum.move_to(device_, total, sums_->has_total);
      total += sum.size();
    }
  };
  move(sums_->joint);
  move(sums_->gram);
  move(sums_->float_gram);
  move(sums_->cross);
  move(sums_->right);
  move(sums_->unit);
  move(sums_->float_unit);
  sums_->has_total = true;
  parts_in_group_ = 0;
}

// The parts' means about the whole's, each times the root of its rows: of x, then of y'; the others have
// none. Their scatter into the sums, and out of them that of the means about the parts' centres.
void CudaMomentFold::add_between_parts() {
  const std::size_t parts = rows_of_part_.size();
  const std::size_t all_rows = std::accumulate(rows_of_part_.begin(), rows_of_part_.end(), std::size_t{0});
  for (std::size_t p = 0; p < parts; ++p) {
    const double rows = static_cast<double>(rows_of_part_[p]);
    staged_shares_.data()[p] = rows / static_cast<double>(all_rows);
    staged_shares_.data()[parts + p] = std::sqrt(rows);
  }
  const std::size_t cols = d_ + factors();
  if (between_.size() < parts * cols) {
    between_ = DeviceBuffer<double>(device_, parts * cols);
  }
  upload(shares_.data(), staged_shares_.data(), 2 * parts, device_.compute());
  const kernels::PartRecords records{log_.data() + record_at(0), parts, record_size(), d_, n_, d_ + beside()};
  double* const mean = log_.data() + mean_at();
  const kernels::DeviceMatrix all{between_.data(), parts, cols, cols};
  Call("the mean of all rows").check(kernels::part_means(records, shares_.data(), mean, device_.compute()));
  Call("the means of parts")
      .check(kernels::between_parts(records, shares_.data() + parts, mean, all, device_.compute()));
  const kernels::DeviceMatrix x = middle_cols(all, 0, d_);
  const kernels::DeviceMatrix y = middle_cols(all, d_, n_ + 2);
  if (sums_->joint.size() > 0) {
    sums_->joint.add(device_, all, x);
  } else {
    if (!measured()) {
      sums_->gram.add(device_, x, x);
    }
    sums_->cross.add(device_, middle_cols(all, d_, factors()), x);
  }
  sums_->right.add(device_, y, y);
  close_group();
  if (measured()) {
    add_gram(device_, x, sums_->total.data());
  } else if (parts > 1) {
    Call("the offsets of parts")
        .check(kernels::part_offsets(records, shares_.data() + parts, x, device_.compute()));
    add_gram(device_, x, sums_->total.data(), -1);
  }
}

// The scatters' diagonals in float64 take the places of those of products that are not.
void CudaMomentFold::take_diagonals(const std::vector<double>& log, Moments& moments) const {
  const auto take = [&](Matrix& scatter, std::size_t first, bool centred) {
    std::vector<double> error(d_);
    for (std::size_t j = 0; j < d_; ++j) {
      double sum = 0;
      for (std::size_t p = 0; p < rows_of_part_.size(); ++p) {
        const double* record = log.data() + record_at(p);
        const double mean = record[j] - log[mean_at() + j];
        sum += record[first + j] + (centred ? static_cast<double>(rows_of_part_[p]) * mean * mean : 0);
      }
      error[j] = scatter(j, j) - sum;
      scatter(j, j) = sum;
    }
    return error;
  };
  const std::size_t squares = 2 * (d_ + beside());
  moments.scatter_error = take(moments.feature_scatter.products, squares, true);
  if (spec_.normalized_scatter) {
    moments.normalized_scatter_error = take(moments.normalized_scatter.products, squares + d_, false);
  }
}

// Fourth-order sums still lack what the parts' centres and means add.
std::vector<double> CudaMomentFold::take_sums(Moments& moments) {
  const std::size_t q = n_ + 2;
  Matrix cross(q, d_);
  Matrix right(q, q);
  std::vector<double> log(record_at(rows_of_part_.size()));
  double* const scatter = sums_->total.data();
  double* const right_sums = scatter + d_ * d_ + factors() * d_;
  double* const normalized = right_sums + q * q;
  Call("mirroring sums").check(kernels::mirror_lower(scatter, d_, device_.compute()));
  if (spec_.normalized_scatter) {
    Call("mirroring sums").check(kernels::mirror_lower(normalized, d_, device_.compute()));
  }
  bring_down(device_, staging_,
             {{log.data(), log_.data(), log.size()},
              {cross.data(), scatter + d_ * d_, d_ * q},
              {right.data(), right_sums, q * q},
              {moments.feature_scatter.products.data(), scatter, d_ * d_},
              {moments.normalized_scatter.products.data(), normalized,
               moments.normalized_scatter.products.values().size()}});

  UnbiasedSums& sums = moments.unbiased;
  sums.aa = right(n_, n_);
  sums.ab = right(n_ + 1, n_);
  sums.bb = right(n_ + 1, n_ + 1);
  for (std::size_t j = 0; j < n_; ++j) {
    sums.a_y[j] = right(n_, j);
    sums.b_y[j] = right(n_ + 1, j);
    std::copy_n(right.data() + j * q, n_, moments.target_scatter.data() + j * n_);
  }
  for (std::size_t i = 0; i < d_; ++i) {
    sums.a_x[i] = cross(n_, i);
    sums.b_x[i] = cross(n_ + 1, i);
    for (std::size_t j = 0; j < n_; ++j) {
      moments.cross_scatter(i, j) = cross(j, i);
    }
  }
  return log;
}

void CudaMomentFold::take_records(const std::vector<double>& log, Moments& moments) const {
  UnbiasedSums& sums = moments.unbiased;
  for (std::size_t p = 0; p < rows_of_part_.size(); ++p) {
    const double* mean_x = log.data() + record_at(p);
    const double* offset = mean_x + d_;
    const double* part_sums = offset + d_;
    const double* mean_y = part_sums + beside();
    const double sum_a = part_sums[n_];
    const double sum_b = part_sums[n_ + 1];
    for (std::size_t i = 0; i < d_; ++i) {
      sums.a_x[i] += sum_a * (mean_x[i] - offset[i]);
      sums.b_x[i] += sum_b * (mean_x[i] - offset[i]);
    }
    for (std::size_t j = 0; j < n_; ++j) {
      sums.a_y[j] += sum_a * mean_y[j];
      sums.b_y[j] += sum_b * mean_y[j];
    }
    moments.norm_sum += part_sums[n_ + 3];
    moments.zero_rows += static_cast<std::uint64_t>(part_sums[n_ + 4]);
    moments.count += rows_of_part_[p];
  }
}

Moments CudaMomentFold::finish() {
  const Range range("first look: sums");
  kept_ends_.push_back(feed_.kept().size());
  if (rows_of_part_.empty()) {
    return {};
  }
  device_.select();
  Moments moments(n_, Matrix::unfilled(d_, d_),
                  spec_.normalized_scatter ? Matrix::unfilled(d_, d_) : Matrix());
  add_between_parts();
  const std::vector<double> log = take_sums(moments);
  RowSource::throw_if_not_finite(log[0]);
  if (measured()) {
    take_diagonals(log, moments);
  }
  take_records(log, moments);
  if (classes_) {
    moments.classes = classes_->finish(device_, staging_, {log.data() + pilot_at(), d_});
  }
  std::copy_n(log.data() + mean_at(), d_, moments.feature_mean.data());
  std::copy_n(log.data() + mean_at() + d_, n_, moments.target_mean.data());
  moments.unbiased = recentred(std::move(moments.unbiased), moments, moments.feature_mean,
                               moments.target_mean, device_.sharing());
  for (std::size_t j = 0; j < d_; ++j) {
    moments.feature_mean[j] += log[pilot_at() + j];
  }
  for (std::size_t j = 0; j < n_; ++j) {
    moments.target_mean[j] += log[pilot_at() + d_ + j];
  }
  rows_of_part_.clear();
  if (spec_.scatter_stays && !measured()) {  // else the diagonal is the host's
    scatter_ = std::make_shared<DeviceScatter>(device_, d_, std::move(sums_->total));
    sums_->total = {};
  }
  return moments;
}

void CudaMomentFold::close() {
  device_.select();
  work_.reset();
  sums_.reset();
  classes_.reset();
}

std::optional<std::vector<ResidualSums>> CudaMomentFold::look_again(const LookSpec& spec) {
  const Range range("second look: kept rows");
  if (!feed_.keeps()) {
    return std::nullopt;
  }
  device_.select();
  try {
    ResidualPass pass(device_, spec, part_rows_);
    std::size_t part = 0;
    for (const std::size_t end : kept_ends_) {
      for (; part < end; ++part) {
        pass.add(feed_.kept()[part]);
      }
      pass.end_segment();
    }
    return pass.take();
  } catch (const DeviceMemoryError&) {
    return std::nullopt;  // without the kept rows there is room
  }
}

}  // namespace collapscope::cuda
