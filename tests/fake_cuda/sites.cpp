#include "sites.hpp"

#include <execinfo.h>

#include <cstdint>
#include <cstdio>

#include "options.hpp"

namespace fake_cuda {

std::string site_of(const std::string& what) {
  if (!options().sites) {
    return {};
  }
  void* frames[64];
  const int depth = ::backtrace(frames, 64);
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (int i = 0; i < depth; ++i) {
    hash = (hash ^ reinterpret_cast<std::uintptr_t>(frames[i])) * 0x100000001b3U;
  }
  char number[32];
  static_cast<void>(std::snprintf(number, sizeof number, " @ %016lx", static_cast<unsigned long>(hash)));
  return what + number;
}

}  // namespace fake_cuda
