// Rows of one layer through workers, segment by segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

#include "collapscope/backend/backend.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

// The segments of a layer's rows on this kind of backend. All but the last hold whole tiles.
[[nodiscard]] Segments segments_of_rows(const Backend& backend, std::uint64_t rows, std::size_t features);

// Adds rows [begin, end) to a fold in tiles and settles it. Called by several threads at once.
using AddRows = std::function<void(Fold& fold, std::uint64_t begin, std::uint64_t end)>;

// Of `rows` rows, by the backend or by those who stand in for it, at most so many; same bits whoever it is.
// Throw what `add` throws, of several segments the first's.
[[nodiscard]] Moments fold_rows(Backend& backend, FoldSpec spec, std::uint64_t rows, const AddRows& add,
                                std::size_t most_workers = std::numeric_limits<std::size_t>::max());
[[nodiscard]] ResidualSums look_at_rows(Backend& backend, LookSpec spec, std::uint64_t rows,
                                        const AddRows& add);

}  // namespace collapscope
