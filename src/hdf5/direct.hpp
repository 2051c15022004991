// Whether the bytes of a dataset can be read around HDF5.
#pragma once

#include <string>

#include "collapscope/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// DatasetIndex::through_hdf5 of an open dataset whose storage, chunk and filters are known.
[[nodiscard]] std::string why_through_hdf5(hid_t dataset, hid_t creation, const DatasetIndex& index,
                                           const Place& place);

}  // namespace collapscope::hdf5
