// Small layers on several GPUs side by side: the same bits as on one, also while a device fails.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "cpu/cpu_worker.hpp"
#include "gpu/gpu_backend.hpp"
#include "gpu/host_gpu.hpp"
#include "support/planted_dump.hpp"

namespace collapscope {
namespace {

using gpu::GpuBackend;
using test::HostGpuState;

constexpr std::size_t devices = 3;

class GpuWorkers : public ::testing::Test {
 protected:
  GpuWorkers() {
    for (std::size_t i = 0; i < devices; ++i) {
      states_[i].keeps = true;
      states_[i].description = fmt::format("fake:{} a GPU that is none", i);
    }
  }

  std::unique_ptr<GpuBackend> backend(std::size_t count) {
    GpuBackend::Devices opened;
    for (std::size_t i = 0; i < count; ++i) {
      opened.push_back(test::make_host_gpu(states_[i]));
    }
    return std::make_unique<GpuBackend>(std::move(opened), make_cpu_backend(1));
  }

  // `count` devices, which open again with the number of one of them.
  std::unique_ptr<GpuBackend> backend_that(const GpuBackend::Opener& opens, std::size_t count = 1,
                                           std::size_t threads = 1) {
    GpuBackend::Devices opened;
    for (std::size_t i = 0; i < count; ++i) {
      opened.push_back(test::make_host_gpu(states_[i]));
    }
    return std::make_unique<GpuBackend>(std::move(opened), cpu::make_worker(threads), opens);
  }

  GpuBackend::Opener opener() {
    return [this](std::size_t device) { return test::make_host_gpu(states_[device]); };
  }

