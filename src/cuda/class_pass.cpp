#include "cuda/class_pass.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace collapscope::cuda {

namespace {

// Columns of the values: the first two are summed for each class, the others make a record.
enum Column : std::size_t {
  square = 0,
  own = 1,
  unlike = 2,
  whitened = 3,
  whitened_by_rows = 4,
  whitened_unit = 5,
  columns = 6,
};
constexpr std::size_t of_classes = 2;
constexpr std::size_t vectors_at_once = 1024;  // vectors that are scored at a time

std::size_t largest_upload(const ClassLook& look) {
  const auto size = [](const auto& matrix) {
    return matrix == nullptr ? 0 : matrix->rows() * matrix->cols();
  };
  return std::max({size(look.means), size(look.unit_means), size(look.weight), look.whitening.values().size(),
                   look.whitening_by_rows.values().size(), look.unit_whitening.values().size(),
                   look.bias.size(), look.means->rows()});
}

std::span<const double> numbers_of(const std::shared_ptr<const Matrix>& matrix) {
  return matrix == nullptr ? std::span<const double>() : matrix->values();
}

}  // namespace

ClassPass::ClassPass(const Device& device, const LookSpec& spec, const double* feature_mean,
                     std::size_t part_rows)
    : device_(device),
      look_(spec.classes),
      d_(spec.feature_mean.size()),
      part_rows_(part_rows),
      feature_mean_(feature_mean),
      staging_(make_staging(device, largest_upload(*look_))),
      means_(sent(numbers_of(look_->means))),
      whitening_(sent(look_->whitening.values())),
      whitening_by_rows_(sent(look_->whitening_by_rows.values())),
      unit_means_(sent(numbers_of(look_->unit_means))),
      unit_whitening_(sent(look_->unit_whitening.values())),
      weight_(sent(look_->weight)),
      weight_rows_(sent(look_->weight_rows)),
      x_(device, part_rows * padded(d_)),
      rest_(device, part_rows * padded(d_)),
      along_(device, part_rows * along_cols()),
      norms_(device, 2 * part_rows),
      values_(device, part_rows * columns),
      workspace_(device, kernels::column_workspace(part_rows, record)),
      of_classes_(device, look_->means->rows(), of_classes, part_rows) {
  if (look_->nearest) {
    nearest_ = candidates(*look_->means, means_.data(), scores_of_distance(*look_->means), {});
  }
  if (look_->weight != nullptr) {
    chosen_ = candidates(*look_->weight, weight_.data(),
                         scores_of_classifier(*look_->weight, look_->bias, spec.feature_mean), look_->bias);
  }
  clear(values_.data(), values_.size(), device.compute());  // columns that stay unused
}

// The staging is free again when it returns.
template <class Number>
DeviceBuffer<double> ClassPass::sent(std::span<const Number> numbers) const {
  DeviceBuffer<double> to(device_, numbers.size());
  if (!numbers.empty()) {
    bring_up(device_, staging_, to.data(), numbers.size(),
             [&](std::size_t i) { return static_cast<double>(numbers[i]); });
    device_.wait_for_stream(device_.compute());
  }
  return to;
}

DeviceBuffer<double> ClassPass::sent(const std::shared_ptr<const StoredMatrix>& matrix) const {
  if (matrix == nullptr) {
    return {};
  }
  if (matrix->floats().empty()) {
    return sent(matrix->doubles().values());
  }
  return sent(matrix->floats());
}

ClassPass::Candidates ClassPass::candidates(const StoredRows& rows, const double* on_device,
                                            ClassScores scores, std::span<const double> biases) const {
  Candidates found{rows.rows(), on_device, std::move(scores), {}, sent(biases), {device_, 3 * part_rows_}};
  found.offsets = sent(found.scores.offsets);
  return found;
}

std::size_t ClassPass::along_cols() const {
  const auto rows = [](const auto& matrix) { return matrix == nullptr ? 0 : matrix->rows(); };
  const std::size_t scores = look_->nearest ? std::max(rows(look_->means), rows(look_->weight)) : 0;
  return padded(std::max({look_->whitening.rows(), look_->whitening_by_rows.rows(),
                          look_->unit_whitening.rows(), std::min(scores, vectors_at_once)}));
}

