// The device for dumps: chosen before they are read where the user names it, after that where the work
// decides.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
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
    const bool has_classes = std::ranges::any_of(
        checkpoints, [](const Checkpoint& checkpoint) { return is_classification(checkpoint.front()); });
    if (has_classes && chosen_ && chosen_->backend->is_device()) {
      throw UsageError(
          fmt::format("--device {}: classification is measured on the CPU only; --device cpu or "
                      "--device auto takes it",
                      options_.device));
    }
    if (has_classes && !chosen_) {
      ChosenBackend cpu = make_backend("cpu", options_.threads);
      cpu.reason = "classification is measured on the CPU only";
      return cpu;
    }
    return chosen_ ? *std::move(chosen_)
                   : make_backend(options_.device, options_.threads,
                                  estimated_cpu_seconds(checkpoints, analysis));
  }

 private:
  const DumpOptions& options_;
  std::optional<ChosenBackend> chosen_;
};

}  // namespace collapscope::tools
