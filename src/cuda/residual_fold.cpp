#include "cuda/residual_fold.hpp"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/vector_math.hpp"
#include "cuda/range.hpp"

namespace collapscope::cuda {

namespace {

// Columns of the summed values.
enum Column : std::size_t {
  signal = 0,  // plain, normalized, centred, centred_normalized
  weight = 4,  // the same
  affine = 8,
  published = 9,
  at_mean = 10,
  columns = 11,
};
constexpr std::size_t value_stride = 12;
constexpr std::size_t first_record = 2;
constexpr std::size_t most_waiting = 64;  // parts, so that the host waits for no more than their work

Matrix stacked(std::initializer_list<const Matrix*> parts, std::size_t cols) {
  std::size_t rows = 0;
  for (const Matrix* part : parts) {
    rows += part->rows();
  }
  Matrix all(rows, cols);
  double* to = all.data();
  for (const Matrix* part : parts) {
    to = std::copy(part->values().begin(), part->values().end(), to);
  }
  return all;
}

// v - basis^T (basis v); basis [k, d].
Vector outside(const Matrix& basis, const Vector& v) {
  Vector rest = v;
  if (!basis.empty()) {
    add_scaled(rest, -1.0, transposed_product(basis, product(basis, v)));
  }
  return rest;
}

std::size_t map_rows(const LookSpec& spec) {
  return spec.signal.rows() + spec.weight.rows() + spec.affine.rows() + spec.published.rows();
}

SubspaceResiduals subspace(const double* sums) { return {sums[0], sums[1], sums[2], sums[3]}; }

}  // namespace

// Each begins on 16 bytes.
ResidualPass::Constants::Constants(const Device& device, const LookSpec& spec) {
  const std::size_t d = spec.feature_mean.size();
  const std::size_t rows = map_rows(spec);
  feature_mean = padded(rows * d);
  target_mean = feature_mean + padded(d);
  mean_coordinates = target_mean + padded(spec.target_mean.size());
  signal_mean_outside = mean_coordinates + padded(rows);
  weight_mean_outside = signal_mean_outside + padded(d);
  const std::size_t size = weight_mean_outside + padded(d);
  staged = {device, size};
  all = {device, size};

  double* const to = staged.data();
  std::fill_n(to, size, 0.0);
  Matrix all_maps = stacked({&spec.signal, &spec.weight, &spec.affine, &spec.published}, d);
  const auto put = [to](const auto& numbers, std::size_t at) {
    std::copy(numbers.begin(), numbers.end(), to + at);
  };
  put(all_maps.values(), maps);
  put(spec.feature_mean, feature_mean);
  put(spec.target_mean, target_mean);
  put(product(all_maps, spec.feature_mean), mean_coordinates);
  put(outside(spec.signal, spec.feature_mean), signal_mean_outside);
  if (!spec.weight_is_complement) {
    put(outside(spec.weight, spec.feature_mean), weight_mean_outside);
  }
}

void ResidualPass::Constants::send(const Device& device) const {
  upload(all.data(), staged.data(), all.size(), device.compute());
}

ResidualPass::ResidualPass(const Device& device, LookSpec spec, std::size_t part_rows)
    : device_(device),
      spec_(std::move(spec)),
      part_rows_(part_rows),
      d_(spec_.feature_mean.size()),
      n_(spec_.target_mean.size()),
      map_rows_(map_rows(spec_)),
      in_one_pass_(kernels::is_for_one_look(map_rows_, d_)),
      constants_(device, spec_),
      x_(device, in_one_pass_ ? 0 : part_rows * padded(d_)),
      within_(device, x_.size()),
      coordinates_(device, in_one_pass_ ? 0 : part_rows * padded(map_rows_)),
      norms_(device, in_one_pass_ ? 0 : 3 * part_rows),
      values_(device, part_rows * value_stride),
      workspace_(device, kernels::column_workspace(part_rows, columns)),
      records_(device, first_record + most_waiting * record_size()),
      staging_(make_staging(device, records_.size())),
      source_(device, spec_.format, part_rows, records_.data()),
      drained_(device) {
  constants_.send(device_);
  if (spec_.classes) {
    classes_.emplace(device, spec_, constant(constants_.feature_mean), part_rows);
  }
  if (!in_one_pass_) {  // columns that stay unused
    clear(values_.data(), values_.size(), device_.compute());
  }
}

std::size_t ResidualPass::record_size() const { return columns + (spec_.classes ? ClassPass::record : 0); }

void ResidualPass::add(const DeviceRows& rows) {
  if (rows.rows > part_rows_) {
    throw UsageError("ResidualFold::add: the tile does not fit the look");
  }
  if (!is_checked_) {
    source_.clear_check(device_);
    is_checked_ = true;
  }
  begin_segment();
  double* const record = records_.data() + first_record + waiting_.size() * record_size();
  source_.set(device_, rows);
  if (in_one_pass_) {
    look_at(rows);
  } else {
    look_in_passes(rows);
  }
  Call("sums of residuals")
      .check(kernels::column_sums({values_.data(), rows.rows, columns, value_stride}, workspace_.data(),
                                  record, nullptr, device_.compute()));
  if (classes_) {
    classes_->add(rows, source_, record + columns);
  }
  sums_.back().count += rows.rows;
  waiting_.push_back(sums_.size() - 1);
  if (waiting_.size() == most_waiting) {
    flush();
  }
}

void ResidualPass::begin_segment() {
  if (!has_begun_) {
    sums_.emplace_back();
    has_begun_ = true;
  }
}

double ResidualPass::least_norm() const {
  return spec_.feature_rms * static_cast<double>(d_) * std::numeric_limits<double>::epsilon();
}

void ResidualPass::look_at(const DeviceRows& rows) {
  kernels::LookArguments look;
  look.maps = constant(constants_.maps);
  look.signal = spec_.signal.rows();
  look.weight = spec_.weight.rows();
  look.weight_is_complement = spec_.weight_is_complement;
  look.affine = spec_.affine.rows();
  look.published = spec_.published.rows();
  look.mean = constant(constants_.feature_mean);
  look.mean_coordinates = constant(constants_.mean_coordinates);
  look.signal_mean_outside = constant(constants_.signal_mean_outside);
  look.weight_mean_outside = constant(constants_.weight_mean_outside);
  look.target_mean = constant(constants_.target_mean);
  look.y = rows.targets;
  look.targets = n_;
  look.least_norm = least_norm();
  look.out = values_.data();
  look.out_stride = value_stride;
  source_.look(device_, look);
}

void ResidualPass::look_in_passes(const DeviceRows& rows) {
  cudaStream_t stream = device_.compute();
  const std::size_t k = spec_.signal.rows();
  const std::size_t r = spec_.weight.rows();
  const kernels::DeviceMatrix x{x_.data(), rows.rows, d_, padded(d_)};
  const kernels::DeviceMatrix coordinates{coordinates_.data(), rows.rows, map_rows_, padded(map_rows_)};
  double* const values = values_.data();

  source_.convert(device_, constant(constants_.feature_mean), nullptr, x,
                  {.norm = norms(0), .shifted_norm = norms(1)});
  source_.own_scale(device_, x, norms(0), norms(1), norms(2));
  if (map_rows_ > 0) {
    multiply_transposed(device_, x, {constants_.all.data() + constants_.maps, map_rows_, d_, d_},
                        coordinates);
  }
  add_outside(x, middle_cols(coordinates, 0, k), constant(constants_.maps),
              constant(constants_.signal_mean_outside), values + signal);
  if (spec_.weight_is_complement) {
    Call("residuals outside the weight's rows")
        .check(kernels::outside_rows(middle_cols(coordinates, k, r), nullptr,
                                     constant(constants_.mean_coordinates) + k, norms(), values + weight,
                                     value_stride, stream));
  } else if (r > 0) {
    add_outside(x, middle_cols(coordinates, k, r), constant(constants_.maps) + k * d_,
                constant(constants_.weight_mean_outside), values + weight);
  }
  const double* const mean_y = constant(constants_.target_mean);
  if (!spec_.affine.empty()) {
    Call("errors of the affine map")
        .check(kernels::map_errors(middle_cols(coordinates, k + r, n_),
                                   constant(constants_.mean_coordinates) + k + r, true, norms(), rows.targets,
                                   mean_y, values + affine, value_stride, stream));
  }
  if (!spec_.published.empty()) {
    const std::size_t first = k + r + spec_.affine.rows();
    Call("errors of the published map")
        .check(kernels::map_errors(middle_cols(coordinates, first, n_),
                                   constant(constants_.mean_coordinates) + first, false, norms(),
                                   rows.targets, mean_y, values + published, value_stride, stream));
  }
  Call("rows at the mean")
      .check(
          kernels::mark_at_most(norms(1), rows.rows, least_norm(), values + at_mean, value_stride, stream));
}

// x - coordinates basis, squared; basis [coordinates.cols, d].
void ResidualPass::add_outside(const kernels::DeviceMatrix& x, const kernels::DeviceMatrix& coordinates,
                               const double* basis, const double* mean_outside, double* out) {
  const bool has_part = coordinates.cols > 0;
  if (has_part) {
    multiply(device_, coordinates, {const_cast<double*>(basis), coordinates.cols, d_, d_},
             {within_.data(), x.rows, d_, x.stride});
  }
  Call("residuals outside a subspace")
      .check(kernels::outside_rows(x, has_part ? within_.data() : nullptr, mean_outside, norms(), out,
                                   value_stride, device_.compute()));
}

void ResidualPass::flush() {
  if (waiting_.empty()) {
    return;
  }
  std::vector<double> records(first_record + waiting_.size() * record_size());
  bring_down(device_, staging_, {{records.data(), records_.data(), records.size()}});
  RowSource::throw_if_not_finite(records[0]);
  for (std::size_t p = 0; p < waiting_.size(); ++p) {
    const double* part = records.data() + first_record + p * record_size();
    ResidualSums& sums = sums_[waiting_[p]];
    sums.signal += subspace(part + signal);
    sums.weight += subspace(part + weight);
    sums.affine += part[affine];
    sums.published += part[published];
    sums.rows_at_mean += static_cast<std::uint64_t>(part[at_mean]);
    if (classes_) {
      ClassPass::take_record(part + columns, sums.classes);
    }
  }
  waiting_.clear();
}

void ResidualPass::end_segment() {
  begin_segment();
  has_begun_ = false;
  if (classes_) {  // whose tables begin anew
    flush();
    classes_->finish(sums_.back().classes);
  }
}

std::vector<ResidualSums> ResidualPass::take() {
  const Range range("second look: sums");
  flush();
  is_checked_ = false;
  has_begun_ = false;
  return std::exchange(sums_, {});
}

CudaResidualFold::CudaResidualFold(const Device& device, const LookSpec& spec, std::size_t part_rows,
                                   TargetStores& targets)
    : device_(device),
      targets_(spec.classes ? 1 : spec.target_mean.size()),
      classes_(spec.classes ? spec.classes->means->rows() : 0),
      feed_(device, spec.format, targets_, part_rows, {}, classes_, spec.tiles.on_device,
            stored_targets(
                targets, device, spec.same_targets,
                {spec.same_targets.number, spec.format.rows_per_sample(), targets_, classes_, part_rows},
                spec.rows)),
      pass_(device, spec, part_rows),
      drained_(device) {}

void CudaResidualFold::add(const RawTile& tile, MatrixView<const double> targets) {
  const Range range("second look: tile");
  if (targets.rows() != tile.rows || targets.cols() != targets_) {
    throw UsageError("ResidualFold::add: the tile does not fit the look");
  }
  device_.select();
  feed_.pass(tile, targets, [this](const DeviceRows& rows) { pass_.add(rows); });
}

void CudaResidualFold::settle() {
  device_.select();
  feed_.settle();
}

ResidualSums CudaResidualFold::finish() {
  device_.select();
  pass_.end_segment();
  return std::move(pass_.take().front());
}

}  // namespace collapscope::cuda
