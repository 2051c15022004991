#include "process/sandbox.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <limits>

namespace collapscope::process {

namespace {

// Landlock's own numbers: older headers lack the later ones.
constexpr long create_ruleset = 444;
constexpr long restrict_self = 446;
constexpr unsigned ask_version = 1;

struct Ruleset {
  std::uint64_t files;
  std::uint64_t connections;
  std::uint64_t scopes;
};

// The rights that a version knows, but for reading.
Ruleset rights_of(long version) {
  constexpr std::uint64_t execute = 1;
  constexpr std::uint64_t write = std::uint64_t{1} << 1;
  constexpr std::uint64_t remove_and_make = 0x1ff0;  // 4 to 12
  constexpr std::uint64_t refer = std::uint64_t{1} << 13;
  constexpr std::uint64_t truncate = std::uint64_t{1} << 14;
  constexpr std::uint64_t bind_and_connect = 3;
  constexpr std::uint64_t sockets_and_signals = 3;
  Ruleset rights{execute | write | remove_and_make, 0, 0};
  rights.files |= version >= 2 ? refer : 0;
  rights.files |= version >= 3 ? truncate : 0;
  rights.connections = version >= 4 ? bind_and_connect : 0;
  rights.scopes = version >= 6 ? sockets_and_signals : 0;
  return rights;
}

bool restrict_by_landlock() {
  const long version = ::syscall(create_ruleset, nullptr, 0, ask_version);
  if (version < 1) {
    return false;
  }
  const Ruleset rights = rights_of(version);
  const std::size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const long ruleset = ::syscall(create_ruleset, &rights, size, 0);
  if (ruleset < 0) {
    return false;
  }
  const bool restricted = ::syscall(restrict_self, ruleset, 0) == 0;
  ::close(static_cast<int>(ruleset));
  return restricted;
}

std::uint64_t allowed_data = 0;  // of this process; 0: nothing was said

void limit(int resource, std::uint64_t most) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) == 0) {
    const rlimit wanted{std::min<rlim_t>(most, now.rlim_max), now.rlim_max};
    (void)::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted);
  }
}

}  // namespace

bool give_up_rights() {
  (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::setrlimit(RLIMIT_FSIZE, &none);
  return restrict_by_landlock();
}

std::uint64_t data_bytes() {
  std::ifstream file("/proc/self/statm");
  std::array<std::uint64_t, 6> pages{};  // all, resident, shared, code, 0, data and stack
  for (std::uint64_t& count : pages) {
    file >> count;
  }
  return pages.back() * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit_data(std::uint64_t bytes) {
  allowed_data = bytes;
  limit(RLIMIT_DATA, bytes);
}

void allow_data(std::uint64_t bytes) {
  if (allowed_data != 0 && bytes != 0 && bytes < std::numeric_limits<std::uint64_t>::max() - allowed_data) {
    limit_data(allowed_data + bytes);
  }
}

}  // namespace collapscope::process
