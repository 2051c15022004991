#include "results/metrics_json.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "results/depth_name.hpp"

namespace collapscope {

namespace {

struct WriteValue {
  JsonText& json;

  void operator()(std::monostate /*undefined*/) const { json.null(); }
  void operator()(std::int64_t count) const { json.value(count); }
  void operator()(double number) const { json.value(number); }
  void operator()(const std::vector<double>& list) const { json.list(list); }
};

}  // namespace

void write_values(JsonText& json, const MetricSet& metrics) {
  json.open('{');
  for (const Metric& metric : metrics.all()) std::visit(WriteValue{json.key(metric.name)}, metric.value);
  json.close('}');
}

void write_notes(JsonText& json, const MetricSet& metrics) {
  json.open('{');
  for (const Metric& metric : metrics.all()) {
    if (has_note(metric)) json.member(metric.name, metric.note);
  }
  json.close('}');
}

void write_depth(JsonText& json, const MetricSet& depth) {
  json.open('{');
  for (auto begin = depth.all().begin(); begin != depth.all().end();) {
    const std::string metric = split_depth_name(begin->name).metric;
    const auto end = std::find_if(begin, depth.all().end(), [&](const Metric& other) {
      return split_depth_name(other.name).metric != metric;
    });
    json.key(metric).open('{');
    for (auto part = begin; part != end; ++part) {
      std::visit(WriteValue{json.key(split_depth_name(part->name).part)}, part->value);
    }
    if (std::any_of(begin, end, has_note)) {
      json.key("notes").open('{');
      for (auto part = begin; part != end; ++part) {
        if (has_note(*part)) json.member(split_depth_name(part->name).part, part->note);
      }
      json.close('}');
    }
    json.close('}');
    begin = end;
  }
  json.close('}');
}

void write_failed_layers(JsonText& json, const CheckpointResult& checkpoint) {
  if (checkpoint.failed_layers.empty()) return;
  json.key("failed_layers").open('[');
  for (const MissingLayer& layer : checkpoint.failed_layers) {
    json.open('{').member("name", layer.name).member("position", layer.position).close('}');
  }
  json.close(']');
}

}  // namespace collapscope
