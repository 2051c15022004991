// When a layer counts as collapsed: criteria as text, and their verdict in three values.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/runs/runs.hpp"

namespace collapscope {
namespace {

constexpr std::string_view form = "METRIC<NUMBER or METRIC>NUMBER, separated by commas";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t");
  return end == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

void check_metric(std::string_view name, std::string_view criterion) {
  const MetricInfo* info = find_metric_info(name);
  if (info == nullptr) {
    throw UsageError(fmt::format("'{}': no metric is called '{}'; 'collapscope metrics' lists them all",
                                 printable(criterion), printable(name)));
  }
  if (info->scope == MetricScope::targets || info->scope == MetricScope::depth) {
    throw UsageError(fmt::format("'{}': {} is a metric {}, expected one of layers", printable(criterion),
                                 name,
                                 info->scope == MetricScope::depth ? "over the layers" : "of the targets"));
  }
  if (info->list) {
    throw UsageError(fmt::format("'{}': {} is a list, expected a metric with a single number",
                                 printable(criterion), name));
  }
}

Criterion parse_criterion(std::string_view text) {
  const std::size_t at = text.find_first_of("<>");
  const auto malformed = [&] { return UsageError(fmt::format("'{}': expected {}", printable(text), form)); };
  if (at == std::string_view::npos) throw malformed();
  const bool or_equal = text.substr(at + 1).starts_with('=');
  const bool less = text[at] == '<';
  const std::string_view name = trimmed(text.substr(0, at));
  std::string_view number = trimmed(text.substr(at + (or_equal ? 2 : 1)));
  Criterion criterion;
  criterion.metric = std::string(name);
  criterion.comparison = less ? (or_equal ? Comparison::less_equal : Comparison::less)
                              : (or_equal ? Comparison::greater_equal : Comparison::greater);
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), criterion.threshold);
  if (name.empty() || name.ends_with('=') || error != std::errc() || end != number.data() + number.size() ||
      !std::isfinite(criterion.threshold)) {
    throw malformed();
  }
  check_metric(name, text);
  return criterion;
}

bool compares(double value, Comparison comparison, double threshold) {
  switch (comparison) {
    case Comparison::less:
      return value < threshold;
    case Comparison::less_equal:
      return value <= threshold;
    case Comparison::greater:
      return value > threshold;
    case Comparison::greater_equal:
      break;
  }
  return value >= threshold;
}

}  // namespace

Criteria default_criteria() {
  return {{"deep_nrc1", Comparison::less, 0.05},
          {"deep_nrc2", Comparison::greater, 0.9},
          {"deep_nrc3", Comparison::greater, 0.9}};
}

Criteria default_class_criteria() {
  return {{"nc1", Comparison::less, 0.05},
          {"nc2_equiangular", Comparison::less, 0.1},
          {"nc3_self_duality", Comparison::less, 0.45},
          {"nc4_disagreement", Comparison::less, 0.01}};
}

const Criteria& TaskCriteria::of(const CheckpointResult& checkpoint) const {
  return checkpoint.task == "classification" ? classification : regression;
}

bool is_of_last_layer(std::string_view metric) {
  return metric.starts_with("nc3_") || metric.starts_with("nc4_") || metric.starts_with("nc2_weight_");
}

Criteria parse_criteria(std::string_view text) {
  Criteria criteria;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    criteria.push_back(parse_criterion(trimmed(text.substr(0, comma))));
    if (comma == text.size()) return criteria;
    text.remove_prefix(comma + 1);
  }
}

std::string_view comparison_text(Comparison comparison) {
  switch (comparison) {
    case Comparison::less:
      return "<";
    case Comparison::less_equal:
      return "<=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_equal:
      break;
  }
  return ">=";
}

std::string criteria_text(const Criteria& criteria) {
  std::string text;
  for (const Criterion& criterion : criteria) {
    text += fmt::format("{}{} {} {}", text.empty() ? "" : ", ", criterion.metric,
                        comparison_text(criterion.comparison), criterion.threshold);
  }
  return text;
}

std::vector<std::string> tasks_told_apart(const TaskCriteria& criteria, const Results& results) {
  const auto classifies = [](const CheckpointResult& checkpoint) {
    return checkpoint.task == "classification";
  };
  if (!std::ranges::any_of(results.checkpoints, classifies)) return {"regression"};
  if (std::ranges::all_of(results.checkpoints, classifies)) return {"classification"};
  if (criteria.regression == criteria.classification) return {"regression"};
  return {"regression", "classification"};
}

std::string criteria_text(const TaskCriteria& criteria, const Results& results) {
  const std::vector<std::string> tasks = tasks_told_apart(criteria, results);
  if (tasks.size() == 1) {
    return criteria_text(tasks[0] == "regression" ? criteria.regression : criteria.classification);
  }
  return fmt::format("of regression {}; of classification {}", criteria_text(criteria.regression),
                     criteria_text(criteria.classification));
}

std::optional<bool> meets(const LayerResult& layer, const Criterion& criterion) {
  const Metric* metric = layer.metrics.find(criterion.metric);
  if (metric == nullptr || !metric->number()) return std::nullopt;
  const auto holds = [&](double value) { return compares(value, criterion.comparison, criterion.threshold); };
  if (!metric->below_floor()) return holds(*metric->number());
  // It may be anything from 0 up to its floor.
  return holds(0) == holds(*metric->floor) ? std::optional(holds(0)) : std::nullopt;
}

std::optional<bool> is_collapsed(const LayerResult& layer, const Criteria& criteria, bool is_last) {
  bool unknown = false;
  bool asked = criteria.empty();
  for (const Criterion& criterion : criteria) {
    if (!is_last && is_of_last_layer(criterion.metric)) continue;
    asked = true;
    const std::optional<bool> met = meets(layer, criterion);
    if (met == false) return false;
    unknown = unknown || !met;
  }
  if (unknown || !asked) return std::nullopt;
  return true;
}

}  // namespace collapscope
