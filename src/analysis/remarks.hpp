// What the first rows of a dataset suggest that its description does not say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// The floats whose bits these integers of 16 bits may be: nearly all of them have the size of an activation.
[[nodiscard]] std::optional<ElementKind> floats_in(std::span<const double> integers);

// A line for rows at the end that may never have been written: nothing but zeros; else empty.
[[nodiscard]] std::string tail_remark(const DatasetIndex& dataset);

// A line for rows of float16 that are mostly below its smallest normal number, where it has steps; else
// empty. rms: of their numbers.
[[nodiscard]] std::string subnormal_remark(const DatasetIndex& rows, double rms);

// A line for filters whose rounding the floors do not know; else empty.
[[nodiscard]] std::string loss_remark(const DatasetIndex& dataset);

// A line for integers of 16 bits that nobody calls integers and that look like the bits of floats, and for
// what the user calls floats and does not look like them; else empty. Reads some rows.
[[nodiscard]] std::string bits_remark(const DatasetIndex& dataset);

// A line for labels that are the dataset's fill value; else empty. labels: those that count, ascending.
[[nodiscard]] std::string unwritten_remark(const DatasetIndex& dataset, std::span<const std::int64_t> labels,
                                           std::span<const std::uint64_t> counts);

// About a label that probably stands for no class, as -100 does: one is negative, or 255 far from the others.
// labels: ascending.
[[nodiscard]] std::string padding_remark(std::span<const std::int64_t> labels,
                                         std::span<const std::uint64_t> counts);

}  // namespace collapscope
