// Virtual datasets: every source is checked before HDF5 may read through them, because HDF5 itself fills
// in zeros for what it does not find and opens whatever the file names.
#pragma once

#include <cstdint>
#include <vector>

#include "hdf5/dataset.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// Throws InputError when a mapping is unlimited or names its sources by a pattern. Opens nothing.
void refuse_unlimited_mappings(hid_t creation, const Place& place);

// Checks that the mappings cover `shape` exactly once and that every source lies in the dump's folder, is
// there, has the same type and holds what is mapped. Returns the stored bytes of the sources.
std::uint64_t check_virtual_sources(FileSet& files, const Object& object, hid_t creation, hid_t type,
                                    const std::vector<std::uint64_t>& shape, std::uint64_t max_chunk_bytes,
                                    VirtualSources& sources);

}  // namespace collapscope::hdf5
