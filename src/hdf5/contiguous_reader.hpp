// A reader of contiguous data: the bytes of a file from one place on.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// Of a dataset whose address is known. Throws InputError when its file has changed, or ends before the data.
[[nodiscard]] std::unique_ptr<RowReader> read_contiguous(const DatasetIndex& dataset,
                                                         const ReadOptions& options);

}  // namespace collapscope::hdf5
