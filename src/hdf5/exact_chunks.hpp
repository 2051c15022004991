// Whether chunks that HDF5 will undo the filters of are as large as declared: HDF5 takes whatever they
// inflate to.
#pragma once

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// Decodes each chunk once, one at a time; nothing where they have no filters, or one that only HDF5 can undo.
// Throws InputError.
void require_exact_chunks(const DatasetIndex& index);

}  // namespace collapscope::hdf5
