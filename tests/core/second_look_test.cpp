// A second look only where the moments lose digits: same numbers, fewer bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

class Counter final : public Progress {
 public:
  void start(std::uint64_t total_bytes) override { total = total_bytes; }
  void advance(std::uint64_t more) override { bytes += more; }
  std::uint64_t bytes = 0;
  std::uint64_t total = 0;
};

class SecondLook : public ::testing::Test {
 protected:
  static constexpr std::uint64_t samples = 60000;
  static constexpr std::uint64_t features = 40;
  static constexpr std::uint64_t bytes = samples * features * sizeof(double);

  struct Outcome {
    std::map<std::string, double> metrics;
    std::uint64_t bytes_read = 0;
    double floor = 0;  // of deep_nrc1
  };

  static Outcome analyzed(double noise, SynthStorage storage, const char* metrics, Looks looks) {
    PlantedSpec spec;
    spec.samples = samples;
    spec.features = features;
    spec.storage = storage;
    if (storage == SynthStorage::chunked) {
      spec.chunk = {2000, 8};  // which split the rows: dear to read
    }
    spec.noise = {noise};
    spec.offset = 3;
    const std::string path = test::temporary_path("second_look.h5");
    write_planted(path, spec);
    AnalysisOptions options;
    options.metrics = MetricChoice(metrics);
    options.looks = looks;
    options.memory = std::uint64_t{1} << 24U;  // too little to keep the rows
    const auto backend = make_cpu_backend(1);
    Counter counter;
    const Results results =
        analyze(arrange_checkpoints(index_dump(path, {}).checkpoints, false), *backend, options, counter);
    std::filesystem::remove(path);
    EXPECT_TRUE(results.failures.empty());
    EXPECT_EQ(counter.bytes, counter.total);
    Outcome outcome;
    outcome.bytes_read = results.provenance.bytes_read;
    for (const Metric& metric : results.checkpoints.at(0).layers.at(0).metrics.all()) {
      if (const auto number = metric.number()) {
        outcome.metrics[metric.name] = *number;
      }
      if (metric.name == "deep_nrc1") {
        outcome.floor = metric.floor.value_or(0);
      }
    }
    return outcome;
  }

  static void expect_same(const Outcome& found, const Outcome& expected) {
    ASSERT_EQ(found.metrics.size(), expected.metrics.size());
    for (const auto& [name, value] : expected.metrics) {
      EXPECT_NEAR(found.metrics.at(name), value, 1e-9 * std::abs(value) + 1e-13) << name;
    }
  }
};

TEST_F(SecondLook, IsSparedWhereMuchIsLeft) {
  const Outcome two = analyzed(0.1, SynthStorage::contiguous, "deep_nrc1,deep_nrc2", Looks::two);
  const Outcome needed = analyzed(0.1, SynthStorage::contiguous, "deep_nrc1,deep_nrc2", Looks::automatic);
  EXPECT_EQ(two.bytes_read, 2 * bytes);
  EXPECT_EQ(needed.bytes_read, bytes);
  EXPECT_GT(needed.floor, 1e3 * two.floor);  // says of which it is
  expect_same(needed, two);
}

TEST_F(SecondLook, IsTakenWhereLittleIsLeft) {
  for (const char* metrics : {"deep_nrc1,deep_nrc2", "deep_nrc*,linear_mse"}) {
    const Outcome needed = analyzed(1e-9, SynthStorage::contiguous, metrics, Looks::automatic);
    EXPECT_EQ(needed.bytes_read, 2 * bytes);
    EXPECT_NEAR(needed.metrics.at("deep_nrc1"), 1e-9, 1e-17);
    expect_same(needed, analyzed(1e-9, SynthStorage::contiguous, metrics, Looks::two));
  }
}

// The features tell the targets exactly: what is left of them would be rounding.
TEST_F(SecondLook, IsTakenForAnErrorOfTheTargets) {
  const Outcome needed = analyzed(0.1, SynthStorage::contiguous, "deep_nrc1,linear_mse", Looks::automatic);
  EXPECT_EQ(needed.bytes_read, 2 * bytes);
  EXPECT_LT(needed.metrics.at("linear_mse"), 1e-20);
}

TEST_F(SecondLook, OfNormalizedRowsAsNeeded) {
  for (const double noise : {0.1, 1e-9}) {
    const Outcome needed = analyzed(noise, SynthStorage::chunked, "nrc1,nrc2,deep_nrc1", Looks::automatic);
    EXPECT_EQ(needed.bytes_read, noise > 1e-3 ? bytes : 2 * bytes);
    expect_same(needed, analyzed(noise, SynthStorage::chunked, "nrc1,nrc2,deep_nrc1", Looks::two));
  }
}

}  // namespace
}  // namespace collapscope
