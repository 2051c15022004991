// DatasetIndex from an open dataset, with all that can be checked before data is read.
#pragma once

#include <cstdint>
#include <limits>
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

// How datasets are to be taken.
struct DatasetRules {
  std::uint64_t max_chunk_bytes = std::numeric_limits<std::uint64_t>::max();
  std::optional<ElementKind> read_as;  // as in IndexOptions
  bool samples_last = false;           // as in DatasetIndex
  bool booleans = false;               // are taken as the integers that they are stored as

  DatasetRules() = default;
  explicit DatasetRules(const IndexOptions& options)
      : max_chunk_bytes(options.max_chunk_bytes), read_as(options.read_as) {}
};

// Throws InputError for what is not a dataset of numbers, is empty, was not written in full, or would make
// HDF5 open anything outside the dump's folder. Reads no data.
[[nodiscard]] DatasetIndex describe_dataset(FileSet& files, const Object& object, const DatasetRules& rules);
[[nodiscard]] DatasetIndex describe_dataset(FileSet& files, const Object& object, const DatasetRules& rules,
                                            VirtualSources& sources);

// The same of a dataset of samples: activations, targets, predictions. Throws InputError for MATLAB's, whose
// samples are last, unless the user has said so.
[[nodiscard]] DatasetIndex describe_samples(FileSet& files, const Object& object, const IndexOptions& options,
                                            bool booleans = false);

}  // namespace collapscope::hdf5
