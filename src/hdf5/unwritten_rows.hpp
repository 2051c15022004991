// Rows that HDF5 made up because nothing was written there.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// A reader that refuses rows of `dataset` which hold one of its fill values and nothing else. Labels are none
// of them: a fill value may be the label of samples that are left out.
[[nodiscard]] std::unique_ptr<RowReader> refuse_unwritten(std::unique_ptr<RowReader> reader,
                                                          const DatasetIndex& dataset);

}  // namespace collapscope::hdf5
