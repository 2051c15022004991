// A planted dump in a temporary file, measured on one backend and another.
#pragma once

#include <functional>
#include <string>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/synth/synth.hpp"
#include "support/messages.hpp"

namespace collapscope::test {

class PlantedDump {
 public:
  explicit PlantedDump(const PlantedSpec& spec);
  explicit PlantedDump(const ClassSpec& spec);
  ~PlantedDump();
  PlantedDump(const PlantedDump&) = delete;
  PlantedDump& operator=(const PlantedDump&) = delete;
  PlantedDump(PlantedDump&&) = delete;
  PlantedDump& operator=(PlantedDump&&) = delete;

  // messages: those of this analysis take the place of others.
  [[nodiscard]] Results analyzed(Backend& backend, Messages& messages,
                                 const AnalysisOptions& options = {}) const;
  // Makes a row of a layer NaN.
  void spoil(std::size_t layer, std::uint64_t row);

 private:
  std::string path_;
  DumpIndex index_;
};

using MetricCheck = std::function<void(const Metric& found, const Metric& wanted)>;

// Within 1e-9, or the floor.
void expect_near_number(const Metric& found, const Metric& wanted);

// One checkpoint, the same layers and metrics, and no failure; metrics that have numbers as `check` says.
void expect_same_layers(const Results& found, const Results& wanted,
                        const MetricCheck& check = expect_near_number);

}  // namespace collapscope::test
