#include "support/planted_dump.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/support.hpp"

namespace collapscope::test {

PlantedDump::PlantedDump(const PlantedSpec& spec) : path_(temporary_path("planted.h5")) {
  write_planted(path_, spec);
  index_ = index_dump(path_, {});
}

PlantedDump::PlantedDump(const ClassSpec& spec) : path_(temporary_path("planted_classes.h5")) {
  write_classes(path_, spec);
  index_ = index_dump(path_, {});
}

PlantedDump::~PlantedDump() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

Results PlantedDump::analyzed(Backend& backend, Messages& messages, const AnalysisOptions& options) const {
  messages.lines.clear();
  return analyze(arrange_checkpoints(index_.checkpoints, false), backend, options, messages);
}

void PlantedDump::spoil(std::size_t layer, std::uint64_t row) {
  const DatasetIndex& rows = index_.checkpoints.at(0).layers.at(layer).activations;
  const std::uint64_t bytes = rows.bytes() / rows.samples();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(*rows.address + row * bytes));
  file << std::string(bytes, '\xff') << std::flush;
  ASSERT_TRUE(file.good());
  index_ = index_dump(path_, {});
}

void expect_near_number(const Metric& found, const Metric& wanted) {
  const double number = *wanted.number();
  EXPECT_NEAR(*found.number(), number, 1e-9 * std::abs(number) + wanted.floor.value_or(1e-12));
}

void expect_same_layers(const Results& found, const Results& wanted, const MetricCheck& check) {
  ASSERT_TRUE(found.failures.empty()) << found.failures[0].message;
  ASSERT_EQ(found.checkpoints.size(), 1U);
  const auto& layers = wanted.checkpoints[0].layers;
  ASSERT_EQ(found.checkpoints[0].layers.size(), layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerResult& layer = found.checkpoints[0].layers[i];
    ASSERT_EQ(layer.name, layers[i].name);
    for (const Metric& metric : layers[i].metrics.all()) {
      SCOPED_TRACE(layer.name + ": " + metric.name);
      const Metric* other = layer.metrics.find(metric.name);
      ASSERT_NE(other, nullptr);
      ASSERT_EQ(other->defined(), metric.defined());
      if (metric.number()) {
        check(*other, metric);
      }
    }
  }
}

}  // namespace collapscope::test
