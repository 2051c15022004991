// Preloaded: the read whose number FAIL_PREAD says, counted from 1, fails with EIO, and a file named by
// FAIL_PREAD_MARK then says so. With FAIL_PREAD_STOPS set the process stops there instead.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

namespace {

using Pread = ssize_t (*)(int, void*, std::size_t, off64_t);

// With FAIL_PREAD_OF only calls on files whose path has this in it count, with FAIL_PREAD_LEAST only those of
// so many bytes or more.
bool counts(int file, std::size_t size_of_read) {
  const char* const least = std::getenv("FAIL_PREAD_LEAST");
  if (least != nullptr && size_of_read < std::strtoul(least, nullptr, 10)) {
    return false;
  }
  const char* const part = std::getenv("FAIL_PREAD_OF");
  if (part == nullptr) {
    return true;
  }
  char path[4096];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path - 1);
  return size > 0 && std::string(path, static_cast<std::size_t>(size)).find(part) != std::string::npos;
}

bool fails_now(int file, std::size_t size) {
  static std::atomic<long> calls{0};
  const char* number = std::getenv("FAIL_PREAD");
  if (number == nullptr || !counts(file, size) || ++calls != std::atol(number)) {
    return false;
  }
  if (const char* mark = std::getenv("FAIL_PREAD_MARK")) {
    ::close(::open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  return true;
}

ssize_t read_or_fail(const char* name, int file, void* out, std::size_t size, off64_t at) {
  if (fails_now(file, size)) {
    if (std::getenv("FAIL_PREAD_STOPS") != nullptr) {
      ::raise(SIGSTOP);
    }
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<Pread>(::dlsym(RTLD_NEXT, name))(file, out, size, at);
}

}  // namespace

extern "C" ssize_t pread(int file, void* out, std::size_t size, off_t at) {
  return read_or_fail("pread", file, out, size, at);
}

extern "C" ssize_t pread64(int file, void* out, std::size_t size, off64_t at) {
  return read_or_fail("pread64", file, out, size, at);
}
