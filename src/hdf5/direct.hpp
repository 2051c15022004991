// Whether the bytes of a dataset can be read around HDF5.
#pragma once

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Fills in DatasetIndex::through_hdf5, address and chunk_store of an open dataset whose storage, chunk and
// filters are known.
void describe_access(hid_t dataset, hid_t creation, DatasetIndex& index, const Place& place);

}  // namespace collapscope::hdf5
