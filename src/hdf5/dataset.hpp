// DatasetIndex from an open dataset, with all that can be checked before data is read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// The sources of virtual datasets met so far, by file and path, and how deep the last one lies.
struct VirtualSources {
  std::map<std::string, std::optional<DatasetIndex>> described;  // nullopt: its own sources are being checked
  int depth = 0;
};

// Throws InputError for what is not a dataset of numbers, is empty, was not written in full, or would make
// HDF5 open anything outside the dump's folder. Reads no data.
[[nodiscard]] DatasetIndex describe_dataset(FileSet& files, const Object& object,
                                            std::uint64_t max_chunk_bytes);
[[nodiscard]] DatasetIndex describe_dataset(FileSet& files, const Object& object,
                                            std::uint64_t max_chunk_bytes, VirtualSources& sources);

}  // namespace collapscope::hdf5
