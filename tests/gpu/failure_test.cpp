// A device that fails at any moment never changes a number: the CPU does the work again.
#include <gtest/gtest.h>

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
    for (const std::size_t devices : {1U, 2U}) {
      std::size_t fails_at = 0;
      while (true) {
        HostGpuState state;
        state.keeps = keeps;
        state.fails_at = ++fails_at;
        const auto backend = test::make_host_gpus(devices, state);
        const Results found = analyzed(*backend);
        SCOPED_TRACE(testing::Message() << devices << " devices, call " << fails_at);
        test::expect_same_layers(found, expected_);
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
    test::expect_same_layers(analyzed(*backend), expected_);
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
  test::expect_same_layers(once, expected_);
  EXPECT_EQ(state.looks_again, 4U);  // two layers on two devices
  EXPECT_EQ(once.provenance.bytes_read, 2 * 3000 * 24 * sizeof(double));
}

}  // namespace
}  // namespace collapscope
