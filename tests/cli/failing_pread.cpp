// Preloaded: the read whose number FAIL_PREAD says, counted from 1, fails with EIO, and a file named by
// FAIL_PREAD_MARK then says so.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace {

using Pread = ssize_t (*)(int, void*, std::size_t, off64_t);

bool fails_now() {
  static std::atomic<long> calls{0};
  const char* number = std::getenv("FAIL_PREAD");
  if (number == nullptr || ++calls != std::atol(number)) {
    return false;
  }
  if (const char* mark = std::getenv("FAIL_PREAD_MARK")) {
    ::close(::open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  return true;
}

ssize_t read_or_fail(const char* name, int file, void* out, std::size_t size, off64_t at) {
  if (fails_now()) {
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
