// Preloaded: each read of 64 KiB or more adds a line with its size to the file named by COUNT_READS. While
// the file named by SLOW_READS exists, it takes SLOW_READS_NS for each byte.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

using Pread = ssize_t (*)(int, void*, std::size_t, off64_t);

void count(std::size_t size) {
  const char* const path = std::getenv("COUNT_READS");
  const int file = path == nullptr ? -1 : ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file >= 0) {
    const std::string line = std::to_string(size) + "\n";
    [[maybe_unused]] const ssize_t written = ::write(file, line.data(), line.size());
    ::close(file);
  }
}

ssize_t read_slowly(const char* name, int file, void* out, std::size_t size, off64_t at) {
  constexpr std::size_t rows = std::size_t{1} << 16U;
  if (size >= rows) {
    count(size);
    const char* const mark = std::getenv("SLOW_READS");
    const char* const nanoseconds = std::getenv("SLOW_READS_NS");
    if (mark != nullptr && nanoseconds != nullptr && ::access(mark, F_OK) == 0) {
      ::usleep(static_cast<useconds_t>(size * std::strtoul(nanoseconds, nullptr, 10) / 1000));
    }
  }
  return reinterpret_cast<Pread>(::dlsym(RTLD_NEXT, name))(file, out, size, at);
}

}  // namespace

extern "C" ssize_t pread(int file, void* out, std::size_t size, off_t at) {
  return read_slowly("pread", file, out, size, at);
}

extern "C" ssize_t pread64(int file, void* out, std::size_t size, off64_t at) {
  return read_slowly("pread64", file, out, size, at);
}
