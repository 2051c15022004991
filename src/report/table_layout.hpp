// Which columns fit, how wide they are, and how layer names are cut.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"
#include "report/table_cells.hpp"

namespace collapscope {

inline constexpr std::size_t table_indent = 2;  // of rows, and of continued lines

struct ShownColumn {
  Column column;
  std::size_t width = 0;
  bool marks = false;  // one more column for the "*" of values with a note; part of `width`
};

struct TableLayout {
  std::vector<ShownColumn> columns;
  std::vector<Column> left_out;   // for lack of width
  std::vector<Column> undefined;  // in every layer, but asked for
  std::size_t gap = 2;            // spaces before each column
  std::size_t name_width = 0;     // of layer names
  std::size_t name_head = 0;      // of it, before the "…" of a name that is cut

  [[nodiscard]] std::string name(std::string_view layer) const;  // printable, cut, padded
};

// The layout in which no row is wider than `width` (at least 20): names are cut only as far as they stay
// distinct, then columns are left out, then names are cut further.
[[nodiscard]] TableLayout lay_out(const Results& results, const MetricChoice& metrics, std::size_t width);

}  // namespace collapscope
