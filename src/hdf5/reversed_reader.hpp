// A reader of datasets whose samples are last.
#pragma once

#include <memory>

#include "collapscope/core/rows.hpp"
#include "hdf5/open_dataset.hpp"

namespace collapscope::hdf5 {

// Of a dataset [.., b, a, N] whose index says [N, a, b, ..]: through HDF5, and then turned around.
[[nodiscard]] std::unique_ptr<RowReader> read_reversed(std::unique_ptr<OpenDataset> dataset);

}  // namespace collapscope::hdf5
