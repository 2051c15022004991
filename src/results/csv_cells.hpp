// Cells of CSV, as all tables of results have them.
#pragma once

#include <string>
#include <string_view>

#include "collapscope/results/results.hpp"

namespace collapscope {

// A cell of text: valid UTF-8, no formula, quoted where RFC 4180 asks for it.
[[nodiscard]] std::string text_cell(std::string_view raw);

// Never quoted; empty when there is no such number.
[[nodiscard]] std::string number_cell(double value);

// "path,run,step"
[[nodiscard]] std::string checkpoint_cells(const CheckpointResult& checkpoint);

}  // namespace collapscope
