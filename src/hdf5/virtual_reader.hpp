// Reads a virtual dataset that shows whole samples of others as these are read: around HDF5 where that can
// be, and with their chunks checked.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// `dataset` has sources.
[[nodiscard]] std::unique_ptr<RowReader> read_sources(const DatasetIndex& dataset,
                                                      const ReadOptions& options);

}  // namespace collapscope::hdf5
