// Rows through the folds of a backend: in lanes, segment by segment, where it has several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

// Adds rows [begin, end) to a fold in tiles and settles it. Called by several threads at once.
using AddRows = std::function<void(Fold& fold, std::uint64_t begin, std::uint64_t end)>;

// Of spec.rows rows, in at most so many lanes; same bits whatever their number. Throw what `add` throws, of
// several segments the first's.
[[nodiscard]] Moments fold_rows(Backend& backend, FoldSpec spec, const AddRows& add,
                                std::size_t most_lanes = std::numeric_limits<std::size_t>::max());
[[nodiscard]] ResidualSums look_at_rows(Backend& backend, LookSpec spec, const AddRows& add);

}  // namespace collapscope
