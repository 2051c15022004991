// Visiting all objects below a group.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collapscope/core/error.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// Names of the links in a group, in HDF5's order of names. Throws InputError when there are too many.
[[nodiscard]] std::vector<std::string> link_names(const Object& group, const Place& place);

// What walk() calls; paths are those below the start, "block/fc1".
struct Visitor {
  std::function<void(const std::string& path, const Object& group)> group;  // before what is in it
  std::function<void(const std::string& path)> dataset;
  std::function<void(const std::string& path, const InputError& error)> broken;  // a link that leads nowhere
};

// Visits what is below `start`, at most 100,000 objects and 32 groups deep; beyond that an InputError. A
// group that contains itself through links is not entered again.
void walk(FileSet& files, const Object& start, const Visitor& visitor);

}  // namespace collapscope::hdf5
