// Writing files.
#pragma once

#include <string>
#include <string_view>

namespace collapscope {

// Writes `content` to `path` so that the file is there whole or not at all: a temporary name in the same
// folder, fsync, rename. Throws Error naming the path.
void write_file_atomically(const std::string& path, std::string_view content);

}  // namespace collapscope
