// A reader of numbers in a file that is not HDF5 (Storage::raw).
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// Throws InputError when the file cannot be read, or ends before the data.
[[nodiscard]] std::unique_ptr<RowReader> read_raw(const DatasetIndex& dataset, std::size_t threads);

}  // namespace collapscope::hdf5
