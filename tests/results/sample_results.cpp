// Sample and hostile results.
#include "results/sample_results.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace collapscope::test {

// U+202E, not as a literal: it would turn around the source as well.
const std::string bidi_override = {'\xe2', '\x80', '\xae'};

Results small_results() {
  LayerResult first{"fc1", 0, "linear", {}};
  first.metrics.add({"features", std::int64_t{8}});
  first.metrics.add({"nrc1", 0.5, 1e-7});
  first.metrics.add({"nrc2", std::monostate{}, 1e-7, "rank(W) = d"});
  first.metrics.add({"evr", std::vector<double>{0.75, 0.25}});
  LayerResult head{"head", std::nullopt, "", {}};
  head.metrics.add({"nrc1", 0.1, std::nullopt, "ill-conditioned subspace"});

  CheckpointResult checkpoint{"dumps/toy.h5", "", "toy", 10, "regression", 200, {}, {}, {first, head}};
  checkpoint.attributes = {{"seed", std::int64_t{3}}, {"step_unit", "epoch"}, {"weight_decay", 0.01}};
  checkpoint.targets.add({"target_dim", std::int64_t{2}});
  checkpoint.targets.add({"model_mse", std::monostate{}, std::nullopt, "no predictions"});

  Results results;
  results.provenance = {"0.1.0", "abc", "collapscope analyze", "cpu", "float64", 2, "2026-01-02T03:04:05Z",
                        1.5,     12800};
  results.checkpoints = {checkpoint};
  results.failures = {{"dumps/bad.h5", "", "truncated file"}};
  return results;
}

namespace {

LayerResult training_layer(std::size_t index, std::size_t layers, double noise) {
  LayerResult layer{index + 1 == layers ? "head" : "fc" + std::to_string(index + 1),
                    static_cast<std::int64_t>(index),
                    "linear",
                    {}};
  const auto add = [&](const char* name, double value, double floor) {
    layer.metrics.add({name, value, floor > 0 ? std::optional(floor) : std::nullopt, ""});
  };
  layer.metrics.add({"features", std::int64_t{256}});
  add("nrc1", 0.8 * noise, 1.3e-7);
  if (index == 0) {
    layer.metrics.add({"nrc2", std::monostate{}, std::nullopt, "rank(W) = d"});
  } else {
    add("nrc2", 0.9 * noise, 1.3e-7);
  }
  layer.metrics.add({"nrc3", std::monostate{}, std::nullopt, "n = 1"});
  add("deep_nrc1", 0.7 * noise, 1.3e-7);
  add("deep_nrc2", 1 - 0.9 * noise, 0);
  add("deep_nrc3", 1 - 0.5 * noise, 0);
  add("deep_nrc4", 0.01 + 0.3 * noise, 1e-12);
  add("linear_mse", 0.01 + 0.2 * noise, 1e-12);
  add("feature_stable_rank", 3 + 9 * noise, 0);
  return layer;
}

}  // namespace

Results training_results(std::size_t runs, std::size_t epochs, std::size_t layers) {
  Results results;
  for (std::size_t run = 0; run < runs; ++run) {
    for (std::size_t epoch = 1; epoch <= epochs; ++epoch) {
      const std::string name = "width-" + std::to_string(64 << run);
      CheckpointResult checkpoint;
      checkpoint.path = "dumps/" + name + "/epoch_" + std::to_string(10 * epoch) + ".h5";
      checkpoint.run = name;
      checkpoint.step = static_cast<double>(10 * epoch);
      checkpoint.samples = 20000;
      checkpoint.attributes = {{"step_unit", "epoch"}, {"weight_decay", 1e-3}};
      checkpoint.targets.add({"target_dim", std::int64_t{3}});
      checkpoint.targets.add({"model_mse", 0.2 / static_cast<double>(epoch)});
      checkpoint.targets.add({"model_r2", 1 - 0.2 / static_cast<double>(epoch)});
      for (std::size_t layer = 0; layer < layers; ++layer) {
        const double noise = std::pow(0.1, 0.4 * static_cast<double>(layer * epoch));
        checkpoint.layers.push_back(training_layer(layer, layers, noise));
      }
      results.checkpoints.push_back(std::move(checkpoint));
    }
  }
  return results;
}

Results results_with(LayerResult layer) {
  CheckpointResult checkpoint;
  checkpoint.path = "one.h5";
  checkpoint.layers.push_back(std::move(layer));
  Results results;
  results.checkpoints.push_back(std::move(checkpoint));
  return results;
}

std::vector<std::string> hostile_names() {
  return {"\x1b[31mred\x1b[0m",
          "\x1b]0;title\x07",
          "back\b\b\bspace\x7f",
          "line\nbreak",
          "carriage\rreturn",
          "tab\tstop",
          "=1+1",
          "+cmd|' /C calc'!A0",
          "-2+3",
          "@SUM(1)",
          "\t=1",
          "\r=1",
          "\n=1",
          "＝1+1",
          "comma, \"quote\", ;semicolon",
          "\"",
          "'",
          "</script><script>alert(1)</script>",
          "back\\slash\\",
          "\xff\xfe not utf-8",
          "truncated \xe2\x82",
          "overlong \xc0\xaf",
          "surrogate \xed\xa0\x80",
          "c1 \u009b31m",
          "bidi " + bidi_override + " override",
          "\xe2\x80\xa8 line separator",
          "\xef\xbb\xbf bom",
          std::string("nul\0byte", 8),
          "层级 日本語 ключ é",
          "e\xcc\x81 combining",
          "",
          " ",
          "../../etc/passwd",
          std::string(5000, 'x')};
}

Results results_named(const std::string& name) {
  LayerResult layer{name, 7, name, {}};
  layer.metrics.add({"nrc1", 0.5, std::nullopt, name});
  layer.metrics.add({"nrc2", std::monostate{}, std::nullopt, name});
  layer.metrics.add({"deep_nrc1", 0.25});
  LayerResult other{"other", 8, "linear", {}};
  other.metrics.add({"nrc2", 0.125});
  CheckpointResult checkpoint{name, name,          name, 1.5, name, 3, {{name, name}, {"step_unit", name}},
                              {},   {layer, other}};
  checkpoint.targets.add({"model_mse", std::monostate{}, std::nullopt, name});
  Results results;
  results.provenance.command = name;
  results.checkpoints = {checkpoint, checkpoint};
  results.failures = {{name, name, name}};
  return results;
}

bool has_raw_controls(const std::string& text) {
  const bool c0 = std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte == 0x7f;
  });
  const auto has = [&](const std::string& bytes) { return text.find(bytes) != std::string::npos; };
  return c0 || has("\xc2\x9b") || has(bidi_override) || has("\xe2\x80\xa8");
}

}  // namespace collapscope::test
