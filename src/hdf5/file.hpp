// Opening HDF5 files read-only, with messages that say what is wrong with a file that does not open.
#pragma once

#include <string>

#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Opens `path`; messages call it `shown`. Throws InputError.
[[nodiscard]] Handle open_file(const std::string& path, const std::string& shown);

}  // namespace collapscope::hdf5
