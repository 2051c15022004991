// Reading of h5py's lzf compression, where no working plugin for it is installed.
#pragma once

namespace collapscope::hdf5 {

// Registers the decoder with HDF5 unless there is a filter of that number. Throws Error.
void register_lzf();

}  // namespace collapscope::hdf5
