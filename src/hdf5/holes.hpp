// Large datasets of sparse files, most of whose bytes were never written: reading them would take hours, and
// give zeros.
#pragma once

#include <cstdint>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// How many of the bytes [begin, end) lie in holes of the file; 0 where the file system does not tell, and for
// ranges that are soon read.
[[nodiscard]] std::uint64_t bytes_in_holes(const std::string& path, std::uint64_t begin, std::uint64_t end);

// Throws InputError when nearly all of a large dataset lies in holes.
void refuse_mostly_holes(const DatasetIndex& dataset, const Place& place);

}  // namespace collapscope::hdf5
