#include "core/memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>

namespace collapscope {

namespace {

constexpr std::uint64_t MiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();

// "max" and files that are not there are no limit.
std::uint64_t number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : none;
}

std::uint64_t free_memory(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::string key;
  std::uint64_t kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes && std::getline(file, unit)) {
    if (key == "MemAvailable:") {
      return kibibytes * 1024;
    }
  }
  return std::uint64_t{4} << 30U;
}

// The least limit of a group and all above it; inside of a container its own may only show at the top.
std::uint64_t limit_of_group(const std::string& top, std::string group, const char* file) {
  std::uint64_t limit = number_in(top + "/" + file);
  while (group.size() > 1) {
    limit = std::min(limit, number_in(top + group + "/" + file));
    group.resize(group.rfind('/'));
  }
  return limit;
}

bool lists_memory(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = controllers.find(',');
    if (controllers.substr(0, comma) == "memory") {
      return true;
    }
    controllers.remove_prefix(comma == std::string_view::npos ? controllers.size() : comma + 1);
  }
  return false;
}

// Lines of /proc/self/cgroup: HIERARCHY:CONTROLLERS:GROUP, with no controllers in version 2.
std::uint64_t limit_of_groups(const std::string& root) {
  const std::string second = root + "/sys/fs/cgroup";
  const std::string first = second + "/memory";
  std::uint64_t limit =
      std::min(limit_of_group(second, "", "memory.max"), limit_of_group(first, "", "memory.limit_in_bytes"));
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t one = line.find(':');
    const std::size_t two = one == std::string::npos ? one : line.find(':', one + 1);
    if (two == std::string::npos || two + 1 >= line.size() || line[two + 1] != '/') {
      continue;
    }
    const std::string group = line.substr(two + 1);
    const std::string controllers = line.substr(one + 1, two - one - 1);
    if (controllers.empty()) {
      limit = std::min(limit, limit_of_group(second, group, "memory.max"));
    } else if (lists_memory(controllers)) {
      limit = std::min(limit, limit_of_group(first, group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

// 0 where it is not set to a positive number.
std::uint64_t number_of(const MemorySources& sources, const char* variable) {
  const char* text = sources.variable(variable);
  const long long value = text == nullptr ? 0 : std::strtoll(text, nullptr, 10);
  return value > 0 ? static_cast<std::uint64_t>(value) : 0;
}

// Slurm counts in MiB; 0 is all of the node's.
std::uint64_t limit_of_slurm(const MemorySources& sources) {
  constexpr std::uint64_t most = none / MiB;
  if (const std::uint64_t per_cpu = std::min(number_of(sources, "SLURM_MEM_PER_CPU"), most)) {
    const std::uint64_t cpus = std::max<std::uint64_t>(number_of(sources, "SLURM_CPUS_PER_TASK"), 1);
    return per_cpu > most / cpus ? none : per_cpu * cpus * MiB;
  }
  if (const std::uint64_t per_node = std::min(number_of(sources, "SLURM_MEM_PER_NODE"), most)) {
    // Of a step, "4(x2)": the tasks on each node.
    return per_node * MiB / std::max<std::uint64_t>(number_of(sources, "SLURM_STEP_TASKS_PER_NODE"), 1);
  }
  return none;
}

}  // namespace

MemorySources system_memory_sources() {
  return {"", [](const char* name) -> const char* { return std::getenv(name); }};
}

std::uint64_t address_space_left() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return none;
  }
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  const std::uint64_t used = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
}

std::uint64_t usable_memory(const MemorySources& sources) {
  return std::min({free_memory(sources.root), limit_of_groups(sources.root), limit_of_slurm(sources)});
}

}  // namespace collapscope
