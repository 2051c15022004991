// Files: writing them whole, and seeing that one has changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collapscope {

// Writes `content` to `path` so that the file is there whole or not at all: a temporary name in the same
// folder, fsync, rename. Throws Error naming the path.
void write_file_atomically(const std::string& path, std::string_view content);

// Throws Error, as far as can be known before, when write_file_atomically would. Removes what killed runs
// have left in the folder.
void require_writable(const std::string& path);

// What tells a file that has changed from one that has not.
struct FileState {
  std::uint64_t bytes = 0;
  std::int64_t modified = 0;  // nanoseconds since 1970

  friend bool operator==(const FileState&, const FileState&) = default;
};

// nullopt when it cannot be found, or is no regular file.
[[nodiscard]] std::optional<FileState> file_state(const std::string& path);
[[nodiscard]] std::optional<FileState> file_state(int descriptor);

// Of nanoseconds since 1970: "2026-08-01 10:00:00.500000000 UTC"
[[nodiscard]] std::string time_text(std::int64_t modified);

// "found 4096 bytes of 2026-08-01 10:00:00.5 UTC, expected 8192 of ..."
[[nodiscard]] std::string change_text(const FileState& was, const FileState& is);

}  // namespace collapscope
