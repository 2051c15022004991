// Stands between the program and its file system: counts the calls that change files, and at one of them ends
// the process as kill -9 would, or makes the call fail. Loaded by LD_PRELOAD.
//   KILL_AT=N    the N-th call does not happen: the process ends (status 137)
//   KILL_WITHIN=1  if it is a write, its first half happens
//   FAIL_AT=N    the N-th call and all after it fail with ENOSPC
//   COUNT_TO=F   writes the number of calls to the file F at the end
// Only calls on files below KILL_UNDER count.
//   KILL_AT_MESSAGE=N  the N-th message that an MPI rank would send, beats left out, is not sent: kill -9
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

namespace {

std::atomic<long> calls{0};

long number(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::atol(text);
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool counts(const char* path) {
  const char* const folder = std::getenv("KILL_UNDER");
  return folder != nullptr && path != nullptr && std::strstr(path, folder) != nullptr;
}

bool counts(int descriptor) {
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  char path[4096];
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size <= 0) {
    return false;
  }
  path[size] = '\0';
  return counts(path);
}

// True: the call is to fail.
bool stops(const std::function<void()>& half = {}) {
  static const long kill_at = number("KILL_AT");
  static const long fail_at = number("FAIL_AT");
  const long call = ++calls;
  if (call == kill_at) {
    if (half && number("KILL_WITHIN") != 0) {
      half();
    }
    ::_exit(137);
  }
  if (fail_at > 0 && call >= fail_at) {
    errno = ENOSPC;
    return true;
  }
  return false;
}

struct Counter {
  ~Counter() {
    if (const char* const path = std::getenv("COUNT_TO")) {
      if (std::FILE* const file = std::fopen(path, "w")) {
        std::fprintf(file, "%ld\n", calls.load());
        std::fclose(file);
      }
    }
  }
} counter;

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  const auto half = [&] { (void)next(descriptor, bytes, size / 2); };
  return counts(descriptor) && stops(half) ? -1 : next(descriptor, bytes, size);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return counts(descriptor) && stops() ? -1 : next(descriptor, bytes, size, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return counts(descriptor) && stops() ? -1 : next(descriptor, bytes, size, offset);
}

int fsync(int descriptor) {
  static const auto next = real<int (*)(int)>("fsync");
  return counts(descriptor) && stops() ? -1 : next(descriptor);
}

int ftruncate(int descriptor, off_t size) {
  static const auto next = real<int (*)(int, off_t)>("ftruncate");
  return counts(descriptor) && stops() ? -1 : next(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
  static const auto next = real<int (*)(int, off64_t)>("ftruncate64");
  return counts(descriptor) && stops() ? -1 : next(descriptor, size);
}

int rename(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  return counts(to) && stops() ? -1 : next(from, to);
}

int unlink(const char* path) {
  static const auto next = real<int (*)(const char*)>("unlink");
  return counts(path) && stops() ? -1 : next(path);
}

int remove(const char* path) {
  static const auto next = real<int (*)(const char*)>("remove");
  return counts(path) && stops() ? -1 : next(path);
}

int close(int descriptor) {
  static const auto next = real<int (*)(int)>("close");
  const bool counted = counts(descriptor);
  if (counted && stops()) {
    next(descriptor);
    errno = ENOSPC;
    return -1;
  }
  return next(descriptor);
}

int open(const char* path, int flags, ...) {
  static const auto next = real<int (*)(const char*, int, ...)>("open");
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
  va_end(rest);
  return (flags & O_ACCMODE) != O_RDONLY && counts(path) && stops() ? -1 : next(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  static const auto next = real<int (*)(const char*, int, ...)>("open64");
  va_list rest;
  va_start(rest, flags);
  const unsigned mode = (flags & O_CREAT) != 0 ? va_arg(rest, unsigned) : 0;
  va_end(rest);
  return (flags & O_ACCMODE) != O_RDONLY && counts(path) && stops() ? -1 : next(path, flags, mode);
}

// As Open MPI has it, where types, communicators and requests are pointers.
int MPI_Isend(const void* bytes, int count, void* type, int to, int tag, void* communicator, void* request) {
  using Send = int (*)(const void*, int, void*, int, int, void*, void*);
  static const auto next =
      reinterpret_cast<Send>(::dlsym(::dlopen("libmpi.so.40", RTLD_LAZY | RTLD_NOLOAD), "MPI_Isend"));
  static std::atomic<long> messages{0};
  if (count > 1 && ++messages == number("KILL_AT_MESSAGE")) {
    ::raise(SIGKILL);
  }
  return next(bytes, count, type, to, tag, communicator, request);
}

}  // extern "C"
