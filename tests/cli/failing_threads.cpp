// Preloaded: no more threads than MOST_THREADS says are alive beside the first; making another fails with
// EAGAIN, as where ulimit -u allows no more.
#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace {

using Begin = void* (*)(void*);
using Create = int (*)(pthread_t*, const pthread_attr_t*, Begin, void*);

std::atomic<long> alive{0};

struct Start {
  Begin begin;
  void* argument;
};

void* counted(void* start) {
  const std::unique_ptr<Start> own(static_cast<Start*>(start));
  void* const result = own->begin(own->argument);
  --alive;
  return result;
}

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Begin begin,
                              void* argument) {
  const char* most = std::getenv("MOST_THREADS");
  if (++alive > (most == nullptr ? 1'000'000 : std::atol(most))) {
    --alive;
    return EAGAIN;
  }
  const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  auto start = std::make_unique<Start>(Start{begin, argument});
  const int failure = create(thread, attributes, counted, start.get());
  if (failure == 0) {
    (void)start.release();
  } else {
    --alive;
  }
  return failure;
}
