// The filter pipeline of a dataset.
#pragma once

#include <string>
#include <vector>

#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Names of the filters, in the order they are applied at writing. Throws InputError when one of them is
// not available, with its number, name and how to get it.
[[nodiscard]] std::vector<std::string> filter_names(hid_t creation, const Place& place);

// Its usual name; for unknown ones what the file calls it.
[[nodiscard]] std::string filter_name(H5Z_filter_t id, const std::string& in_file);

}  // namespace collapscope::hdf5
