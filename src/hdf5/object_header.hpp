// The one message of a dataset's object header that HDF5 has no function for: where its chunks are indexed.
// From "HDF5 File Format Specification Version 3.0", IV.A.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "hdf5/handle.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

// Where the version 1 B-tree of a chunked dataset begins, as an address of HDF5's. nullopt when its chunks
// are indexed in another way, or anything looks odd. `rank`: of the dataset.
[[nodiscard]] std::optional<std::uint64_t> chunk_tree_address(hid_t dataset, std::size_t rank,
                                                              std::size_t element_size,
                                                              const StoredFile& file, const Place& place);

}  // namespace collapscope::hdf5
