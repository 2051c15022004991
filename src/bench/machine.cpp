#include "bench/machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "collapscope/core/version.hpp"
#include "collapscope/linalg/blas_kernels.hpp"
#include "core/threads.hpp"

namespace collapscope::bench {

namespace {

// "model name : AMD EPYC ..." of the first processor.
std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

}  // namespace

std::vector<Fact> machine_facts() {
  utsname system{};
  (void)::uname(&system);
  const auto memory = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  return {{"cpu", cpu_model()},
          {"cpus", static_cast<std::int64_t>(usable_threads())},
          {"memory_bytes", memory},
          {"system", std::string(system.sysname) + " " + system.release + " " + system.machine}};
}

std::vector<Fact> library_facts() {
  const BuildInfo build = build_info();
  return {{"blas", blas_kernels().describe()}, {"hdf5", build.hdf5}, {"cuda", build.cuda}};
}

}  // namespace collapscope::bench
