// The columns that a table can have.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "collapscope/results/results.hpp"
#include "report/table_cells.hpp"

namespace collapscope {

// The layers' metrics that were asked for, in catalogue order, or else those people look at first. A list has
// a column for each entry, but none for entries that `width` certainly has no room for.
[[nodiscard]] std::vector<Column> table_columns(const Results& results, const MetricChoice& metrics,
                                                std::size_t width);

}  // namespace collapscope
