// The dumps that a user names: files, folders, globs and @lists.
#pragma once

#include <string>
#include <vector>

#include "collapscope/dump.hpp"

namespace collapscope::tools {

// Files in natural order within each argument. A folder stands for the .h5 and .hdf5 files in it; an argument
// with * ? [ that is no file is a glob; @FILE lists arguments, a line each. Throws UsageError for what names
// nothing.
[[nodiscard]] std::vector<std::string> expand_inputs(const std::vector<std::string>& arguments);

// Indexes all files; what cannot be used is in `failures`.
[[nodiscard]] DumpIndex index_all(const std::vector<std::string>& files, const IndexOptions& options);

}  // namespace collapscope::tools
