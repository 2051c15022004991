// From HDF5's description of a number to ElementType, by bit layout and never by name.
#pragma once

#include "collapscope/core/element.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Throws InputError that says what was found.
[[nodiscard]] ElementType element_type(hid_t type, const Place& place);

}  // namespace collapscope::hdf5
