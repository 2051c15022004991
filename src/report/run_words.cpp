#include "report/run_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/table_cells.hpp"
#include "report/terminal_text.hpp"
#include "results/depth_name.hpp"

namespace collapscope {
namespace {

constexpr std::size_t longest_reason = 400;  // columns

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// What a criterion finds instead: "deep_nrc1 0.277"; empty where it is met, or where it is not what is asked
// for: what is `unknown`, or what is not met.
std::string objection(const LayerResult& layer, const Criterion& criterion, bool unknown,
                      std::size_t longest) {
  const std::optional<bool> met = meets(layer, criterion);
  if (met == true || met.has_value() == unknown) return "";
  const Metric* metric = layer.metrics.find(criterion.metric);
  const std::string& name = criterion.metric;
  if (metric == nullptr) return "no " + name + " among the results";
  if (!metric->number()) {
    return name + " undefined" +
           (metric->note.empty() ? "" : fmt::format(" ({})", reason_text(metric->note, longest)));
  }
  if (!unknown) return name + " " + short_number(*metric->number());
  if (!std::isfinite(*metric->floor)) return name + " below a floor without bound";
  return fmt::format("{} anywhere up to its floor of {}", name, short_number(*metric->floor));
}

std::string objections(const LayerResult& layer, const Criteria& criteria, bool unknown, bool is_last,
                       std::size_t longest) {
  std::vector<std::string> all;
  for (const Criterion& criterion : criteria) {
    if (!is_last && is_of_last_layer(criterion.metric)) continue;
    if (std::string text = objection(layer, criterion, unknown, longest); !text.empty())
      all.push_back(std::move(text));
  }
  if (all.empty()) return fmt::format("nothing is asked of {}", name_text(layer.name, longest));
  return fmt::format("{} has {}", name_text(layer.name, longest), joined(all));
}

// The deepest of the layers that failed right before layers[i]; null: none did.
const MissingLayer* failed_before(const CheckpointResult& checkpoint, std::size_t i) {
  const MissingLayer* found = nullptr;
  for (const MissingLayer& layer : checkpoint.failed_layers) {
    if (layer.position == i) found = &layer;
  }
  return found;
}

// " (not measured at epoch 2)": what the checkpoint before leaves open.
std::string before_words(const Results& results, const Run& run, const LayerSince& since,
                         std::size_t longest) {
  if (since.before == BeforeSince::not_collapsed) return "";
  return fmt::format(" ({} at {})", since.before == BeforeSince::unknown ? "unknown" : "not measured",
                     step_text(results, run, *since.checkpoint - 1, longest));
}

// Of a list whose first `most` are named.
std::string and_more(std::size_t count, std::size_t most) {
  return count > most ? fmt::format(" and {} more", count - most) : "";
}

struct AttributeWords {
  std::size_t longest;

  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t count) const { return fmt::to_string(count); }
  std::string operator()(std::uint64_t count) const { return fmt::to_string(count); }
  std::string operator()(double number) const { return fmt::format("{:g}", number); }
  std::string operator()(const std::string& text) const { return name_text(text, longest); }
};

}  // namespace

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string name_text(std::string_view name, std::size_t longest) { return shown_text(name, longest); }

std::string reason_text(std::string_view note, std::size_t longest) {
  return shown_text(note, std::max(longest, longest_reason));
}

std::string attribute_text(const AttributeValue& value, std::size_t longest) {
  return std::visit(AttributeWords{longest}, value);
}

std::string report_title(const RunReport& report, const std::vector<Run>& runs) {
  if (!report.title.empty()) return report.title;
  std::size_t checkpoints = 0;
  for (const Run& run : runs) checkpoints += run.checkpoints.size();
  return fmt::format("Neural collapse: {}, {}", counted(runs.size(), "run"),
                     counted(checkpoints, "checkpoint"));
}

std::string step_text(const Results& results, const Run& run, std::size_t checkpoint, std::size_t longest) {
  const std::optional<double> step = results.checkpoints[run.checkpoints[checkpoint]].step;
  if (!step) return fmt::format("checkpoint {} of {}", checkpoint + 1, run.checkpoints.size());
  return fmt::format("{} {:.10g}", run.step_unit.empty() ? "step" : name_text(run.step_unit, longest), *step);
}

