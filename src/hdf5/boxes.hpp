// Selections of a dataset as lists of boxes, and whether boxes cover a shape.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// The elements first[i] <= index[i] <= last[i].
struct Box {
  std::vector<std::uint64_t> first;
  std::vector<std::uint64_t> last;
};

// Whether a selection grows with its dataset.
[[nodiscard]] bool is_unlimited(hid_t space);

// The boxes of a selection of everything (of `shape`) or of hyperslabs; nullopt for other selections, and
// for more than `limit` boxes.
[[nodiscard]] std::optional<std::vector<Box>> selection_boxes(hid_t space,
                                                              const std::vector<std::uint64_t>& shape,
                                                              const Place& place, std::uint64_t limit);

enum class Cover { exact, incomplete, overlapping, outside };

// How boxes cover all elements of a shape.
[[nodiscard]] Cover cover_of(const std::vector<std::uint64_t>& shape, std::vector<Box> boxes);

}  // namespace collapscope::hdf5
