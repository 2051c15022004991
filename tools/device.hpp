// The device for dumps: a GPU comes up while they are indexed, where the user names it or their bytes alone
// are work enough; else the work decides.
#pragma once

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
      : start_(options.device, options.threads, least_seconds(options, dumps)) {}

  // For these, to be called once. Throws DeviceError where the GPU that was asked for does not work.
  [[nodiscard]] ChosenBackend take(const std::vector<Checkpoint>& checkpoints,
                                   const AnalysisOptions& analysis) {
    return start_.take(estimated_cpu_seconds(checkpoints, analysis));
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

  BackendStart start_;
};

}  // namespace collapscope::tools