void ClassPass::add(const DeviceRows& rows, const RowSource& source, double* to) {
  if (!std::exchange(has_begun_, true)) {
    of_classes_.clear(device_);
  }
  const kernels::DeviceMatrix x{x_.data(), rows.rows, d_, padded(d_)};
  const kernels::DeviceMatrix rest{rest_.data(), rows.rows, d_, padded(d_)};
  source.convert(device_, feature_mean_, nullptr, x,
                 {.norm = norms_.data(), .shifted_norm = norms_.data() + part_rows_});
  const auto subtract = [&](const kernels::DeviceMatrix& from, const double* means, Column column) {
    Call("rows less their class's mean")
        .check(kernels::class_rests(from, rows.targets, means, rest.data, values(column), columns,
                                    device_.compute()));
  };
  subtract(x, means_.data(), square);
  add_whitened(rest, whitening_, look_->whitening.rows(), whitened);
  add_whitened(rest, whitening_by_rows_, look_->whitening_by_rows.rows(), whitened_by_rows);
  if (unit_means_.size() > 0) {
    source.normalize(device_, norms_.data(), rest);
    subtract(rest, unit_means_.data(), whitened_unit);
    add_whitened(rest, unit_whitening_, look_->unit_whitening.rows(), whitened_unit);
  }
  if (nearest_) {
    find(x, *nearest_, nullptr);
    if (chosen_) {
      find(x, *chosen_, &source);
    }
    const double* const chosen = chosen_ ? chosen_->best.data() + 2 * part_rows_ : nullptr;
    Call("counting the nearest")
        .check(kernels::count_nearest(rows.targets, nearest_->best.data() + 2 * part_rows_, chosen,
                                      weight_rows_.data(), rows.rows, values(own), values(unlike), columns,
                                      device_.compute()));
  }
  of_classes_.add(device_, rows.classes, {values_.data(), rows.rows, of_classes, columns}, nullptr, 0,
                  nullptr);
  Call("sums over rows")
      .check(kernels::column_sums({values(unlike), rows.rows, record, columns}, workspace_.data(), to,
                                  nullptr, device_.compute()));
}

// |A r|^2 of every row; A [rank, d].
void ClassPass::add_whitened(const kernels::DeviceMatrix& rest, const DeviceBuffer<double>& whitening,
                             std::size_t rank, std::size_t column) {
  const kernels::DeviceMatrix along{along_.data(), rest.rows, rank, padded(rank)};
  if (whitening.size() == 0) {
    return;
  }
  multiply_transposed(device_, rest, {const_cast<double*>(whitening.data()), rank, d_, d_}, along);
  Call("squares of rows")
      .check(
          kernels::class_rests(along, nullptr, nullptr, nullptr, values(column), columns, device_.compute()));
}

// source: of rows that a classifier scores; null: the nearest are wanted.
void ClassPass::find(const kernels::DeviceMatrix& x, const Candidates& among, const RowSource* source) {
  kernels::BestSearch search;
  search.offsets = among.offsets.data();
  search.vectors = among.vectors;
  search.cols = d_;
  search.norm = norms_.data() + part_rows_;
  search.rounding = among.scores.rounding;
  search.offset_error = among.scores.offset_error;
  search.longest = among.scores.longest;
  search.tie = among.scores.tie;
  search.x = x.data;
  search.x_stride = x.stride;
  search.biases = among.biases.data();
  search.best_score = among.best.data();
  search.best_value = among.best.data() + part_rows_;
  search.best = among.best.data() + 2 * part_rows_;
  for (std::size_t first = 0; first < among.count; first += vectors_at_once) {
    const std::size_t some = std::min(vectors_at_once, among.count - first);
    search.first = first;
    search.scores = {along_.data(), x.rows, some, padded(some)};
    multiply_transposed(device_, x, {const_cast<double*>(among.vectors) + first * d_, some, d_, d_},
                        search.scores);
    if (source == nullptr) {
      Call("the nearest means").check(kernels::nearest_vectors(search, device_.compute()));
    } else {
      source->choose(device_, search);
    }
  }
}

void ClassPass::take_record(const double* numbers, ClassResiduals& sums) {
  sums.nearest_unlike += static_cast<std::uint64_t>(numbers[unlike - of_classes]);
  sums.whitened += numbers[whitened - of_classes];
  sums.whitened_by_rows += numbers[whitened_by_rows - of_classes];
  sums.whitened_unit += numbers[whitened_unit - of_classes];
}

void ClassPass::finish(ClassResiduals& sums) {
  if (!std::exchange(has_begun_, false)) {
    return;
  }
  std::vector<double> table(of_classes_.size());
  bring_down(device_, staging_, {{table.data(), of_classes_.data(), table.size()}});
  const std::size_t classes = of_classes_.classes();
  sums.squares.resize(classes, 0.0);
  sums.nearest_own.resize(nearest_ ? classes : 0, 0.0);
  for (std::size_t c = 0; c < classes; ++c) {
    sums.squares[c] += table[c * of_classes + square];
    if (nearest_) {
      sums.nearest_own[c] += table[c * of_classes + own];
    }
  }
}

}  // namespace collapscope::cuda
