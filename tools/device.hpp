// The device for dumps: chosen before they are read where the user names it, after that where the work
// decides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "dump_options.hpp"

namespace collapscope::tools {

class DeviceChoice {
 public:
  // Throws UsageError, and DeviceError where the GPU that was asked for does not work.
  explicit DeviceChoice(const DumpOptions& options) : options_(options) {
    if (options.device != "auto") {
      chosen_ = make_backend(options.device, options.threads);
    }
  }

  // For these, to be called once.
  [[nodiscard]] ChosenBackend take(const std::vector<Checkpoint>& checkpoints,
                                   const AnalysisOptions& analysis) {
    return chosen_ ? *std::move(chosen_)
                   : make_backend(options_.device, options_.threads,
                                  estimated_cpu_seconds(checkpoints, analysis));
  }

 private:
  const DumpOptions& options_;
  std::optional<ChosenBackend> chosen_;
};

}  // namespace collapscope::tools
