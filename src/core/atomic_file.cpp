// Files that are there whole or not at all.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/core/text.hpp"
#include "core/temporary_file.hpp"

namespace collapscope {
namespace {

[[noreturn]] void fail(const std::string& path, std::string_view why) {
  throw Error(fmt::format("{}: cannot write: {}", printable(path), why));
}

[[noreturn]] void fail_errno(const std::string& path) { fail(path, std::generic_category().message(errno)); }

// False with errno.
bool write_all(int descriptor, std::string_view content) {
  constexpr std::size_t most_at_once = std::size_t{1} << 30;
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), std::min(content.size(), most_at_once));
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// False with errno. File systems that cannot sync (pipes, some network folders) are no failure.
bool sync_to_disk(int descriptor) { return ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP; }

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// The file itself, after all links; a link to nowhere is refused.
std::string resolved(const std::string& path, bool exists) {
  struct stat link {};
  if (!exists && ::lstat(path.c_str(), &link) == 0) fail(path, "a link to a file that does not exist");
  if (!exists) return path;
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) fail_errno(path);
  return real.get();
}

// Devices, pipes and our own standard output cannot be replaced, only written to.
void write_in_place(const std::string& path, int own_descriptor, std::string_view content) {
  if (own_descriptor >= 0) {
    std::fflush(nullptr);  // what was printed before comes first
    if (!write_all(own_descriptor, content)) fail_errno(path);
    return;
  }
  File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0 || !write_all(file.get(), content) || !file.close()) fail_errno(path);
}

// Standard output or error when it is the same file as `target` ("/dev/stdout" with a redirection), else -1.
int own_descriptor_of(const struct stat& target) {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    struct stat own {};
    if (::fstat(descriptor, &own) == 0 && own.st_dev == target.st_dev && own.st_ino == target.st_ino) {
      return descriptor;
    }
  }
  return -1;
}

// `old`: the file that will be replaced, or null; its permissions are kept.
void replace(const std::string& path, const std::string& target, const struct stat* old,
             std::string_view content) {
  if (old != nullptr && ::access(target.c_str(), W_OK) != 0) fail_errno(path);
  const std::string folder = folder_of(target);
  TemporaryFile file(folder);
  if (file.get() < 0) fail_errno(path);
  if ((old != nullptr && ::fchmod(file.get(), old->st_mode & 0777U) != 0) ||
      !write_all(file.get(), content) || !sync_to_disk(file.get()) || !file.close() ||
      !file.rename_to(target)) {
    fail_errno(path);
  }
  // A folder that may be written but not read cannot be synced: the file is there all the same.
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0 && !sync_to_disk(directory.get())) fail_errno(path);
}

// What a path stands for.
struct Target {
  explicit Target(const std::string& path) {
    if (path.empty() || path.find('\0') != std::string::npos) fail(path, "not a file name");
    exists = ::stat(path.c_str(), &status) == 0;
    if (!exists && errno != ENOENT) fail_errno(path);
    if (exists && S_ISDIR(status.st_mode)) fail(path, "it is a folder");
    own_descriptor = exists ? own_descriptor_of(status) : -1;
    is_written_in_place = exists && (!S_ISREG(status.st_mode) || own_descriptor >= 0);
    file = is_written_in_place ? path : resolved(path, exists);
  }

  struct stat status {};
  bool exists = false;
  int own_descriptor = -1;
  bool is_written_in_place = false;
  std::string file;
};

}  // namespace

// A link is followed and the file it points to replaced, as a user who keeps a link `latest.json` expects.
void write_file_atomically(const std::string& path, std::string_view content) {
  const Target target(path);
  if (target.is_written_in_place) {
    write_in_place(path, target.own_descriptor, content);
    return;
  }
  replace(path, target.file, target.exists ? &target.status : nullptr, content);
}

void require_writable(const std::string& path) {
  const Target target(path);
  if (target.is_written_in_place) {
    const bool waits = S_ISFIFO(target.status.st_mode) || target.own_descriptor >= 0;
    const File file(waits ? -1 : ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!waits && file.get() < 0) fail_errno(path);
    return;
  }
  if (target.exists && ::access(target.file.c_str(), W_OK) != 0) fail_errno(path);
  const std::string folder = folder_of(target.file);
  remove_litter(folder);
  const TemporaryFile file(folder);
  if (file.get() < 0) fail_errno(path);
}

}  // namespace collapscope
