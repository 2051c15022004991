// HDF5 in helpers, as the program sees it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// Whether isolate_hdf5() was called.
[[nodiscard]] bool is_isolated();

// The same as in_process.hpp, by a helper that nobody used before. A crash is an InputError.
[[nodiscard]] DumpIndex index_by_helper(const std::string& path, const IndexOptions& options);
// Of each file; several helpers work at a time.
[[nodiscard]] DumpIndex index_by_helpers(const std::vector<std::string>& paths, const IndexOptions& options);
[[nodiscard]] std::unique_ptr<RowReader> open_by_helper(const DatasetIndex& dataset,
                                                        const ReadOptions& options);

}  // namespace collapscope::hdf5
