// Objects in the global heap, read around HDF5: how many there are of what it would read as a whole.
// From "HDF5 File Format Specification Version 3.0", III.E.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

// The first bytes of object `number` in the heap's collection at `address` of the file; nullopt when anything
// looks odd.
[[nodiscard]] std::optional<std::vector<std::byte>> heap_object(const StoredFile& file, std::uint64_t address,
                                                                std::uint64_t number, std::size_t bytes);

}  // namespace collapscope::hdf5
