#include "runs/support.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "results/sample_results.hpp"

namespace collapscope::test {
namespace {

double any_double(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0:
      return 0.0;
    case 1:
      return -0.0;
    case 2:
      return std::numeric_limits<double>::denorm_min() * static_cast<double>(random() % 9);
    case 3:
      return static_cast<double>(random() % 100);
    default:
      break;
  }
  const double value = std::bit_cast<double>(random());
  return std::isfinite(value) ? value : 0.1;
}

std::string any_name(std::mt19937_64& random) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> valid;
    for (const std::string& name : hostile_names()) {
      if (name.size() < 100 && name.find('\xff') == std::string::npos && !name.starts_with("truncated") &&
          !name.starts_with("overlong") && !name.starts_with("surrogate")) {
        valid.push_back(name);  // invalid bytes are rewritten, not kept
      }
    }
    return valid;
  }();
  return names[random() % names.size()];
}

Value any_value(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return {};
    case 1:
      return static_cast<std::int64_t>(random());
    case 2:
      return std::vector<double>{any_double(random), any_double(random)};
    default:
      break;
  }
  return any_double(random);
}

MetricSet any_metrics(std::mt19937_64& random, bool floors) {
  MetricSet metrics;
  for (const char* name : {"deep_nrc3", "nrc1", "evr", "deep_nrc1", "of_a_later_version"}) {
    if (random() % 4 == 0) continue;
    Metric metric{name, any_value(random)};
    if (floors && random() % 2 == 0) metric.floor = any_double(random);
    if (floors && random() % 8 == 0) metric.floor = std::numeric_limits<double>::infinity();
    if (random() % 2 == 0) metric.note = any_name(random);
    metrics.add(std::move(metric));
  }
  return metrics;
}

}  // namespace

LayerResult layer_that(const std::string& name, std::optional<bool> collapsed) {
  LayerResult layer{name, std::nullopt, "linear", {}};
  layer.metrics.add({"deep_nrc1", collapsed == false ? 0.5 : 0.001, 1e-15});
  layer.metrics.add({"deep_nrc2", 0.97});
  if (collapsed) {
    layer.metrics.add({"deep_nrc3", 0.99});
  } else {
    layer.metrics.add({"deep_nrc3", std::monostate{}, std::nullopt, "no weight"});
  }
  return layer;
}

CheckpointResult checkpoint_of(const std::string& run, std::optional<double> step,
                               std::initializer_list<std::optional<bool>> layers) {
  CheckpointResult checkpoint;
  checkpoint.run = run;
  checkpoint.step = step;
  checkpoint.path = run + "/" + (step ? std::to_string(*step) : "last") + ".h5";
  checkpoint.task = "regression";
  checkpoint.samples = 100;
  for (const std::optional<bool> collapsed : layers) {
    checkpoint.layers.push_back(layer_that("l" + std::to_string(checkpoint.layers.size() + 1), collapsed));
  }
  return checkpoint;
}

Results results_of(std::vector<CheckpointResult> checkpoints) {
  Results results;
  results.checkpoints = std::move(checkpoints);
  return results;
}

Results random_results(std::mt19937_64& random, std::size_t checkpoints) {
  Results results;
  results.provenance = {"0.1.0", any_name(random), "collapscope analyze", "cpu", "fast", 3, "2026-01-02",
                        0.25,    random()};
  for (std::size_t i = 0; i < checkpoints; ++i) {
    CheckpointResult checkpoint;
    checkpoint.path = any_name(random) + std::to_string(i);
    checkpoint.id = random() % 2 == 0 ? "" : any_name(random);
    checkpoint.run = random() % 4 == 0 ? "" : "run" + std::to_string(random() % 3);
    if (random() % 4 != 0) checkpoint.step = static_cast<double>(random() % 5) / 2;
    checkpoint.task = "regression";
    checkpoint.samples = random();
    checkpoint.attributes = {{"flag", random() % 2 == 0},
                             {"lr", any_double(random)},
                             {"seed", static_cast<std::int64_t>(random() % 3)},
                             {"text", any_name(random)}};
    checkpoint.targets = any_metrics(random, false);
    for (std::size_t j = 0; j < random() % 4; ++j) {
      LayerResult layer{any_name(random) + std::to_string(j), std::nullopt, any_name(random),
                        any_metrics(random, true)};
      if (random() % 2 == 0) layer.index = static_cast<std::int64_t>(random());
      checkpoint.layers.push_back(std::move(layer));
    }
    for (std::size_t j = 0; j < random() % 3; ++j) {
      checkpoint.failed_layers.push_back({any_name(random), random() % (checkpoint.layers.size() + 1)});
    }
    std::ranges::sort(checkpoint.failed_layers, {}, &MissingLayer::position);
    results.checkpoints.push_back(std::move(checkpoint));
  }
  results.failures = {{any_name(random), "object", any_name(random)}};
  return results;
}

}  // namespace collapscope::test
