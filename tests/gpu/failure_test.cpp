// A device that fails at any moment never changes a number: other devices, or the CPU, do the work again.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "gpu/gpu_backend.hpp"
#include "gpu/host_gpu.hpp"
#include "support/planted_dump.hpp"

namespace collapscope {
namespace {

using test::HostGpuState;

class DeviceFailure : public ::testing::Test {
 protected:
  DeviceFailure() : dump_(planted()) {
    const auto cpu = make_cpu_backend(1);
    expected_ = analyzed(*cpu);
  }

  Results analyzed(Backend& backend) { return dump_.analyzed(backend, messages_); }

  test::Messages messages_;
  Results expected_;

 private:
  static PlantedSpec planted() {
    PlantedSpec spec;
    spec.samples = 3000;
    spec.features = 24;
    spec.noise = {0.5, 1e-3};
    return spec;
  }

  test::PlantedDump dump_;
};

TEST_F(DeviceFailure, AtAnyCallTheCpuGoesOn) {
  for (const bool keeps : {false, true}) {
    std::size_t fails_at = 0;
    while (true) {
      HostGpuState state;
      state.keeps = keeps;
      state.fails_at = ++fails_at;
      const auto backend = test::make_host_gpus(1, state);
      const Results found = analyzed(*backend);
      SCOPED_TRACE(testing::Message() << "call " << fails_at);
      test::expect_same_layers(found, expected_);
      if (state.calls < fails_at) {
        EXPECT_TRUE(messages_.lines.empty());
        break;
      }
      EXPECT_TRUE(state.lost);
      EXPECT_EQ(state.calls_when_lost, 0U);
      ASSERT_EQ(messages_.lines.size(), 1U);
      EXPECT_EQ(messages_.lines[0], "the device is on fire; the analysis goes on on the CPU");
      const Fallbacks& fallbacks = found.provenance.fallbacks;
      ASSERT_EQ(fallbacks.all.size(), 1U);
      EXPECT_EQ(fallbacks.all[0].reason, "the device is on fire");
      EXPECT_GE(fallbacks.count("layer", "cpu"), 1U);
      EXPECT_NE(found.provenance.device.find("in part cpu"), std::string::npos);
    }
    EXPECT_GT(fails_at, 8U);
  }
}

// The first to fail at one call, the second at another, the third never.
TEST_F(DeviceFailure, AtAnyCallOtherDevicesGoOn) {
  constexpr std::size_t never = 0;
  for (const bool keeps : {false, true}) {
    for (std::size_t first_fails_at = 1; first_fails_at < 20; ++first_fails_at) {
      for (const std::size_t second_fails_at : {std::size_t{1}, std::size_t{5}, std::size_t{20}, never}) {
        SCOPED_TRACE(testing::Message() << "calls " << first_fails_at << " and " << second_fails_at);
        std::array<HostGpuState, 3> states;
        gpu::GpuBackend::Devices devices;
        for (std::size_t i = 0; i < states.size(); ++i) {
          states[i].keeps = keeps;
          states[i].fails_at = std::array{first_fails_at, second_fails_at, never}[i];
          states[i].description = "fake:" + std::to_string(i) + " a GPU that is none";
          devices.push_back(test::make_host_gpu(states[i]));
        }
        gpu::GpuBackend backend(std::move(devices), make_cpu_backend(1));
        const Results found = analyzed(backend);
        test::expect_same_layers(found, expected_);
        const auto lost = static_cast<std::size_t>(
            std::count_if(states.begin(), states.end(), [](const auto& state) { return state.lost; }));
        // Two that fail at the same time, each with segments of one layer, are told once.
        EXPECT_EQ(messages_.lines.empty(), lost == 0);
        EXPECT_LE(messages_.lines.size(), lost);
        for (const std::string& line : messages_.lines) {
          EXPECT_EQ(line, "the device is on fire; the analysis goes on with the other GPUs");
        }
        EXPECT_EQ(found.provenance.device.find("in part cpu"), std::string::npos);
        if (lost > 0) {
          EXPECT_NE(found.provenance.device.find("; in part fake:"), std::string::npos);
        }
        for (const HostGpuState& state : states) {
          EXPECT_EQ(state.calls_when_lost, 0U);
          EXPECT_TRUE(state.lost || state.calls > 8) << "and is used to the end";
        }
      }
    }
  }
}

TEST_F(DeviceFailure, OfOneAfterTheOtherLeavesTheRestToTheCpu) {
  std::array<HostGpuState, 2> states;
  states[0].fails_at = 7;
  states[1].fails_at = 9;
  gpu::GpuBackend backend({test::make_host_gpu(states[0]), test::make_host_gpu(states[1])},
                          make_cpu_backend(1));
  test::expect_same_layers(analyzed(backend), expected_);
  EXPECT_EQ(messages_.lines,
            (std::vector<std::string>{"the device is on fire; the analysis goes on with the other GPUs",
                                      "the device is on fire; the analysis goes on on the CPU"}));
}

TEST_F(DeviceFailure, TooLittleMemoryConcernsOneLayer) {
  for (std::size_t fails_at = 1;; ++fails_at) {
    HostGpuState state;
    state.out_of_memory = true;
    state.fails_at = fails_at;
    const auto backend = test::make_host_gpus(1, state);
    const Results found = analyzed(*backend);
    test::expect_same_layers(found, expected_);
    if (state.calls < fails_at) {
      break;
    }
    ASSERT_EQ(messages_.lines.size(), 1U);
    EXPECT_EQ(messages_.lines[0], "the device's memory is full; this layer goes on on the CPU");
    EXPECT_EQ(found.provenance.fallbacks.all,
              (std::vector<Fallback>{{"layer", "cpu", "the device's memory is full"}}));
    if (fails_at == 1) {
      EXPECT_GT(state.calls, 8U) << "later layers use the device";
    }
  }
}

TEST_F(DeviceFailure, WithoutTheCpuAsTheLastResortKeepsWhatIsDone) {
  std::size_t whole = 0;
  for (std::size_t fails_at = 1; fails_at < 100; ++fails_at) {
    SCOPED_TRACE(testing::Message() << "call " << fails_at);
    HostGpuState state;
    state.fails_at = fails_at;
    gpu::GpuBackend::Devices devices;
    devices.push_back(test::make_host_gpu(state));
    gpu::GpuBackend backend(std::move(devices), make_cpu_backend(1), {}, gpu::LastResort::none);
    const Results found = analyzed(backend);
    EXPECT_EQ(state.calls_when_lost, 0U);
    EXPECT_TRUE(found.provenance.fallbacks == Fallbacks{});
    EXPECT_EQ(found.provenance.device.find("in part"), std::string::npos);
    if (!state.lost) {
      test::expect_same_layers(found, expected_);
      break;
    }
    const std::size_t layers = found.checkpoints.empty() ? 0 : found.checkpoints[0].layers.size();
    ASSERT_EQ(layers + found.failures.size(), 2U);
    ASSERT_GE(found.failures.size(), 1U);
    EXPECT_EQ(found.failures[0].message, "the device is on fire; with --device auto the CPU would go on");
    if (layers == 0) {
      EXPECT_EQ(found.failures[1].message,
                "not measured, because the GPU was lost: the device is on fire; with --device auto the CPU "
                "would go on");
    } else {
      EXPECT_EQ(found.checkpoints[0].layers[0].name, expected_.checkpoints[0].layers[0].name);
      ++whole;
    }
  }
  EXPECT_GT(whole, 3U);
}

TEST_F(DeviceFailure, TooLittleMemoryWithoutTheCpuConcernsOneLayer) {
  HostGpuState state;
  state.out_of_memory = true;
  state.fails_at = 2;
  gpu::GpuBackend::Devices devices;
  devices.push_back(test::make_host_gpu(state));
  gpu::GpuBackend backend(std::move(devices), make_cpu_backend(1), {}, gpu::LastResort::none);
  const Results found = analyzed(backend);
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_EQ(found.failures[0].message, "the device's memory is full; with --device auto the CPU would go on");
  EXPECT_EQ(found.checkpoints.at(0).layers.size(), 1U);
}

// A layer begins again as often as the device can do with less.
TEST_F(DeviceFailure, TooLittleMemoryIsSparedFirst) {
  HostGpuState state;
  state.out_of_memory = true;
  state.fails_at = 3;
  state.spares = 1;
  const auto backend = test::make_host_gpus(1, state);
  const Results found = analyzed(*backend);
  test::expect_same_layers(found, expected_);
  EXPECT_TRUE(found.provenance.fallbacks == Fallbacks{});
  EXPECT_EQ(state.spares, 0U);
  ASSERT_EQ(messages_.lines.size(), 1U);
  EXPECT_NE(messages_.lines[0].find("the device's memory is full; again with less memory"),
            std::string::npos);
}

TEST_F(DeviceFailure, KeptRowsAreLookedAtAgainWithoutReading) {
  HostGpuState state;
  state.keeps = true;
  const auto keeping = test::make_host_gpus(2, state);
  const Results once = analyzed(*keeping);
  test::expect_same_layers(once, expected_);
  EXPECT_EQ(state.looks_again, 4U);  // two layers on two devices
  EXPECT_EQ(once.provenance.bytes_read, 2 * 3000 * 24 * sizeof(double));
}

}  // namespace
}  // namespace collapscope
