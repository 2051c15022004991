#include "option_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/metrics/metrics.hpp"

namespace collapscope::tools {

namespace {

using Say = std::function<void(const std::string&)>;

// Metrics of one task only, as globs; the others are of both.
constexpr std::array<std::string_view, 10> of_regression{
    "nrc*",     "deep_nrc4", "deep_nrc2_published", "deep_nrc2_signal", "linear_*", "target_*", "model_m?e",
    "model_r2", "ufm_*",     "residual_whiteness"};
constexpr std::array<std::string_view, 6> of_classification{
    "nc*", "class*", "model_accuracy", "model_cross_entropy", "samples_ignored", "within_variance"};

template <class Globs>
bool is_one_of(const Globs& globs, std::string_view name) {
  return std::ranges::any_of(globs, [&](std::string_view glob) { return glob_match(glob, name); });
}

template <class Fits>
bool any_layer(const std::vector<Checkpoint>& checkpoints, const Fits& fits) {
  return std::ranges::any_of(checkpoints, [&](const Checkpoint& checkpoint) {
    return std::ranges::any_of(checkpoint.front().layers, fits);
  });
}

std::vector<std::string> listed(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view name = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    name.remove_prefix(std::min(name.find_first_not_of(" \t"), name.size()));
    name = name.substr(0, name.find_last_not_of(" \t") + 1);
    if (!name.empty()) {
      names.emplace_back(name);
    }
  }
  return names;
}

// Whether all metrics that the glob fits are of the other task.
bool is_of_other_task(const std::string& glob, bool classification) {
  const auto others = [&](const MetricInfo& info) {
    return !glob_match(glob, info.name) ||
           (classification ? is_one_of(of_regression, info.name) : is_one_of(of_classification, info.name));
  };
  return std::ranges::all_of(metric_catalogue(), others);
}

void tell_metrics(const std::string& metrics, const std::vector<Checkpoint>& checkpoints, const Say& say) {
  const auto count = std::ranges::count_if(
      checkpoints, [](const Checkpoint& checkpoint) { return is_classification(checkpoint.front()); });
  if (checkpoints.empty() || (count > 0 && count < static_cast<std::ptrdiff_t>(checkpoints.size()))) {
    return;
  }
  const bool classification = count > 0;
  const std::vector<std::string> names = listed(metrics);
  std::string others;
  std::size_t other_names = 0;
  for (const std::string& name : names) {
    if (is_of_other_task(name, classification)) {
      others += (other_names++ == 0 ? "" : ", ") + printable(name);
    }
  }
  if (other_names == 0) {
    return;
  }
  const CheckpointIndex& first = checkpoints.front().front();
  const std::string text = fmt::format(
      "--metrics: {} {} of {}; {} is measured as {}{}", others, other_names == 1 ? "is" : "are",
      classification ? "regression" : "classification", printable(first.path), first.task,
      classification ? "" : " (the attribute task = \"classification\", or --task, says otherwise)");
  if (other_names == names.size()) {
    throw UsageError(text + ": no metric is left");
  }
  say(text);
}

void tell_class_options(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                        const Say& say) {
  if (std::ranges::any_of(checkpoints,
                          [](const Checkpoint& one) { return is_classification(one.front()); })) {
    return;
  }
  if (options.per_class) {
    say("--per-class: no dump has task = \"classification\", so there are no classes");
  }
  if (!options.ignore_label.empty()) {
    say("--ignore-label: no dump has task = \"classification\", so nothing is left out");
  }
}

bool is_half(const DatasetIndex& dataset) {
  return dataset.element.kind == ElementKind::float16 || dataset.element.kind == ElementKind::bfloat16;
}

void tell_reading_options(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                          const Say& say) {
  const auto layout = find_layout(options.layout);
  if (layout && !any_layer(checkpoints, [&](const LayerIndex& layer) {
        return layer.activations.shape.size() == layout->axes;
      })) {
    say(fmt::format("--layout {}: no activations have {} axes", printable(options.layout), layout->axes));
  }
  if (!options.pool.empty() &&
      !any_layer(checkpoints, [](const LayerIndex& layer) { return layer.layout != Layout::rows; })) {
    say(fmt::format("--pool {}: no activations are sequences or images", printable(options.pool)));
  }
  const std::size_t kernel = options.naming.weight_layout.size();
  if (kernel > 0 && !any_layer(checkpoints, [&](const LayerIndex& layer) {
        return layer.weight && layer.weight->shape.size() == kernel;
      })) {
    say(fmt::format("--weight-layout {}: no weight has {} axes", options.naming.weight_layout, kernel));
  }
  if (options.naming.transpose_weight &&
      !any_layer(checkpoints, [](const LayerIndex& layer) { return layer.weight.has_value(); })) {
    say("--transpose-weight: no layer has a weight");
  }
  const auto targets_are_half = [](const Checkpoint& checkpoint) {
    return is_half(checkpoint.front().targets) ||
           (checkpoint.front().predictions && is_half(*checkpoint.front().predictions));
  };
  if (!options.dtype.empty() && std::ranges::none_of(checkpoints, targets_are_half) &&
      !any_layer(checkpoints, [](const LayerIndex& layer) {
        return is_half(layer.activations) || (layer.weight && is_half(*layer.weight));
      })) {
    say(fmt::format("--dtype {}: no numbers are integers of 16 bits", options.dtype));
  }
}

}  // namespace

void tell_idle_options(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints,
                       const Say& say) {
  if (checkpoints.empty()) {
    return;
  }
  tell_metrics(options.metrics, checkpoints, say);
  tell_class_options(options, checkpoints, say);
  tell_reading_options(options, checkpoints, say);
}

}  // namespace collapscope::tools
