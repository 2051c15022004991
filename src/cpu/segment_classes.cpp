#include "cpu/segment_classes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cpu/row_pass.hpp"

namespace collapscope::cpu {

SegmentClasses::SegmentClasses(const FoldSpec& spec, std::size_t tile_rows)
    : classes_(spec.classes),
      unit_(spec.classes > 0 && spec.unit_classes),
      features_(spec.format.row_length()),
      rows_(wanted() ? tile_rows : 0, features_),
      unit_rows_(unit_ ? tile_rows : 0, features_),
      squares_of_rows_(wanted() ? tile_rows : 0),
      slots_of_rows_(wanted() ? tile_rows : 0),
      slots_(spec.classes) {}

void SegmentClasses::begin(std::span<const double> pilot) {
  pilot_.assign(pilot.begin(), pilot.end());
  if (!unit_) {
    return;
  }
  const double length = norm(pilot);
  unit_pilot_.assign(features_, 0.0);
  if (length > 0 && std::isfinite(length)) {
    std::transform(pilot.begin(), pilot.end(), unit_pilot_.begin(), [&](double x) { return x / length; });
  }
}

std::size_t SegmentClasses::slot_of(double number) {
  if (!(number >= 0 && number < static_cast<double>(classes_))) {
    throw UsageError("MomentFold::add: a row's target is the number of no class");
  }
  std::uint32_t& slot = slots_[static_cast<std::size_t>(number)];
  if (slot == 0) {
    numbers_.push_back(number);
    counts_.push_back(0);
    squares_.push_back(0);
    sums_.resize(sums_.size() + features_, 0.0);
    unit_sums_.resize(unit_ ? sums_.size() : 0, 0.0);
    slot = static_cast<std::uint32_t>(numbers_.size());
  }
  return slot - 1;
}

void SegmentClasses::add(MatrixView<const double> numbers, const Team& team) {
  const std::size_t rows = numbers.rows();
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t slot = slots_of_rows_[i] = slot_of(numbers(i, 0));
    counts_[slot] += 1;
    squares_[slot] += squares_of_rows_[i];
  }
  constexpr std::size_t least_columns = 16;
  const std::size_t stripes = std::clamp<std::size_t>(features_ / least_columns, 1, team.threads());
  team.run(stripes, [&](std::size_t stripe, std::size_t) {
    const std::size_t first = features_ * stripe / stripes;
    const std::size_t last = features_ * (stripe + 1) / stripes;
    for (std::size_t i = 0; i < rows; ++i) {
      const double* from = rows_.row(i);
      double* to = sums_.data() + slots_of_rows_[i] * features_;
      for (std::size_t j = first; j < last; ++j) {
        to[j] += from[j];
      }
      if (unit_) {
        const double* unit = unit_rows_.row(i);
        double* unit_to = unit_sums_.data() + slots_of_rows_[i] * features_;
        for (std::size_t j = first; j < last; ++j) {
          unit_to[j] += unit[j] - unit_pilot_[j];
        }
      }
    }
  });
}

Matrix SegmentClasses::in_order(const std::vector<double>& sums,
                                const std::vector<std::size_t>& order) const {
  Matrix out(order.size(), features_);
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::copy_n(sums.data() + order[i] * features_, features_, out.view().row(i).data());
  }
  return out;
}

ClassSums SegmentClasses::finish() {
  std::vector<std::size_t> order(numbers_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return numbers_[a] < numbers_[b]; });
  ClassSums found;
  for (const std::size_t slot : order) {
    found.numbers.push_back(numbers_[slot]);
    found.counts.push_back(counts_[slot]);
    found.squares.push_back(squares_[slot]);
    slots_[static_cast<std::size_t>(numbers_[slot])] = 0;
  }
  found.pilot = std::exchange(pilot_, {});
  found.sums = in_order(std::exchange(sums_, {}), order);
  if (unit_) {
    found.unit_pilot = std::exchange(unit_pilot_, {});
    found.unit_sums = in_order(std::exchange(unit_sums_, {}), order);
  }
  numbers_.clear();
  counts_.clear();
  squares_.clear();
  return found;
}

}  // namespace collapscope::cpu