  std::array<HostGpuState, devices> states_;
};

TEST_F(GpuWorkers, EveryDeviceIsOne) {
  const auto whole = backend(3);
  const auto workers = whole->layer_workers(9);
  EXPECT_EQ(workers.size(), 3U);
  EXPECT_EQ(whole->layer_workers(9).data(), workers.data());
  std::set<std::string> names;
  for (Backend* worker : workers) {
    names.insert(worker->describe());
    EXPECT_TRUE(worker->layer_workers(9).empty());
    EXPECT_NE(worker->fallback(), whole->fallback()) << "fallbacks are of one thread at a time, too";
  }
  EXPECT_EQ(names.size(), 3U);
}

TEST_F(GpuWorkers, DevicesThatDifferAreNone) {
  states_[1].description = "fake:1 another GPU";
  EXPECT_TRUE(backend(2)->layer_workers(9).empty());
}

TEST_F(GpuWorkers, DevicesAreOpenedAgainWhenAskedForInTurn) {
  std::vector<std::size_t> opened;
  const auto whole = backend_that(
      [&](std::size_t device) {
        opened.push_back(device);
        return test::make_host_gpu(states_[device]);
      },
      2, 6);
  EXPECT_TRUE(opened.empty());
  EXPECT_EQ(whole->layer_workers(9).size(), 6U);
  EXPECT_EQ(whole->layer_workers(9).size(), 6U);
  EXPECT_EQ(opened, (std::vector<std::size_t>{0, 1, 0, 1}));
}

TEST_F(GpuWorkers, AreAsManyAsThereAreThreadsAndLayers) {
  const auto workers = [&](std::size_t count, std::size_t threads, std::size_t most) {
    return backend_that(opener(), count, threads)->layer_workers(most).size();
  };
  EXPECT_EQ(workers(1, 1, 100), 2U);
  EXPECT_EQ(workers(1, 5, 100), 5U);
  EXPECT_EQ(workers(1, 64, 100), 12U);
  EXPECT_EQ(workers(1, 64, 3), 3U);
  EXPECT_EQ(workers(3, 1, 100), 6U);
  EXPECT_EQ(workers(3, 13, 100), 12U);
  EXPECT_EQ(workers(3, 13, 7), 6U);
  EXPECT_EQ(workers(3, 13, 3), 3U);
}

TEST_F(GpuWorkers, ShareTheThreads) {
  const auto whole = backend_that(opener(), 1, 24);
  for (Backend* worker : whole->layer_workers(100)) {
    EXPECT_EQ(worker->threads(), 2U);
    EXPECT_EQ(worker->fallback()->threads(), 2U);
  }
}

TEST_F(GpuWorkers, ADeviceThatDoesNotOpenAgainIsUsedAsItIs) {
  int asked = 0;
  const auto full = [&](std::size_t) -> std::unique_ptr<gpu::GpuDevice> {
    ++asked;
    throw DeviceMemoryError("full");
  };
  const auto whole = backend_that(full);
  EXPECT_TRUE(whole->layer_workers(9).empty());
  EXPECT_TRUE(whole->layer_workers(9).empty());
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(backend_that(full, 2)->layer_workers(9).size(), 2U);
  EXPECT_TRUE(backend(1)->layer_workers(9).empty());
}

TEST_F(GpuWorkers, ADeviceThatOneLosesIsLostToAll) {
  const auto whole = backend_that(opener(), 2, 4);
  const auto workers = whole->layer_workers(100);  // of the devices 0, 1, 0, 1
  ASSERT_EQ(workers.size(), 4U);
  states_[1].fails_at = 1;
  states_[1].out_of_memory = true;
  EXPECT_THROW((void)workers[3]->make_host_buffer(1), DeviceMemoryError);
  EXPECT_TRUE(workers[3]->works());
  EXPECT_EQ(whole->fallback()->fallback(), nullptr) << "the CPU";
  states_[1].fails_at = 2;
  states_[1].out_of_memory = false;
  EXPECT_THROW((void)workers[3]->make_host_buffer(1), DeviceError);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    EXPECT_EQ(workers[i]->works(), i % 2 == 0);
    EXPECT_EQ(workers[i]->fallback()->fallback(), nullptr);
  }
  EXPECT_FALSE(whole->works());
  Backend* const rest = whole->fallback();
  EXPECT_TRUE(rest->works());
  EXPECT_TRUE(rest->describe().starts_with("fake:0")) << rest->describe();
  EXPECT_EQ(rest->describe().find("fake:1"), std::string::npos);
  EXPECT_EQ(rest->fallback()->fallback(), nullptr);
}

FoldSpec layer_of(std::uint64_t rows, std::size_t features) {
  FoldSpec spec;
  spec.format.element = {ElementKind::float32, false};
  spec.format.channels = features;
  spec.targets = 3;
  spec.rows = rows;
  return spec;
}

TEST_F(GpuWorkers, AreForLayersThatDoNotFillADevice) {
  const auto workers_for = [&](std::uint64_t rows, std::size_t features, std::size_t threads = 1) {
    return backend_that(opener(), 2, threads)->layer_workers_for(layer_of(rows, features));
  };
  EXPECT_EQ(workers_for(50'000, 512), 4U);
  EXPECT_EQ(workers_for(50'000, 512, 16), 16U);
  EXPECT_EQ(workers_for(1, 1), 4U);
  EXPECT_EQ(workers_for(10'000'000, 512), 0U);
  EXPECT_EQ(workers_for(std::uint64_t{1} << 60U, 512), 0U);
  states_[1].keeps = false;  // two of them would not leave memory to spare
  EXPECT_EQ(workers_for(50'000, 512), 0U);
  EXPECT_EQ(backend_that(opener(), 1)->layer_workers_for(layer_of(50'000, 512)), 2U);
}

// Whether any go side by side, and hence whether two devices share a layer, is no matter of the threads.
TEST_F(GpuWorkers, AreFewerWhereADevicesMemoryHoldsFewer) {
  const std::uint64_t three = std::uint64_t{11} << 29U;  // of the layers below, which take 1.7 GiB each
  states_[0].most_kept = states_[1].most_kept = three;
  for (const auto& [threads, workers] : std::map<std::size_t, std::size_t>{{1, 4}, {4, 4}, {6, 6}, {16, 6}}) {
    EXPECT_EQ(backend_that(opener(), 2, threads)->layer_workers_for(layer_of(50'000, 512)), workers)
        << threads;
  }
  states_[1].most_kept = three / 2;
  EXPECT_EQ(backend_that(opener(), 2, 1)->layer_workers_for(layer_of(50'000, 512)), 0U);
  EXPECT_EQ(backend_that(opener(), 2, 16)->layer_workers_for(layer_of(50'000, 512)), 0U);
}

TEST_F(GpuWorkers, TwoTakeTurnsWithLargeLayersOnTheOnlyDevice) {
  const auto whole = backend_that(opener(), 1, 16);
  const auto workers = whole->turn_workers();
  ASSERT_EQ(workers.size(), 2U);
  EXPECT_EQ(whole->turn_workers().data(), workers.data());
  for (Backend* worker : workers) {
    EXPECT_EQ(worker->threads(), 16U) << "one reads, the other one decomposes";
    EXPECT_TRUE(worker->turn_workers().empty());
  }
  EXPECT_TRUE(backend_that(opener(), 2)->turn_workers().empty());
  EXPECT_TRUE(backend(1)->turn_workers().empty()) << "it does not open again";

  FoldSpec large = layer_of(4'000'000, 512);
  EXPECT_FALSE(whole->takes_turns(large)) << "its rows are not kept";
  large.kept_rows = large.rows;
  EXPECT_TRUE(whole->takes_turns(large));
  EXPECT_FALSE(backend_that(opener(), 2)->takes_turns(large));
  EXPECT_FALSE(backend(1)->takes_turns(large));
  FoldSpec small = layer_of(100'000, 512);
  small.kept_rows = small.rows;
  EXPECT_FALSE(whole->takes_turns(small));
  FoldSpec endless = layer_of(std::uint64_t{1} << 60U, 512);
  endless.kept_rows = endless.rows;
  EXPECT_FALSE(whole->takes_turns(endless));
  states_[0].most_kept = std::uint64_t{15} << 30U;  // two take 15.3 GiB as stored
  EXPECT_FALSE(whole->takes_turns(large));
  states_[0].most_kept = std::uint64_t{18} << 30U;
  EXPECT_TRUE(whole->takes_turns(large));
}

TEST_F(GpuWorkers, TheVariableSaysWhichLayersAreLarge) {
  FoldSpec layer = layer_of(100'000, 512);  // 205 MB
  layer.kept_rows = layer.rows;
  for (const auto& [bytes, takes] :
       std::map<std::string, bool>{{"0", true}, {"204800000", true}, {"204800001", false}, {"", false}}) {
    ::setenv("COLLAPSCOPE_GPU_TURNS_FROM", bytes.c_str(), 1);
    EXPECT_EQ(backend_that(opener(), 1)->takes_turns(layer), takes) << bytes;
  }
  for (const char* odd : {"1GiB", "-1", "some", "99999999999999999999"}) {
    ::setenv("COLLAPSCOPE_GPU_TURNS_FROM", odd, 1);
    EXPECT_THROW((void)backend_that(opener(), 1), UsageError) << odd;
  }
  ::unsetenv("COLLAPSCOPE_GPU_TURNS_FROM");
}

class LayersOnGpuWorkers : public GpuWorkers {
 protected:
  LayersOnGpuWorkers() : dump_(planted()) {
    const auto one = backend(1);
    alone_ = analyzed(*one);
  }

  Results analyzed(Backend& backend) { return dump_.analyzed(backend, messages_); }
  void expect_near_alone(const Results& found) const { test::expect_same_layers(found, alone_); }

  test::Messages messages_;
  Results alone_;

 private:
  static PlantedSpec planted() {
    PlantedSpec spec;
    spec.samples = 1500;
    spec.features = 24;
    spec.noise = {0.5, 0.4, 0.3, 0.2, 0.1, 1e-2, 1e-3, 1e-4};
    return spec;
  }

  test::PlantedDump dump_;
};

TEST_F(LayersOnGpuWorkers, HaveTheBitsOfOneDevice) {
  for (const std::size_t count : {2U, 3U}) {
    for (int repetition = 0; repetition < 10; ++repetition) {
      const auto several = backend(count);
      const Results found = analyzed(*several);
      EXPECT_TRUE(found.checkpoints == alone_.checkpoints);
      EXPECT_EQ(found.provenance.bytes_read, alone_.provenance.bytes_read);
      EXPECT_TRUE(messages_.lines.empty());
    }
  }
  for (const std::size_t count : {1U, 2U, 3U}) {
    for (const std::size_t threads : {1U, 4U, 16U}) {  // up to four workers, for eight layers
      const auto again = backend_that(opener(), count, threads);
      EXPECT_TRUE(analyzed(*again).checkpoints == alone_.checkpoints);
      EXPECT_TRUE(messages_.lines.empty());
    }
  }
}

TEST_F(LayersOnGpuWorkers, OneThatFailsLeavesTheRestToOthersAndTheCpu) {
  std::size_t failed = 0;
  for (std::size_t fails_at = 1; fails_at < 40; ++fails_at) {
    SCOPED_TRACE(testing::Message() << "call " << fails_at);
    states_[1].was_called = false;
    HostGpuState failing;
    failing.keeps = true;
    failing.waits_for = &states_[1];
    failing.fails_at = fails_at;
    failing.description = "fake:0 a GPU that is none";
    GpuBackend both({test::make_host_gpu(failing), test::make_host_gpu(states_[1])}, make_cpu_backend(1));
    const Results found = analyzed(both);
    expect_near_alone(found);
    EXPECT_TRUE(states_[1].was_called);
    EXPECT_EQ(failing.calls_when_lost, 0U);
    EXPECT_EQ(messages_.lines.size(), failing.lost ? 1U : 0U);
    if (failing.lost) {  // which takes as many calls as the other leaves to it
      ++failed;
      EXPECT_EQ(messages_.lines.at(0), "the device is on fire; its share of the layers goes on on the CPU");
      EXPECT_NE(found.provenance.device.find("in part cpu"), std::string::npos);
    }
  }
  EXPECT_GT(failed, 8U);
}

// Without the CPU as the last resort, another device takes the layers of one that is lost.
TEST_F(LayersOnGpuWorkers, OfALostDeviceGoToAnotherWhereTheCpuMayNotTakeThem) {
  std::size_t failed = 0;
  for (std::size_t fails_at = 1; fails_at < 40; fails_at += 3) {
    SCOPED_TRACE(testing::Message() << "call " << fails_at);
    HostGpuState failing;
    failing.keeps = true;
    failing.fails_at = fails_at;
    failing.description = "fake:0 a GPU that is none";
    GpuBackend::Devices both;
    both.push_back(test::make_host_gpu(failing));
    both.push_back(test::make_host_gpu(states_[1]));
    GpuBackend whole(
        std::move(both), make_cpu_backend(1),
        [&](std::size_t device) { return test::make_host_gpu(device == 0 ? failing : states_[1]); },
        gpu::LastResort::none);
    const Results found = analyzed(whole);
    expect_near_alone(found);
    EXPECT_EQ(found.provenance.fallbacks.count("layer", "cpu"), 0U);
    EXPECT_EQ(found.provenance.fallbacks.count("layer", "gpu") > 0, failing.lost);
    failed += failing.lost ? 1 : 0;
  }
  EXPECT_GT(failed, 3U);
}

TEST_F(LayersOnGpuWorkers, WithTooLittleMemoryForOneLayerGoOn) {
  for (HostGpuState& state : states_) {
    state.out_of_memory = true;
    state.fails_at = state.calls + 1;
  }
  const auto several = backend(2);
  expect_near_alone(analyzed(*several));
  EXPECT_GE(messages_.lines.size(), 1U);
  EXPECT_LE(messages_.lines.size(), 2U);
  for (const std::string& line : messages_.lines) {
    EXPECT_EQ(line, "the device's memory is full; this layer goes on on the CPU");
  }
  EXPECT_GT(states_[0].calls + states_[1].calls, states_[0].fails_at + states_[1].fails_at)
      << "later layers use the devices";
}

TEST_F(LayersOnGpuWorkers, WhenAllFailTheCpuDoesTheRest) {
  for (HostGpuState& state : states_) {
    state.fails_at = state.calls + 1;
  }
  const auto several = backend(3);
  expect_near_alone(analyzed(*several));
  EXPECT_GE(messages_.lines.size(), 1U);
  EXPECT_LE(messages_.lines.size(), 3U);
  for (const HostGpuState& state : states_) {
    EXPECT_EQ(state.calls_when_lost, 0U);
  }
}

}  // namespace
}  // namespace collapscope
