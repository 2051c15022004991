// A state as an HDF5 file: docs/states.md has the layout.
#pragma once

#include <string>

#include "collapscope/states/states.hpp"

namespace collapscope {

// Whole, or as if it had not been called. What `head` says of layers follows from `state`. Throws Error.
void write_state(const std::string& path, const StateHead& head, const StateView& state);

// Throw InputError.
[[nodiscard]] StateHead read_state_head(const std::string& path);
[[nodiscard]] AnalysisState read_state(const std::string& path, const StateKeeper::Wants& wants);

}  // namespace collapscope
