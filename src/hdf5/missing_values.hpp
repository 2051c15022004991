// Numbers that stand for none.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// A reader that refuses rows of `dataset` which hold one of its missing values, as `reader` gives them.
[[nodiscard]] std::unique_ptr<RowReader> refuse_missing(std::unique_ptr<RowReader> reader,
                                                        const DatasetIndex& dataset);

}  // namespace collapscope::hdf5
