#include "cpu/segment_classes.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cpu/row_pass.hpp"

namespace collapscope::cpu {

namespace {

// All rows take no second matrix.
Matrix picked(Matrix rows, const std::vector<std::size_t>& picks) {
  if (picks.size() == rows.rows()) {
    return rows;
  }
  Matrix out(picks.size(), rows.cols());
  for (std::size_t i = 0; i < picks.size(); ++i) {
    std::ranges::copy(std::as_const(rows).view().row(picks[i]), out.view().row(i).begin());
  }
  return out;
}

}  // namespace

SegmentClasses::SegmentClasses(const FoldSpec& spec, std::size_t tile_rows, const VectorKernels& kernels,
                               std::size_t threads)
    : kernels_(kernels),
      classes_(spec.classes),
      unit_(spec.classes > 0 && spec.unit_classes),
      features_(spec.format.row_length()),
      by_blocks_(threads == 1) {
  const std::size_t rows = by_blocks_ ? std::min(tile_rows, block_rows) : tile_rows;
  if (wanted()) {
    rows_ = Room(rows, features_);
    squares_of_rows_.resize(rows);
    classes_of_rows_.resize(rows);
  }
  if (unit_) {
    unit_rows_ = Room(rows, features_);
  }
}

void SegmentClasses::begin(std::span<const double> pilot) {
  pilot_.assign(pilot.begin(), pilot.end());
  counts_.assign(classes_, 0.0);
  squares_.assign(classes_, 0.0);
  sums_ = Matrix(classes_, features_);
  unit_sums_ = Matrix(unit_ ? classes_ : 0, features_);
  if (!unit_) {
    return;
  }
  const double length = norm(pilot);
  unit_pilot_.assign(features_, 0.0);
  if (length > 0 && std::isfinite(length)) {
    std::transform(pilot.begin(), pilot.end(), unit_pilot_.begin(), [&](double x) { return x / length; });
  }
}

std::size_t SegmentClasses::class_of(double number) {
  if (!(number >= 0 && number < static_cast<double>(classes_))) {
    throw UsageError("MomentFold::add: a row's target is the number of no class");
  }
  return static_cast<std::size_t>(number);
}

void SegmentClasses::add(MatrixView<const double> numbers, const Team& team) {
  const std::size_t rows = numbers.rows();
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t c = classes_of_rows_[i] = class_of(numbers(i, 0));
    counts_[c] += 1;
    squares_[c] += squares_of_rows_[i];
  }
  constexpr std::size_t least_columns = 16;
  const std::size_t stripes = std::clamp<std::size_t>(features_ / least_columns, 1, team.threads());
  team.run(stripes, [&](std::size_t stripe, std::size_t) {
    const std::size_t first = features_ * stripe / stripes;
    const std::size_t last = features_ * (stripe + 1) / stripes;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t sums = classes_of_rows_[i] * features_ + first;
      kernels_.add({rows_.row(i) + first, nullptr, sums_.data() + sums, last - first});
      if (unit_) {
        kernels_.add(
            {unit_rows_.row(i) + first, unit_pilot_.data() + first, unit_sums_.data() + sums, last - first});
      }
    }
  });
}

ClassSums SegmentClasses::finish() {
  ClassSums found;
  std::vector<std::size_t> seen;
  for (std::size_t c = 0; c < counts_.size(); ++c) {
    if (counts_[c] > 0) {
      seen.push_back(c);
      found.numbers.push_back(static_cast<double>(c));
      found.counts.push_back(counts_[c]);
      found.squares.push_back(squares_[c]);
    }
  }
  found.pilot = std::exchange(pilot_, {});
  found.sums = picked(std::exchange(sums_, {}), seen);
  if (unit_) {
    found.unit_pilot = std::exchange(unit_pilot_, {});
    found.unit_sums = picked(std::exchange(unit_sums_, {}), seen);
  }
  return found;
}

}  // namespace collapscope::cpu
