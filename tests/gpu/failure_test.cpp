// A device that fails at any moment never changes a number: the CPU does the work again.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "collapscope/analysis.hpp"
#include "collapscope/synth.hpp"
#include "core/support.hpp"
#include "gpu/host_gpu.hpp"

namespace collapscope {
namespace {

using test::HostGpuState;

class Messages final : public Progress {
 public:
  void message(const std::string& line) override { lines.push_back(line); }
  std::vector<std::string> lines;
};

class DeviceFailure : public ::testing::Test {
 protected:
  DeviceFailure() : path_(test::temporary_path("planted.h5")) {
    PlantedSpec spec;
    spec.samples = 3000;
    spec.features = 24;
    spec.noise = {0.5, 1e-3};
    write_planted(path_, spec);
    const auto cpu = make_cpu_backend(1);
    expected_ = analyzed(*cpu);
  }
  ~DeviceFailure() override { std::filesystem::remove(path_); }

  Results analyzed(Backend& backend) {
    messages_.lines.clear();
    DumpIndex index = index_dump(path_, {});
    return analyze(arrange_checkpoints(std::move(index.checkpoints), false), backend, {}, messages_);
  }

  void expect_equal(const Results& found) const {
    ASSERT_TRUE(found.failures.empty());
    ASSERT_EQ(found.checkpoints.size(), 1U);
    const auto& layers = expected_.checkpoints[0].layers;
    ASSERT_EQ(found.checkpoints[0].layers.size(), layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const Metric& wanted : layers[i].metrics.all()) {
        const Metric* metric = found.checkpoints[0].layers[i].metrics.find(wanted.name);
        ASSERT_NE(metric, nullptr) << wanted.name;
        EXPECT_EQ(metric->defined(), wanted.defined()) << wanted.name;
        if (const auto number = wanted.number()) {
          EXPECT_NEAR(*metric->number(), *number, 1e-9 * std::abs(*number) + 1e-12) << wanted.name;
        }
      }
    }
  }

  std::string path_;
  Messages messages_;
  Results expected_;
};

TEST_F(DeviceFailure, AtAnyCallTheCpuGoesOn) {
  for (const bool keeps : {false, true}) {
    for (const std::size_t devices : {1U, 2U}) {
      std::size_t fails_at = 0;
      while (true) {
        HostGpuState state;
        state.keeps = keeps;
        state.fails_at = ++fails_at;
        const auto backend = test::make_host_gpus(devices, state);
        const Results found = analyzed(*backend);
        SCOPED_TRACE(testing::Message() << devices << " devices, call " << fails_at);
        expect_equal(found);
        if (state.calls < fails_at) {
          EXPECT_TRUE(messages_.lines.empty());
          break;
        }
        EXPECT_TRUE(state.lost);
        EXPECT_EQ(state.calls_when_lost, 0U);
        ASSERT_EQ(messages_.lines.size(), 1U);
        EXPECT_EQ(messages_.lines[0], "the device is on fire; the analysis goes on on the CPU");
        EXPECT_NE(found.provenance.device.find("in part cpu"), std::string::npos);
      }
      EXPECT_GT(fails_at, 8U);
    }
  }
}

TEST_F(DeviceFailure, TooLittleMemoryConcernsOneLayer) {
  for (std::size_t fails_at = 1;; ++fails_at) {
    HostGpuState state;
    state.out_of_memory = true;
    state.fails_at = fails_at;
    const auto backend = test::make_host_gpus(1, state);
    expect_equal(analyzed(*backend));
    if (state.calls < fails_at) {
      break;
    }
    ASSERT_EQ(messages_.lines.size(), 1U);
    EXPECT_EQ(messages_.lines[0], "the device's memory is full; this layer goes on on the CPU");
    if (fails_at == 1) {
      EXPECT_GT(state.calls, 8U) << "later layers use the device";
    }
  }
}

TEST_F(DeviceFailure, KeptRowsAreLookedAtAgainWithoutReading) {
  HostGpuState state;
  state.keeps = true;
  const auto keeping = test::make_host_gpus(2, state);
  const Results once = analyzed(*keeping);
  expect_equal(once);
  EXPECT_EQ(state.looks_again, 4U);  // two layers on two devices
  EXPECT_EQ(once.provenance.bytes_read, 2 * 3000 * 24 * sizeof(double));
}

}  // namespace
}  // namespace collapscope
