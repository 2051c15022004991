#include "ranks/launcher.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "collapscope/ranks/ranks.hpp"

namespace collapscope {

namespace ranks {

namespace {

struct Variables {
  const char* launcher;
  const char* size;
  const char* rank;
};

// SLURM_STEP_NUM_TASKS is that of srun's own steps, and 1 for what runs in a batch script without srun.
constexpr std::array known{Variables{"mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                           Variables{"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
                           Variables{"mpiexec", "PMI_SIZE", "PMI_RANK"},
                           Variables{"mpirun", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"}};

// srun sets one of these when it has a PMI, that is with --mpi=pmix, pmi2 or another; with --mpi=none
// nothing.
constexpr std::array pmi_of_srun{"PMIX_NAMESPACE", "PMI_FD", "PMI_RANK", "PMI_PORT", "PMI_CONTROL_PORT"};

std::optional<std::size_t> number(const char* text) {
  if (text == nullptr) {
    return std::nullopt;
  }
  const std::string_view digits = text;
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = failure == std::errc() && end == digits.data() + digits.size();
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Launch> launch_of(const std::function<const char*(const char*)>& variable) {
  const char* const alone = variable("COLLAPSCOPE_ALONE");
  if (alone != nullptr && *alone != '\0' && std::string_view(alone) != "0") {
    return std::nullopt;
  }
  for (const Variables& names : known) {
    const auto size = number(variable(names.size));
    if (size && *size > 0) {
      const bool has_pmi = names.launcher != std::string_view("srun") ||
                           std::ranges::any_of(pmi_of_srun, [&](const char* name) { return variable(name); });
      return Launch{names.launcher, *size, number(variable(names.rank)).value_or(0), has_pmi};
    }
  }
  return std::nullopt;
}

}  // namespace ranks

namespace {

ranks::Launch this_launch() {
  const auto launch = ranks::launch_of([](const char* name) { return std::getenv(name); });
  return launch.value_or(ranks::Launch{});
}

}  // namespace

std::size_t launched_as() { return this_launch().rank; }
std::size_t launched_with() { return this_launch().size; }

}  // namespace collapscope
