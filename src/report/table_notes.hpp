// The lines below the table.
#pragma once

#include <string>
#include <vector>

#include "collapscope/report/report.hpp"
#include "collapscope/results/results.hpp"
#include "report/table_layout.hpp"

namespace collapscope {

// Why values are missing or marked, what "<" means, which columns were left out; each line at most `width`
// columns.
[[nodiscard]] std::vector<std::string> table_notes(const Results& results, const TableLayout& layout,
                                                   const TableStyle& style, std::size_t width);

// The parts of the input that could not be analysed; empty when there are none.
[[nodiscard]] std::vector<std::string> failure_lines(const std::vector<Failure>& failures, std::size_t width);

}  // namespace collapscope
