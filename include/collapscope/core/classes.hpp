// Sums over the rows of each class: what the metrics of classifiers need beside a layer's moments.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// Classes are numbered from 0 on, in the ascending order of their labels; a part of a layer's rows holds
// those of its rows only. A value: the empty one is the identity of `merge`; merging parts in any order gives
// the whole up to rounding.
struct ClassSums {
  std::vector<double> numbers;     // of the classes, ascending [K]
  std::vector<double> counts;      // rows of each, whole numbers [K]
  std::vector<double> pilot;       // what the sums are about [d]
  Matrix sums;                     // sum h - pilot  [K, d]
  std::vector<double> squares;     // sum |h - pilot|^2  [K]
  std::vector<double> unit_pilot;  // the same of h / |h|, rows that are 0 as they are; empty: not wanted
  Matrix unit_sums;

  [[nodiscard]] bool empty() const { return numbers.empty(); }
  [[nodiscard]] std::size_t size() const { return numbers.size(); }
  [[nodiscard]] bool has_unit() const { return !unit_pilot.empty(); }
};

// Whether all sums have the sizes that the numbers of classes and of features give them.
[[nodiscard]] bool is_consistent(const ClassSums& sums, std::size_t features);

// Adds `part` to `whole`, whose pilot stays: a union of the classes. Throws UsageError when the shapes
// differ or are not consistent; either may be empty.
void merge(ClassSums& whole, const ClassSums& part);

}  // namespace collapscope
