// What a helper says of a file, held against what can be true.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

// Throws MessageError for what no sound helper says of the file at `path`: shapes, storage or layouts that do
// not fit one another, bytes outside of files, files outside of the dump's folder. Throws InputError when a
// file is no longer as it was indexed.
void check_index(const DumpIndex& index, const std::string& path, const IndexOptions& options);

}  // namespace collapscope::hdf5
