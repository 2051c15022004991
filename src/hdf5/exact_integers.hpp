// Integers that float64 does not hold.
#pragma once

#include <memory>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// A reader that refuses rows of `dataset` with integers of 64 bits that float64 would round. Labels are none
// of them: they stay integers.
[[nodiscard]] std::unique_ptr<RowReader> refuse_inexact(std::unique_ptr<RowReader> reader,
                                                        const DatasetIndex& dataset);

}  // namespace collapscope::hdf5
