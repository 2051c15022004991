// The names of classes: a dataset of strings, row = label.
#pragma once

#include <string>
#include <vector>

#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// Strings of fixed or variable length, shape [m]. Throws InputError for anything else, and for more than
// 1,048,576 names, 4 KiB in one or 64 MiB in all.
[[nodiscard]] std::vector<std::string> read_class_names(const FileSet& files, const Object& dataset);

}  // namespace collapscope::hdf5
