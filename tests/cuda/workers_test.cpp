// Small layers side by side, on several devices and several on one: the same bits whatever the schedules of
// the devices and the threads, and the CPU's numbers when a device fails in the middle.
#include <algorithm>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"
#include "cuda/sites.hpp"

namespace collapscope {
namespace {

class SmallLayers : public test::Pipeline {
 protected:
  SmallLayers() {
    rows_ = 250;
    noise_ = {0.5, 0.4, 0.3, 0.2, 0.1, 1e-2, 1e-3, 1e-4};
    options_.memory = std::uint64_t{64} << 20U;
  }

  [[nodiscard]] static test::FakeCuda::Settings settings(const std::string& schedule, int seed) {
    return {{"SCHEDULE", schedule}, {"SEED", std::to_string(seed)}, {"PROTECT", seed <= 2 ? "1" : "0"}};
  }

  // Each layer alone, on one device.
  std::string digits_alone() {
    fake().restart(settings("eager", 9));
    std::string all;
    for (std::size_t layer = 1; layer <= noise_.size(); ++layer) {
      options_.layers = {"layer" + std::to_string(layer)};
      all += digits(analyzed("cuda"));
    }
    options_.layers.clear();
    return all;
  }

  void expect_bits_of_layers_alone(const std::string& device, int seeds) {
    EXPECT_GT(expect_equal_bits(device, digits_alone(), seeds), 1) << "nothing went side by side";
  }

  // One call at a time fails, of every place.
  void fail_any_call(const std::string& device);

