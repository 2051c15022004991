// What HDF5 does, in the process that asks for it: a helper's, or where nobody wants helpers.
#pragma once

#include <memory>
#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

[[nodiscard]] DumpIndex index_in_process(const std::string& path, const IndexOptions& options);

// Of a file that is in memory and has no name.
[[nodiscard]] DumpIndex index_open_file(Handle file, const IndexOptions& options);

// A reader of a dataset that cannot be read around HDF5.
[[nodiscard]] std::unique_ptr<RowReader> open_in_process(const DatasetIndex& dataset,
                                                         const ReadOptions& options);

}  // namespace collapscope::hdf5
