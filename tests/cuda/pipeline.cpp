#include "cuda/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "collapscope/gpu/gpu.hpp"
#include "cuda/sites.hpp"
#include "cuda/small_tiles.hpp"

namespace collapscope::test {

FakeCuda& Pipeline::fake() {
  static FakeCuda fake;
  return fake;
}

void Pipeline::SetUp() {
  fake().restart({});
  ::setenv("COLLAPSCOPE_GPU_TILE", std::to_string(tile_).c_str(), 1);
  PlantedSpec spec;
  spec.samples = rows_;
  spec.features = features_;
  spec.targets = 2;
  spec.noise = noise_;
  spec.offset = 3;
  dump_.emplace(spec);
  options_.memory = options_.memory == 0 ? 360'000 : options_.memory;
  expected_ = analyzed("cpu");
  ASSERT_TRUE(expected_.failures.empty()) << expected_.failures[0].message;
}

Results Pipeline::analyzed(const std::string& device, bool device_is_lost) {
  const long violations = fake().violations();
  Results results;
  {
    const ChosenBackend chosen = make_backend(device, threads_);
    note_ = chosen.note;
    SmallTiles backend(*chosen.backend, std::max<std::size_t>(256, tile_ / features_));
    results = dump_->analyzed(backend, messages_, options_);
  }
  EXPECT_EQ(fake().violations(), violations);
  if (!device_is_lost) {
    EXPECT_EQ(fake().leaks(), 0);
  }
  return results;
}

namespace {

// Both are right to their floors.
void expect_near_fast(const Metric& found, const Metric& wanted) {
  const double a = *found.number();
  const double b = *wanted.number();
  if (wanted.floor && found.floor) {
    EXPECT_LE(std::abs(std::sqrt(a) - std::sqrt(b)), std::sqrt(*found.floor) + std::sqrt(*wanted.floor))
        << wanted.name;
  } else {
    EXPECT_NEAR(a, b, 1e-5 * std::abs(b)) << wanted.name;
  }
}

}  // namespace

void Pipeline::expect_near_cpu(const Results& found) const {
  const bool fast = options_.precision == Precision::fast;
  expect_same_layers(found, expected_, fast ? expect_near_fast : expect_near_number);
}

std::string Pipeline::digits(const Results& results) {
  std::string text;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) {
      for (const Metric& metric : layer.metrics.all()) {
        text += fmt::format("{}.{}:", layer.name, metric.name);
        if (const auto number = metric.number()) {
          text += fmt::format(" {}", *number);
        } else if (const auto* list = std::get_if<std::vector<double>>(&metric.value)) {
          text += fmt::format(" {}", fmt::join(*list, " "));
        }
        text += '\n';
      }
    }
  }
  return text;
}

long Pipeline::expect_equal_bits(const std::string& device, const std::string& expected, int seeds,
                                 const FakeCuda::Settings& settings) {
  long threads = 0;
  const auto found_with = [&](FakeCuda::Settings all) {
    all.insert(settings.begin(), settings.end());
    fake().restart(std::move(all));
    Results found = analyzed(device);
    threads = std::max(threads, fake().threads());
    return found;
  };
  for (const char* schedule : {"eager", "lazy", "reverse"}) {
    SCOPED_TRACE(schedule);
    const Results found = found_with({{"SCHEDULE", schedule}});
    expect_near_cpu(found);
    EXPECT_EQ(digits(found), expected);
    EXPECT_TRUE(messages_.lines.empty()) << messages_.lines[0];
  }
  EXPECT_EQ(digits(found_with({{"SCHEDULE", "lazy"}, {"RACES", "1"}})), expected) << "with an eye on races";
  for (int seed = 1; seed <= (wants_all() ? 10 * seeds : seeds) && !HasFailure(); ++seed) {
    const Results found = found_with(
        {{"SCHEDULE", "random"}, {"SEED", std::to_string(seed)}, {"PROTECT", seed == 1 ? "1" : "0"}});
    EXPECT_EQ(digits(found), expected) << "seed " << seed;
  }
  return threads;
}

}  // namespace collapscope::test