std::string collapse_words(const Results& results, const Run& run, const RunCollapse& collapse,
                           const Criteria& criteria, std::size_t longest) {
  const CheckpointResult& checkpoint = results.checkpoints[run.checkpoints.back()];
  const std::vector<LayerResult>& layers = checkpoint.layers;
  const CheckpointCollapse& last = collapse.checkpoints.back();
  if (layers.empty()) return "no layers";
  const std::size_t all = layers.size() + checkpoint.failed_layers.size();
  const std::size_t from = last.from.value_or(layers.size());
  const std::size_t collapsed = layers.size() - from;
  std::string text;
  if (collapsed == all) {
    return fmt::format("from {} on, {}", name_text(layers[0].name, longest),
                       all == 1 ? "the only layer" : fmt::format("all {} layers", all));
  }
  if (collapsed > 0) {
    text = fmt::format("from {} on, the last {} of {} layers", name_text(layers[from].name, longest),
                       collapsed, all);
  }
  const std::string above = text.empty() ? "" : text + "; above ";
  if (const MissingLayer* failed = failed_before(checkpoint, from)) {
    return fmt::format("{}unknown: {} failed", above, name_text(failed->name, longest));
  }
  const LayerResult& next = layers[from - 1];
  const bool unknown = !last.layers[from - 1].has_value();
  if (!text.empty() && !unknown) return text;
  return fmt::format("{}{}: {}", above, unknown ? "unknown" : "nothing",
                     objections(next, criteria, unknown, &next == checkpoint.last_layer(), longest));
}

std::string since_words(const Results& results, const Run& run, const RunCollapse& collapse,
                        std::size_t longest) {
  if (!collapse.checkpoints.back().from) return "";
  std::vector<std::string> parts;
  for (std::size_t i = *collapse.checkpoints.back().from; i < collapse.layers.size();) {
    std::size_t end = i + 1;
    while (end < collapse.layers.size() && collapse.layers[end].checkpoint == collapse.layers[i].checkpoint &&
           collapse.layers[end].before == collapse.layers[i].before)
      ++end;
    const std::string first = name_text(collapse.layers[i].layer, longest);
    parts.push_back(
        fmt::format("{}{} since {}{}", first,
                    end - i == 1 ? "" : " to " + name_text(collapse.layers[end - 1].layer, longest),
                    step_text(results, run, *collapse.layers[i].checkpoint, longest),
                    before_words(results, run, collapse.layers[i], longest)));
    i = end;
  }
  return joined(parts);
}

std::string measured_words(const Results& results, const Run& run, const Criteria& criteria,
                           std::size_t longest) {
  constexpr std::size_t most_names = 3;
  constexpr std::size_t most_steps = 3;
  std::string text;
  for (const NotMeasured& some : not_measured(results, run, criteria)) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(some.names.size(), most_names); ++i) {
      names.push_back(name_text(some.names[i], longest));
    }
    std::vector<std::string> steps;
    for (std::size_t i = 0; i < std::min(some.checkpoints.size(), most_steps); ++i) {
      steps.push_back(step_text(results, run, some.checkpoints[i], longest));
    }
    text += fmt::format("{}{}{} at {} of {}, not at {}{}", text.empty() ? "" : "; ", joined(names),
                        and_more(some.names.size(), most_names), some.of - some.checkpoints.size(),
                        counted(some.of, "checkpoint"), joined(steps),
                        and_more(some.checkpoints.size(), most_steps));
  }
  return text;
}

std::string death_words(const Run& run, std::size_t longest) {
  const std::string unit = run.step_unit.empty() ? "step" : name_text(run.step_unit, longest);
  const std::string since = run.death->step        ? fmt::format(" since {} {:.10g}", unit, *run.death->step)
                            : run.death->alive > 0 ? " at the end"
                                                   : "";
  return fmt::format("dead{} ({})", since, run.death->reason);
}

std::string depth_words(const CheckpointResult& checkpoint, std::size_t longest) {
  std::vector<std::string> laws;
  for (const Metric& slope : checkpoint.depth.all()) {
    const auto [metric, part] = split_depth_name(slope.name);
    if (part != "slope" || !slope.number()) continue;
    const std::optional<double> pearson = checkpoint.depth.number(depth_name(metric, "pearson"));
    const std::optional<double> layers = checkpoint.depth.number(depth_name(metric, "layers"));
    laws.push_back(fmt::format(
        "{} slope {}{} ({:.0f} layers)", name_text(metric, longest), short_number(*slope.number()),
        pearson ? fmt::format(" pearson {}", short_number(*pearson)) : "", layers.value_or(0)));
  }
  return joined(laws);
}

}  // namespace collapscope
