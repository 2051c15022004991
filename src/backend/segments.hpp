// Rows through the folds of a backend: in lanes, segment by segment, where it has several.
#pragma once

#include <cstdint>
#include <functional>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

// Adds rows [begin, end) to a fold in tiles and settles it. Called by several threads at once.
using AddRows = std::function<void(Fold& fold, std::uint64_t begin, std::uint64_t end)>;

// Of spec.rows rows; same bits whatever the number of lanes. Throw what `add` throws, of several segments the
// first's.
[[nodiscard]] Moments fold_rows(Backend& backend, FoldSpec spec, const AddRows& add);
[[nodiscard]] ResidualSums look_at_rows(Backend& backend, LookSpec spec, const AddRows& add);

}  // namespace collapscope
