// The device for dumps: a GPU comes up while they are indexed, where the user names it or their bytes alone
// are work enough; else the work decides.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "dump_options.hpp"

namespace collapscope::tools {

class DeviceChoice {
 public:
  // Throws UsageError.
  DeviceChoice(const DumpOptions& options, const std::vector<std::string>& dumps)
      : options_(options), start_(options.device, options.threads, least_seconds(options, dumps)) {}

  // For these, to be called once. Throws DeviceError where the GPU that was asked for does not work.
  [[nodiscard]] ChosenBackend take(const std::vector<Checkpoint>& checkpoints,
                                   const AnalysisOptions& analysis) {
    const bool has_classes = std::ranges::any_of(
        checkpoints, [](const Checkpoint& checkpoint) { return is_classification(checkpoint.front()); });
    if (!has_classes) {
      return start_.take(estimated_cpu_seconds(checkpoints, analysis));
    }
    if (options_.device != "auto" && options_.device != "cpu") {
      throw UsageError(
          fmt::format("--device {}: classification is measured on the CPU only; --device cpu or "
                      "--device auto takes it",
                      options_.device));
    }
    ChosenBackend cpu = make_backend("cpu", options_.threads);
    cpu.reason = "classification is measured on the CPU only";
    return cpu;
  }

 private:
  static double least_seconds(const DumpOptions& options, const std::vector<std::string>& dumps) {
    if (!options.layers.empty() || !options.naming.activations.empty()) {
      return 0;  // how much of the files is wanted, nobody knows yet
    }
    std::uint64_t bytes = 0;
    for (const std::string& dump : dumps) {
      std::error_code none;
      const std::uint64_t size = std::filesystem::file_size(dump, none);
      bytes += none ? 0 : size;
    }
    return least_cpu_seconds(bytes);
  }

  const DumpOptions& options_;
  BackendStart start_;
};

}  // namespace collapscope::tools
