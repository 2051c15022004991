// What stands in the table's cells.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "collapscope/results/results.hpp"
#include "collapscope/runs/runs.hpp"

namespace collapscope {

struct Column {
  std::string metric;
  std::string label;
  int importance = 0;       // the least important columns go first when the terminal is narrow
  std::size_t place = 0;    // in the table
  std::size_t entry = 0;    // of a list, counted from 1; 0: the metric is a number
  std::size_t entries = 0;  // of the longest such list
};

struct Cell {
  std::string text = "-";
  bool marked = false;  // a value with a note
};

// `metric` may be null: not computed.
[[nodiscard]] Cell cell_of(const Metric* metric, const Column& column);

// Whether the layer meets what the criteria ask of this metric, and they ask something.
[[nodiscard]] bool meets_criteria(const LayerResult& layer, std::string_view metric,
                                  const Criteria& criteria);

// Three significant digits, two and an exponent below 1e-3 and from 1e5: "0.0123", "3.2e-05".
[[nodiscard]] std::string short_number(double value);

// `floor` rounded up to one digit: "1e-07", "0.02".
[[nodiscard]] std::string short_floor(double floor);

}  // namespace collapscope
