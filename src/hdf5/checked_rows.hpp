// Rows that are looked at when they have been read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "collapscope/core/rows.hpp"

namespace collapscope::hdf5 {

// Gets samples [first, first + count) as stored. Throws InputError where some may not be used. Copied for
// twins.
using RowCheck =
    std::function<void(std::uint64_t first, std::uint64_t count, std::span<const std::byte> rows)>;

// A reader whose rows pass the check, as do those of its twins.
[[nodiscard]] std::unique_ptr<RowReader> checked_rows(std::unique_ptr<RowReader> reader, RowCheck check);

// The same without twins: all rows pass in order, so that the first one that is refused is the first of all.
[[nodiscard]] std::unique_ptr<RowReader> checked_in_order(std::unique_ptr<RowReader> reader, RowCheck check);

}  // namespace collapscope::hdf5
