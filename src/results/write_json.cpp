// Results as JSON, "collapscope-results" version 1 (docs/format.md).
#include <algorithm>
#include <cmath>
#include <map>

#include "collapscope/results/results_file.hpp"
#include "core/utf8.hpp"
#include "json/json_text.hpp"
#include "results/metrics_json.hpp"

namespace collapscope {
namespace {

// An integer where it is one: epochs are counted.
void write_step(JsonText& json, const std::optional<double>& step) {
  if (step && std::trunc(*step) == *step && std::abs(*step) <= 0x1p53) {
    json.value(static_cast<std::int64_t>(*step));
  } else {
    json.value(step);
  }
}

// As the file says; numbers that JSON cannot hold become "nan", "inf" and "-inf".
struct WriteAttribute {
  JsonText& json;

  void operator()(bool flag) const { json.value(flag); }
  void operator()(std::int64_t count) const { json.value(count); }
  void operator()(std::uint64_t count) const { json.value(count); }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      json.value(number);
    } else {
      json.value(std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    }
  }
  void operator()(const std::string& text) const { json.value(text); }
};

void write_attributes(JsonText& json, const CheckpointResult& checkpoint) {
  // Names with invalid bytes may look like others once they are made valid: each stands once, the last
  // counts.
  std::map<std::string, const AttributeValue*> last;
  for (const auto& [name, value] : checkpoint.attributes) last[utf8_text(name)] = &value;
  json.open('{');
  for (const auto& attribute : checkpoint.attributes) {
    const auto found = last.find(utf8_text(attribute.first));
    if (found == last.end()) continue;
    std::visit(WriteAttribute{json.key(found->first)}, *found->second);
    last.erase(found);
  }
  json.close('}');
}

void write_floors(JsonText& json, const MetricSet& metrics) {
  json.open('{');
  for (const Metric& metric : metrics.all()) {
    if (metric.floor) json.member(metric.name, *metric.floor);
  }
  json.close('}');
}

// A column of each class; null where all of it is undefined.
template <class Column>
void write_column(JsonText& json, std::string_view name, const Column& column) {
  json.key(name);
  if (column.empty()) {
    json.null();
  } else {
    json.list(column);
  }
}

void write_classes(JsonText& json, const CheckpointClasses& classes) {
  json.key("classes").open('{');
  write_column(json, "labels", classes.labels);
  write_column(json, "names", classes.names);
  write_column(json, "samples", classes.samples);
  write_column(json, "model_accuracy", classes.model_accuracy);
  json.close('}');
}

void write_classes(JsonText& json, const LayerClasses& classes) {
  json.key("classes").open('{');
  write_column(json, "rows", classes.rows);
  write_column(json, "nearest", classes.nearest);
  each_class_column(classes,
                    [&](const char* name, const ClassColumn& column) { write_column(json, name, column); });
  json.key("notes").open('{');
  for (const auto& [column, reason] : classes.notes) json.member(column, reason);
  json.close('}').close('}');
}

void write_layer(JsonText& json, const LayerResult& layer) {
  json.open('{').member("name", layer.name).member("index", layer.index).member("kind", layer.kind);
  write_values(json.key("metrics"), layer.metrics);
  write_floors(json.key("floors"), layer.metrics);
  write_notes(json.key("notes"), layer.metrics);
  if (layer.classes) write_classes(json, *layer.classes);
  json.close('}');
}

void write_checkpoint(JsonText& json, const CheckpointResult& checkpoint) {
  json.open('{').member("path", checkpoint.path).member("id", checkpoint.id);
  json.member("run", checkpoint.run.empty() ? std::nullopt : std::optional(checkpoint.run));
  write_step(json.key("step"), checkpoint.step);
  json.member("task", checkpoint.task).member("samples", checkpoint.samples);
  write_attributes(json.key("attributes"), checkpoint);
  write_values(json.key("targets"), checkpoint.targets);
  if (std::ranges::any_of(checkpoint.targets.all(), has_note)) {
    write_notes(json.key("target_notes"), checkpoint.targets);
  }
  if (checkpoint.classes) write_classes(json, *checkpoint.classes);
  if (!checkpoint.depth.all().empty()) write_depth(json.key("depth"), checkpoint.depth);
  json.key("layers").open('[');
  for (const LayerResult& layer : checkpoint.layers) write_layer(json, layer);
  json.close(']');
  write_failed_layers(json, checkpoint);
  json.close('}');
}

void write_provenance(JsonText& json, const Provenance& provenance, const std::string& digest) {
  json.open('{').member("version", provenance.version).member("commit", provenance.commit);
  json.member("command", provenance.command).member("device", provenance.device);
  if (!provenance.options.empty()) {
    json.key("options").open('{');
    for (const auto& [name, value] : provenance.options) json.member(name, value);
    json.close('}');
  }
  json.member("precision", provenance.precision)
      .member("threads", provenance.threads)
      .member("ranks", provenance.ranks);
  if (provenance.threads_wanted > 0) json.member("threads_wanted", provenance.threads_wanted);
  json.member("started", provenance.started).member("seconds", provenance.seconds);
  json.member("bytes_read", provenance.bytes_read);
  json.member("rejected_eigenbases", provenance.fallbacks.rejected_eigenbases);
  json.key("fallbacks").open('[');
  for (const Fallback& fallback : provenance.fallbacks.all) {
    json.open('{').member("work", fallback.work).member("to", fallback.to);
    json.member("count", fallback.count).member("reason", fallback.reason).close('}');
  }
  json.close(']').member("digest", digest).close('}');
}

}  // namespace

std::string results_json(const Results& results) {
  JsonText json(JsonStyle::indented);
  json.open('{').member("format", "collapscope-results").member("format_version", std::int64_t{1});
  write_provenance(json.key("provenance"), results.provenance, numbers_digest(results));
  json.key("checkpoints").open('[');
  for (const CheckpointResult& checkpoint : results.checkpoints) write_checkpoint(json, checkpoint);
  json.close(']').key("failures").open('[');
  for (const Failure& failure : results.failures) {
    json.open('{').member("path", failure.path).member("object", failure.object);
    json.member("message", failure.message);
    if (!failure.run.empty()) json.member("run", failure.run).member("step", failure.step);
    if (!failure.split.empty()) json.member("split", failure.split);
    json.close('}');
  }
  json.close(']').close('}');
  return std::move(json).text();
}

}  // namespace collapscope
