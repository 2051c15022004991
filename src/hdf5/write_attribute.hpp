// Writing a scalar attribute.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Of the object at `owner.object` in an open file; to be called within a Session. Throws InputError.
void write_attribute(hid_t file, const Place& owner, const std::string& name, const AttributeValue& value);

}  // namespace collapscope::hdf5
