#include "collapscope/linalg/blas_kernels.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "core/memory.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

namespace {

constexpr const char* core_variable = "OPENBLAS_CORETYPE";
constexpr const char* misjudged_variable = "COLLAPSCOPE_BLAS_MISJUDGED";

enum class Level { sse, avx, avx2, avx512 };

Level level_of(std::string_view core) {
  constexpr std::array<std::string_view, 3> avx512{"SkylakeX", "Cooperlake", "SapphireRapids"};
  constexpr std::array<std::string_view, 3> avx2{"Haswell", "Zen", "Excavator"};
  constexpr std::array<std::string_view, 4> avx{"Sandybridge", "Bulldozer", "Piledriver", "Steamroller"};
  const auto in = [&](const auto& names) {
    return std::find(names.begin(), names.end(), core) != names.end();
  };
  return in(avx512) ? Level::avx512 : in(avx2) ? Level::avx2 : in(avx) ? Level::avx : Level::sse;
}

#if defined(__x86_64__)
CpuFeatures this_cpu() {
  __builtin_cpu_init();
  CpuFeatures cpu;
  cpu.avx = __builtin_cpu_supports("avx") != 0;
  cpu.avx2_fma = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  cpu.avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
               __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  cpu.intel = __builtin_cpu_is("intel") != 0;
  return cpu;
}
#else
CpuFeatures this_cpu() { return {}; }
#endif

std::string value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

std::string BlasKernels::describe() const {
  std::string text = fmt::format("{}, {} kernels", library, core);
  if (!misjudged.empty()) {
    text += fmt::format(" (OpenBLAS chose {})", misjudged);
  } else if (user_chose) {
    text += fmt::format(" (by {})", core_variable);
  } else if (!better.empty()) {
    text += fmt::format(" (this CPU can run {}: set {}={})", better, core_variable, better);
  }
  return text;
}

std::string better_kernels(std::string_view core, const CpuFeatures& cpu) {
  const Level level = level_of(core);
  if (cpu.avx512 && level < Level::avx512 && (cpu.intel || level < Level::avx2)) {
    return "SkylakeX";
  }
  if (cpu.avx2_fma && level < Level::avx2) {
    return cpu.intel ? "Haswell" : "Zen";
  }
  if (cpu.avx && level < Level::avx) {
    return "Sandybridge";
  }
  return {};
}

BlasKernels blas_kernels() {
  BlasKernels kernels;
  const std::string config = openblas_get_config();
  kernels.library = config.substr(0, config.find(' ', config.find(' ') + 1));
  kernels.core = openblas_get_corename();
  kernels.misjudged = value_of(misjudged_variable);
  kernels.user_chose = kernels.misjudged.empty() && !value_of(core_variable).empty();
  if (config.find("DYNAMIC_ARCH") != std::string::npos) {
    kernels.better = better_kernels(kernels.core, this_cpu());
  }
  return kernels;
}

namespace {

// OpenBLAS starts its threads before main, each with 128 MiB of address space, and waits for ever for what it
// does not get.
void start_without_blas_threads(char** argv) {
  constexpr const char* variable = "OPENBLAS_NUM_THREADS";
  if (address_space_left() < std::numeric_limits<std::uint64_t>::max() && value_of(variable).empty()) {
    setenv(variable, "1", 1);
    execv("/proc/self/exe", argv);
  }
}

}  // namespace

void cure_blas_kernels(char** argv) {
  start_without_blas_threads(argv);
  const BlasKernels kernels = blas_kernels();
  if (kernels.better.empty() || kernels.user_chose || !kernels.misjudged.empty()) {
    return;
  }
  setenv(core_variable, kernels.better.c_str(), 1);
  setenv(misjudged_variable, kernels.core.c_str(), 1);
  execv("/proc/self/exe", argv);
  unsetenv(core_variable);  // not restarted: go on as we are
  unsetenv(misjudged_variable);
}

void own_the_blas() { linalg::rest_threads_after_use(); }

}  // namespace collapscope
