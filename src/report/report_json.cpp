// Everything that a report shows, as JSON: "collapscope-report" version 1 (docs/runs.md).
#include <algorithm>
#include <unordered_set>

#include "collapscope/core/version.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/report/report.hpp"
#include "json/json_text.hpp"
#include "report/run_words.hpp"
#include "results/metrics_json.hpp"

namespace collapscope {
namespace {

void write_attribute(JsonText& json, const std::optional<AttributeValue>& value) {
  if (!value) {
    json.null();
    return;
  }
  std::visit([&](const auto& content) { json.value(content); }, *value);
}

std::optional<std::string_view> layer_name(const CheckpointResult& checkpoint,
                                           std::optional<std::size_t> position) {
  if (!position) return std::nullopt;
  return checkpoint.layers[*position].name;
}

// As results have them, but for the cosines of more classes than a map can show.
void write_classes(JsonText& json, const LayerClasses& classes) {
  constexpr std::size_t most_shown = 200;
  json.key("classes").open('{').key("rows").list(classes.rows);
  json.key("nearest").list(classes.nearest);
  each_class_column(classes, [&](std::string_view name, const ClassColumn& column) {
    if (name != "cosines" || classes.rows.size() <= most_shown) json.key(name).list(column);
  });
  json.close('}');
}

void write_classes(JsonText& json, const CheckpointClasses& classes) {
  json.key("classes").open('{').key("labels").list(classes.labels).key("names").list(classes.names);
  json.key("samples").list(classes.samples).key("model_accuracy").list(classes.model_accuracy).close('}');
}

// with_classes: also what is said of each class.
void write_layer(JsonText& json, const LayerResult& layer, std::optional<bool> collapsed, bool with_classes) {
  json.open('{').member("name", layer.name).member("index", layer.index).member("kind", layer.kind);
  write_values(json.key("metrics"), layer.metrics);
  json.key("floors").open('{');
  for (const Metric& metric : layer.metrics.all()) {
    if (metric.floor) json.member(metric.name, *metric.floor);
  }
  json.close('}');
  write_notes(json.key("notes"), layer.metrics);
  json.member("collapsed", collapsed);
  if (with_classes && layer.classes) write_classes(json, *layer.classes);
  json.close('}');
}

void write_checkpoint(JsonText& json, const CheckpointResult& checkpoint, const CheckpointCollapse& collapse,
                      bool is_last) {
  json.open('{').member("path", checkpoint.path).member("id", checkpoint.id).member("step", checkpoint.step);
  if (checkpoint.task != "regression") json.member("task", checkpoint.task);
  json.member("samples", checkpoint.samples);
  write_values(json.key("targets"), checkpoint.targets);
  write_notes(json.key("target_notes"), checkpoint.targets);
  if (!checkpoint.depth.all().empty()) {
    write_depth(json.key("depth"), checkpoint.depth);
  }
  json.key("layers").open('[');
  for (std::size_t i = 0; i < checkpoint.layers.size(); ++i) {
    write_layer(json, checkpoint.layers[i], collapse.layers[i], is_last);
  }
  json.close(']');
  write_failed_layers(json, checkpoint);
  if (is_last && checkpoint.classes) write_classes(json, *checkpoint.classes);
  const std::size_t failed = checkpoint.failed_layers.size();
  const std::size_t layers = checkpoint.layers.size() + failed;
  const auto unknown =
      failed + static_cast<std::size_t>(std::ranges::count(collapse.layers, std::optional<bool>()));
  json.key("collapse").open('{');
  json.member("from_layer", layer_name(checkpoint, collapse.from));
  json.member("from_position", collapse.from);
  json.member("layers_collapsed", collapse.from ? checkpoint.layers.size() - *collapse.from : 0);
  json.member("layers_unknown", unknown).member("layers", layers);
  json.close('}').close('}');
}

// Since which checkpoint of the run: its step and its position; and what the one before it leaves open.
void write_since(JsonText& json, const Results& results, const Run& run, std::optional<std::size_t> since,
                 BeforeSince before) {
  json.member("since_step", since ? results.checkpoints[run.checkpoints[*since]].step : std::nullopt);
  json.member("since_checkpoint", since);
  json.key("before");
  if (before == BeforeSince::not_collapsed) {
    json.null();
  } else {
    json.value(before == BeforeSince::unknown ? "unknown" : "not measured");
  }
}

void write_run_collapse(JsonText& json, const Results& results, const Run& run, const RunCollapse& collapse) {
  const CheckpointResult& last = results.checkpoints[run.checkpoints.back()];
  json.open('{').key("layers").open('{');
  for (const LayerSince& layer : collapse.layers) {
    json.key(layer.layer).open('{');
    write_since(json, results, run, layer.checkpoint, layer.before);
    json.close('}');
  }
  json.close('}').member("last_from_layer", layer_name(last, collapse.checkpoints.back().from));
  const LayerSince none;
  const LayerSince& deepest = last.last_layer() == nullptr ? none : collapse.layers.back();
  write_since(json, results, run, deepest.checkpoint, deepest.before);
  json.close('}');
}

void write_not_measured(JsonText& json, const std::vector<NotMeasured>& all) {
  json.key("not_measured").open('[');
  for (const NotMeasured& some : all) {
    json.open('{').key(some.are_layers ? "layers" : "metrics").list(some.names);
    json.key("checkpoints").list(some.checkpoints).member("of", some.of).close('}');
  }
  json.close(']');
}

void write_last_layer(JsonText& json, const CheckpointResult& last) {
  json.key("intrinsic_dimension");
  if (const std::optional<IntrinsicDimension> dimension = intrinsic_dimension(last)) {
    json.open('{').member("layer", dimension->layer).member("metric", "feature_dims_99");
    json.member("learned", dimension->learned).member("targets_rank", dimension->targets_rank).close('}');
  } else {
    json.null();
  }
  json.key("ufm");
  if (const std::optional<UfmDistance> distance = ufm_distance(last)) {
    json.open('{').member("layer", distance->layer);
    for (const auto& [name, value] : distance->values) json.member(name, value);
    json.close('}');
  } else {
    json.null();
  }
}

void write_death(JsonText& json, const Run& run) {
  json.key("dead");
  if (!run.death) {
    json.null();
    return;
  }
  json.open('{').member("since_step", run.death->step).member("checkpoints_before", run.death->alive);
  json.member("reason", run.death->reason).close('}');
}

void write_run(JsonText& json, const Results& results, const Run& run, const TaskCriteria& criteria) {
  const Criteria& asked = criteria.of(results.checkpoints[run.checkpoints.back()]);
  const RunCollapse collapse = run_collapse(results, run, asked);
  json.open('{').member("name", run.name);
  json.member("step_unit", run.step_unit.empty() ? std::nullopt : std::optional(run.step_unit));
  json.key("attributes").open('{');
  for (const auto& [name, value] : run.attributes) write_attribute(json.key(name), value);
  json.close('}');
  write_death(json, run);
  json.key("checkpoints").open('[');
  for (std::size_t i = 0; i < run.checkpoints.size(); ++i) {
    write_checkpoint(json, results.checkpoints[run.checkpoints[i]], collapse.checkpoints[i],
                     i + 1 == run.checkpoints.size());
  }
  json.close(']').key("collapse");
  write_run_collapse(json, results, run, collapse);
  write_not_measured(json, not_measured(results, run, asked));
  write_last_layer(json, results.checkpoints[run.checkpoints.back()]);
  json.close('}');
}

// Each names its task where the results have both, and those differ.
void write_criteria(JsonText& json, const Results& results, const TaskCriteria& criteria) {
  const std::vector<std::string> tasks = tasks_told_apart(criteria, results);
  json.open('[');
  for (const std::string& task : tasks) {
    for (const Criterion& criterion : task == "regression" ? criteria.regression : criteria.classification) {
      json.open('{').member("metric", criterion.metric);
      json.member("comparison", comparison_text(criterion.comparison));
      json.member("threshold", criterion.threshold);
      if (is_of_last_layer(criterion.metric)) json.member("last_layer_only", true);
      if (tasks.size() > 1) json.member("task", task);
      json.close('}');
    }
  }
  json.close(']');
}

void write_statistics(JsonText& json, const std::vector<MetricStatistic>& statistics) {
  json.open('{');
  for (const auto& [metric, statistic] : statistics) {
    json.key(metric).open('{').member("mean", statistic.mean).member("spread", statistic.spread);
    json.member("count", statistic.count).close('}');
  }
  json.close('}');
}

void write_comparison(JsonText& json, const RunComparison& comparison, const std::vector<Run>& runs) {
  json.open('{').key("by").list(comparison.by);
  json.key("groups").open('[');
  for (const RunGroup& group : comparison.groups) {
    json.open('{').key("values").open('{');
    for (std::size_t i = 0; i < comparison.by.size(); ++i) {
      write_attribute(json.key(comparison.by[i]), group.values[i]);
    }
    json.close('}').key("runs").open('[');
    for (const std::size_t i : group.runs) json.value(runs[i].name);
    json.close(']').key("dead").open('[');
    for (const std::size_t i : group.dead) json.value(runs[i].name);
    json.close(']').key("last").open('[');
    for (const LayerStatistics& layer : group.last) {
      json.open('{').member("layer", layer.layer).member("position", layer.position).key("metrics");
      write_statistics(json, layer.metrics);
      json.close('}');
    }
    json.close(']').key("last_layer").open('{').key("layers").list(group.deepest_layers).key("metrics");
    write_statistics(json, group.deepest);
    json.close('}').key("targets");
    write_statistics(json, group.targets);
    json.close('}');
  }
  json.close(']').close('}');
}

void write_metric_info(JsonText& json, std::string_view name, bool of_layers, const MetricInfo* info) {
  json.open('{').member("name", name).member("scope", of_layers ? "layer" : "targets");
  json.member("summary", info == nullptr ? std::string_view{} : info->summary).key("better");
  if (info == nullptr || info->trend == MetricTrend::none) {
    json.null();
  } else {
    json.value(info->trend == MetricTrend::low ? "low" : "high");
  }
  json.key("range");
  if (info != nullptr && info->range.minimum) {
    json.open('[').value(info->range.minimum).value(info->range.maximum).close(']');
  } else {
    json.null();
  }
  json.member("log", info != nullptr && info->logarithmic).close('}');
}

// The metrics that occur, those of the catalogue in its order, then any other.
void write_metrics(JsonText& json, const Results& results) {
  const auto write_scope = [&](bool of_layers, const std::vector<const MetricSet*>& sets) {
    std::unordered_set<std::string_view> names;
    std::vector<std::string_view> unknown;
    for (const MetricSet* set : sets) {
      for (const Metric& metric : set->all()) {
        if (names.insert(metric.name).second && find_metric_info(metric.name) == nullptr) {
          unknown.push_back(metric.name);
        }
      }
    }
    for (const MetricInfo& info : metric_catalogue()) {
      if (names.contains(info.name)) write_metric_info(json, info.name, of_layers, &info);
    }
    for (const std::string_view name : unknown) write_metric_info(json, name, of_layers, nullptr);
  };
  std::vector<const MetricSet*> targets;
  std::vector<const MetricSet*> layers;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    targets.push_back(&checkpoint.targets);
    for (const LayerResult& layer : checkpoint.layers) layers.push_back(&layer.metrics);
  }
  json.open('[');
  write_scope(false, targets);
  write_scope(true, layers);
  json.close(']');
}

}  // namespace

std::string report_json(const Results& results, const RunReport& report) {
  const std::vector<Run> runs = group_runs(results);
  const RunComparison comparison = compare_runs(results, runs, report.by);
  JsonText json;
  json.open('{').member("format", "collapscope-report").member("format_version", std::int64_t{1});
  json.member("title", report_title(report, runs)).member("version", build_info().version);
  json.member("generated", report.generated).key("sources").list(report.sources);
  json.key("warnings").list(report.warnings);
  json.key("criteria");
  write_criteria(json, results, report.criteria);
  json.key("metrics");
  write_metrics(json, results);
  json.key("failures").open('[');
  for (const Failure& failure : results.failures) {
    json.open('{').member("path", failure.path).member("object", failure.object);
    json.member("message", failure.message);
    if (!failure.run.empty()) json.member("run", failure.run).member("step", failure.step);
    if (!failure.split.empty()) json.member("split", failure.split);
    json.close('}');
  }
  json.close(']').key("runs").open('[');
  for (const Run& run : runs) write_run(json, results, run, report.criteria);
  json.close(']').key("never_alive").list(runs_never_alive(results)).key("comparison");
  write_comparison(json, comparison, runs);
  json.close('}');
  return std::move(json).text();
}

}  // namespace collapscope
