#include "core/temporary_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace collapscope {

namespace {

constexpr std::string_view beginning = ".collapscope-";
constexpr std::string_view ending = ".tmp";
constexpr std::time_t a_day = 24 * 60 * 60;
constexpr int attempts = 100;

// Locks tell nothing of other machines where a file system is shared.
std::string name_of_this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return fmt::format("{:08x}", static_cast<std::uint32_t>(std::hash<std::string>()(text)));
}

std::string in_folder(const std::string& folder, std::string_view name) {
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", name);
}

// Whoever removes litter may have come between its making and its lock.
bool is_still_there(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

// A locked file in `folder`, its name in `name`; -1 with errno.
int create(const std::string& folder, std::string& name) {
  std::random_device random;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    name = in_folder(folder, fmt::format("{}{}-{:08x}{:08x}{}", beginning, name_of_this_boot(), random(),
                                         random(), ending));
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0 && errno != EEXIST) {
      name.clear();
      return -1;
    }
    if (file >= 0) {
      (void)::flock(file, LOCK_EX | LOCK_NB);
      if (is_still_there(file)) {
        return file;
      }
      ::close(file);
    }
  }
  name.clear();
  errno = EEXIST;
  return -1;
}

bool is_litter(const std::string& path, std::string_view name, std::string_view boot) {
  if (name.substr(beginning.size()).starts_with(boot)) {
    return true;
  }
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && std::time(nullptr) - status.st_mtime > a_day;
}

}  // namespace

File::~File() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

bool File::close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

TemporaryFile::TemporaryFile(const std::string& folder)
    : file_(create(folder, name_)), lock_(file_.get() < 0 ? -1 : ::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0)) {}

TemporaryFile::~TemporaryFile() {
  if (!name_.empty()) {
    ::unlink(name_.c_str());
  }
}

bool TemporaryFile::rename_to(const std::string& target) {
  if (std::rename(name_.c_str(), target.c_str()) != 0) {
    return false;
  }
  name_.clear();
  return true;
}

bool remove_unlocked(const std::string& path) {
  const File file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  return file.get() >= 0 && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 && ::unlink(path.c_str()) == 0;
}

void remove_litter(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (!directory) {
    return;
  }
  std::vector<std::string> names;
  for (const dirent* entry = ::readdir(directory.get()); entry != nullptr;
       entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(beginning) && name.ends_with(ending)) {
      names.emplace_back(name);
    }
  }
  const std::string boot = names.empty() ? "" : name_of_this_boot();
  for (const std::string& name : names) {
    if (const std::string path = in_folder(folder, name); is_litter(path, name, boot)) {
      (void)remove_unlocked(path);
    }
  }
}

}  // namespace collapscope
