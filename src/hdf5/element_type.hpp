// From HDF5's description of a number to ElementType, by bit layout and never by name.
#pragma once

#include "collapscope/core/element.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Whether a type is as h5py and others store booleans: an enumeration of FALSE = 0 and TRUE = 1.
[[nodiscard]] bool is_boolean(hid_t type);

// booleans: of such an enumeration, the integers that it is stored as. Throws InputError that says what was
// found.
[[nodiscard]] ElementType element_type(hid_t type, bool booleans, const Place& place);

}  // namespace collapscope::hdf5
