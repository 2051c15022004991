// What object headers say that HDF5 has no function for: where the chunks of a dataset are indexed, and how
// long an attribute's string is.
// From "HDF5 File Format Specification Version 3.0", IV.A.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "hdf5/handle.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

// Where the version 1 B-tree of a chunked dataset begins, as an address of HDF5's. nullopt when its chunks
// are indexed in another way, or anything looks odd. `rank`: of the dataset.
[[nodiscard]] std::optional<std::uint64_t> chunk_tree_address(hid_t dataset, std::size_t rank,
                                                              std::size_t element_size,
                                                              const StoredFile& file, const Place& place);

// How many mappings the virtual dataset at `address` of HDF5's in the file of `object` has, before it is
// opened: HDF5 then reads them all. nullopt when it is none, or anything looks odd.
[[nodiscard]] std::optional<std::uint64_t> mapping_count(hid_t object, std::uint64_t address,
                                                         const Place& place);

// How many bytes the value of an attribute, a string of variable length, is said to take: HDF5 allocates them
// before it looks at the string. nullopt when it does not lie in the object's header, or anything looks odd.
[[nodiscard]] std::optional<std::uint64_t> variable_length(hid_t object, const std::string& attribute,
                                                           const Place& place);

// The same of the object whose header lies at `address` of HDF5's, without HDF5: for addresses of 8 bytes.
[[nodiscard]] std::optional<std::uint64_t> chunk_tree_address(const StoredFile& file, std::uint64_t address,
                                                              std::size_t rank, std::size_t element_size);
[[nodiscard]] std::optional<std::uint64_t> mapping_count(const StoredFile& file, std::uint64_t address);
[[nodiscard]] std::optional<std::uint64_t> variable_length(const StoredFile& file, std::uint64_t address,
                                                           const std::string& attribute);

}  // namespace collapscope::hdf5
