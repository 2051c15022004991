// A reader of contiguous data: the bytes of a file from one place on.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"
#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

// nullptr when HDF5 does not read the file as one plain file; `dataset` is then left as it is. Throws
// InputError when the file ends before the data.
[[nodiscard]] std::unique_ptr<RowReader> read_contiguous(std::unique_ptr<OpenDataset>& dataset,
                                                         const ReadOptions& options);

}  // namespace collapscope::hdf5