  // The n-th item of work takes its device with it, for some n.
  void lose_devices(const std::string& device) {
    fake().restart(settings("lazy", 0));
    expect_near_cpu(analyzed(device));
    const long last = fake().work_items();
    ASSERT_GT(last, 200);
    long told = 0;
    const long step = test::wants_all() ? 1 : std::max(7L, last / 60);
    long losses = 0;
    for (long n = 1; n <= last; n += step) {
      SCOPED_TRACE(testing::Message() << "item " << n << " of " << last);
      test::FakeCuda::Settings lost = settings(n % 2 == 0 ? "lazy" : "random", 9);
      lost["FAIL_AT"] = std::to_string(n);
      lost["FAIL_KIND"] = "lost";
      fake().restart(lost);
      const Results found = analyzed(device, true);
      expect_near_cpu(found);
      const Fallbacks& fallbacks = found.provenance.fallbacks;
      EXPECT_EQ(fallbacks.count("layer", device == "auto" ? "gpu" : "cpu"), 0U);
      EXPECT_EQ(fallbacks.all.empty(), messages_.lines.empty());
      told += messages_.lines.empty() ? 0 : 1;
      ++losses;
      if (HasFailure()) {
        return;
      }
    }
    EXPECT_GT(told, losses / 2);
  }
};

TEST_F(SmallLayers, HaveTheSameBitsTwiceOnOneDevice) { expect_bits_of_layers_alone("cuda", 10); }

TEST_F(SmallLayers, HaveTheSameBitsOnThreeDevices) { expect_bits_of_layers_alone("cuda:all", 10); }

class LayersOnManyWorkers : public SmallLayers {
 protected:
  LayersOnManyWorkers() {
    rows_ = 200;
    noise_ = {0.5, 0.4, 0.3, 0.2, 0.1, 0.07, 0.05, 0.03, 1e-2, 7e-3, 5e-3, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6};
    threads_ = 16;
  }
};

TEST_F(LayersOnManyWorkers, HaveTheSameBitsEightTimesOnOneDevice) { expect_bits_of_layers_alone("cuda", 6); }

TEST_F(LayersOnManyWorkers, HaveTheSameBitsTwiceOnEachOfThreeDevices) {
  expect_bits_of_layers_alone("cuda:all", 6);
}

TEST_F(LayersOnManyWorkers, SurviveTheLossOfTheOnlyDevice) { lose_devices("auto"); }

TEST_F(SmallLayers, SurviveTheLossOfTheOnlyDevice) { lose_devices("auto"); }

TEST_F(SmallLayers, SurviveTheLossOfOneOfThreeDevices) { lose_devices("cuda:all"); }

// Threads make calls in another order every time: the n-th may be one from another place, and a run that
// waits less makes fewer. When it ends before its n-th call, the next one fails as far into that many.
void SmallLayers::fail_any_call(const std::string& device) {
  test::FakeCuda::Settings failing = settings("lazy", 9);
  failing["SITES"] = "1";
  fake().restart(failing);
  expect_near_cpu(analyzed(device));
  const std::vector<std::string> sites = fake().call_sites();
  ASSERT_GT(sites.size(), 200U);
  failing.erase("SITES");
  const std::vector<long> numbers = test::some_of_every_site(sites, false);
  std::size_t refused = 0;
  // Returns how many calls there were.
  const auto fail_at = [&](long n) {
    failing["FAIL_AT"] = std::to_string(n);
    fake().restart(failing);
    try {
      expect_near_cpu(analyzed(device));
    } catch (const DeviceError& error) {  // when the devices are opened, and only then
      EXPECT_EQ(std::string(error.what()).rfind("--device " + device + ": ", 0), 0U) << error.what();
      ++refused;
    }
    return fake().calls();
  };
  for (const long number : numbers) {
    SCOPED_TRACE(testing::Message() << "call " << number << " of " << sites.size());
    const double share = static_cast<double>(number) / static_cast<double>(sites.size());
    long n = number;
    for (long made = fail_at(n); n > made && !HasFailure(); made = fail_at(n)) {
      n = std::min(n - 1, std::max(1L, static_cast<long>(share * static_cast<double>(made))));
    }
    EXPECT_FALSE(fake().injected().empty()) << "no call failed";
    if (HasFailure()) {
      return;
    }
  }
  EXPECT_EQ(refused > 0, device != "auto");
  EXPECT_LT(refused, numbers.size() / 2);
}

TEST_F(SmallLayers, SurviveAnyFailedCall) { fail_any_call("cuda:all"); }

// Eight tiles and four segments each: one worker brings tiles while the other one computes.
class LayersInTurns : public SmallLayers {
 protected:
  LayersInTurns() {
    rows_ = 2000;
    noise_ = {0.5, 1e-2, 1e-4};
    options_.memory = 1'200'000;  // for bands of a tile or two
    ::setenv("COLLAPSCOPE_GPU_TURNS_FROM", "0", 1);
  }
  void TearDown() override { ::unsetenv("COLLAPSCOPE_GPU_TURNS_FROM"); }
};

TEST_F(LayersInTurns, HaveTheSameBits) { expect_bits_of_layers_alone("cuda", 40); }

TEST_F(LayersInTurns, SurviveTheLossOfTheDevice) { lose_devices("auto"); }

TEST_F(LayersInTurns, SurviveAnyFailedCall) { fail_any_call("auto"); }

TEST_F(LayersInTurns, AreLargeAndLeaveRoomForOneAnother) {
  const std::string expected = digits_alone();
  fake().restart({{"MEMORY", "600M"}});
  EXPECT_EQ(digits(analyzed("cuda")), expected);
  EXPECT_EQ(fake().threads(), 1) << "there is no room for two";
  ::unsetenv("COLLAPSCOPE_GPU_TURNS_FROM");
  fake().restart({});
  EXPECT_EQ(digits(analyzed("cuda")), expected);
  EXPECT_EQ(fake().threads(), 1) << "they are small";
}

// What is left out has no place in tiles: the row is the file's all the same. What one tile's sums have found
// is no concern of the tiles behind it.
TEST_F(LayersInTurns, NameTheRowWhereLabelsAreLeftOut) {
  ClassSpec spec;
  spec.features = 16;
  spec.classes = 4;
  spec.rows = 700;
  spec.nc1 = {1, 0.1, 1e-2};
  options_.ignore_label = 3;
  options_.memory = std::uint64_t{8} << 20U;
  std::size_t found_some = 0;
  for (const std::uint64_t row : {3, 100, 101, 102, 103, 1500, 2600}) {
    use(spec);
    dump().spoil(1, row);
    const Results expected = analyzed("cpu");
    fake().restart({{"SCHEDULE", row % 2 == 0 ? "eager" : "lazy"}});
    const Results found = analyzed("cuda");
    ASSERT_EQ(found.failures.size(), expected.failures.size());
    ASSERT_EQ(found.checkpoints[0].layers.size(), expected.checkpoints[0].layers.size());
    if (!expected.failures.empty()) {
      EXPECT_EQ(found.failures[0].message, expected.failures[0].message);
      EXPECT_NE(found.failures[0].message.find("row " + std::to_string(row)), std::string::npos);
      ++found_some;
    }
  }
  EXPECT_GT(found_some, 2U);
}

TEST_F(LayersInTurns, OneThatFailsHoldsNobodyUp) {
  dump().spoil(1, 1700);
  fake().restart({{"SCHEDULE", "lazy"}});
  const Results found = analyzed("cuda");
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_NE(found.failures[0].message.find("found NaN or Inf, first in row 1700"), std::string::npos)
      << found.failures[0].message;
  ASSERT_EQ(found.checkpoints.size(), 1U);
  EXPECT_EQ(found.checkpoints[0].layers.size(), 2U);
}

// Only where two layers at once leave memory to spare: else the sizes of tiles would depend on luck.
TEST_F(SmallLayers, AreMeasuredOneAfterAnotherOnADeviceWithLittleMemory) {
  const std::string expected = digits_alone();
  for (const char* memory : {"100M", "600M"}) {
    test::FakeCuda::Settings small = settings("lazy", 9);
    small["MEMORY"] = memory;
    fake().restart(small);
    EXPECT_EQ(digits(analyzed("cuda")), expected);
    EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
    EXPECT_EQ(fake().threads(), 1);
  }
}

// Of 64 MiB and several segments: sums behind the reading also without turns.
class LongLayer : public test::Pipeline {
 protected:
  LongLayer() {
    rows_ = 540'000;
    tile_ = std::size_t{1} << 20U;
    noise_ = {0.1};
    options_.memory = std::uint64_t{256} << 20U;
  }
};

TEST_F(LongLayer, IsSummedByAThreadOfItsOwnWithTheSameBits) {
  fake().restart({{"SCHEDULE", "lazy"}, {"PROTECT", "0"}});
  const Results found = analyzed("cuda");
  expect_near_cpu(found);
  EXPECT_EQ(fake().threads(), 2);
  for (const char* seed : {"1", "2", "3"}) {
    fake().restart({{"SCHEDULE", "random"}, {"SEED", seed}, {"PROTECT", "0"}, {"RACES", "1"}});
    EXPECT_EQ(digits(analyzed("cuda")), digits(found));
  }
  dump().spoil(0, 400'000);  // in the second segment
  fake().restart({{"SCHEDULE", "eager"}, {"PROTECT", "0"}});
  const Results spoilt = analyzed("cuda");
  ASSERT_EQ(spoilt.failures.size(), 1U);
  EXPECT_NE(spoilt.failures[0].message.find("row 400000"), std::string::npos) << spoilt.failures[0].message;
}

}  // namespace
}  // namespace collapscope
