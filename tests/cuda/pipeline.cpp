#include "cuda/pipeline.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "collapscope/gpu.hpp"
#include "collapscope/synth.hpp"
#include "core/support.hpp"

namespace collapscope::test {

FakeCuda& Pipeline::fake() {
  static FakeCuda fake;
  return fake;
}

void Pipeline::SetUp() {
  fake().restart({});
  path_ = temporary_path("planted.h5");
  PlantedSpec spec;
  spec.samples = rows_;
  spec.features = features_;
  spec.targets = 2;
  spec.noise = noise_;
  spec.offset = 3;
  write_planted(path_, spec);
  options_.memory = options_.memory == 0 ? 4'600'000 : options_.memory;
  expected_ = analyzed("cpu");
}

void Pipeline::TearDown() { std::filesystem::remove(path_); }

Results Pipeline::analyzed(const std::string& device, bool device_is_lost) {
  messages_.lines.clear();
  const long violations = fake().violations();
  Results results;
  {
    const ChosenBackend chosen = make_backend(device, 1);
    note_ = chosen.note;
    DumpIndex index = index_dump(path_, {});
    results = analyze(arrange_checkpoints(std::move(index.checkpoints), false), *chosen.backend, options_,
                      messages_);
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
  ASSERT_TRUE(found.failures.empty()) << found.failures[0].message;
  ASSERT_EQ(found.checkpoints.size(), 1U);
  const auto& layers = expected_.checkpoints[0].layers;
  ASSERT_EQ(found.checkpoints[0].layers.size(), layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const Metric& wanted : layers[i].metrics.all()) {
      const Metric* metric = found.checkpoints[0].layers[i].metrics.find(wanted.name);
      ASSERT_NE(metric, nullptr) << wanted.name;
      ASSERT_EQ(metric->defined(), wanted.defined()) << wanted.name;
      const auto number = wanted.number();
      if (number && options_.precision == Precision::fast) {
        expect_near_fast(*metric, wanted);
      } else if (number) {
        EXPECT_NEAR(*metric->number(), *number, 1e-9 * std::abs(*number) + wanted.floor.value_or(1e-12))
            << layers[i].name << ": " << wanted.name;
      }
    }
  }
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

}  // namespace collapscope::test
