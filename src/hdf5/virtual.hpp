// Virtual datasets: every source is checked before HDF5 may read through them, because HDF5 itself fills
// in zeros for what it does not find and opens whatever the file names.
#pragma once

#include <cstdint>

#include "hdf5/dataset.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// What HDF5 takes for a mapping, as measured with 1.10: four dataspaces, each twice.
constexpr std::uint64_t mapping_bytes = std::uint64_t{26} * 1024;
// That HDF5 takes for an open file, most of it for its cache of metadata.
constexpr std::uint64_t open_file_bytes = std::uint64_t{600} * 1024;

// Throws InputError when a mapping is unlimited or names its sources by a pattern. Opens nothing.
void refuse_unlimited_mappings(hid_t creation, const Place& place);

// Checks that the mappings cover the shape exactly once and that every source lies in the dump's folder, is
// there, has the same type and holds what is mapped. Adds the stored bytes of the sources to `index`.
void describe_virtual(FileSet& files, const Object& object, hid_t creation, hid_t type,
                      const DatasetRules& rules, VirtualSources& sources, DatasetIndex& index);

}  // namespace collapscope::hdf5
