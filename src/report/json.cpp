// Results as JSON, "collapscope-results" version 1.
#include <cmath>
#include <nlohmann/json.hpp>

#include "collapscope/report.hpp"
#include "report/json_emitter.hpp"
#include "report/utf8.hpp"

namespace collapscope {
namespace {

using Json = nlohmann::ordered_json;

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

// An integer where it is one: epochs are counted.
Json step_json(const std::optional<double>& step) {
  if (!step) return {};
  if (std::trunc(*step) == *step && std::abs(*step) <= 0x1p53) return static_cast<std::int64_t>(*step);
  return finite(*step);
}

struct ValueJson {
  Json operator()(std::monostate /*undefined*/) const { return {}; }
  Json operator()(std::int64_t count) const { return count; }
  Json operator()(double number) const { return finite(number); }
  Json operator()(const std::vector<double>& list) const {
    Json out = Json::array();
    for (const double number : list) out.push_back(finite(number));
    return out;
  }
};

// As the file says; numbers that JSON cannot hold become "nan", "inf" and "-inf".
struct AttributeJson {
  Json operator()(bool flag) const { return flag; }
  Json operator()(std::int64_t count) const { return count; }
  Json operator()(std::uint64_t count) const { return count; }
  Json operator()(double number) const {
    if (std::isfinite(number)) return number;
    if (std::isnan(number)) return "nan";
    return number > 0 ? "inf" : "-inf";
  }
  Json operator()(const std::string& text) const { return utf8_text(text); }
};

Json values_json(const MetricSet& metrics) {
  Json out = Json::object();
  for (const Metric& metric : metrics.all()) out[metric.name] = std::visit(ValueJson{}, metric.value);
  return out;
}

Json floors_json(const MetricSet& metrics) {
  Json out = Json::object();
  for (const Metric& metric : metrics.all()) {
    if (metric.floor) out[metric.name] = finite(*metric.floor);
  }
  return out;
}

Json notes_json(const MetricSet& metrics) {
  Json out = Json::object();
  for (const Metric& metric : metrics.all()) {
    if (!metric.note.empty()) out[metric.name] = utf8_text(metric.note);
  }
  return out;
}

Json layer_json(const LayerResult& layer) {
  return {{"name", utf8_text(layer.name)},        {"index", layer.index ? Json(*layer.index) : Json()},
          {"kind", utf8_text(layer.kind)},        {"metrics", values_json(layer.metrics)},
          {"floors", floors_json(layer.metrics)}, {"notes", notes_json(layer.metrics)}};
}

Json checkpoint_json(const CheckpointResult& checkpoint) {
  Json out = {{"path", utf8_text(checkpoint.path)},
              {"id", utf8_text(checkpoint.id)},
              {"run", checkpoint.run.empty() ? Json() : Json(utf8_text(checkpoint.run))},
              {"step", step_json(checkpoint.step)},
              {"task", utf8_text(checkpoint.task)},
              {"samples", checkpoint.samples},
              {"attributes", Json::object()},
              {"targets", values_json(checkpoint.targets)}};
  for (const auto& [name, value] : checkpoint.attributes) {
    out["attributes"][utf8_text(name)] = std::visit(AttributeJson{}, value);
  }
  if (Json notes = notes_json(checkpoint.targets); !notes.empty()) out["target_notes"] = std::move(notes);
  out["layers"] = Json::array();
  for (const LayerResult& layer : checkpoint.layers) out["layers"].push_back(layer_json(layer));
  return out;
}

Json provenance_json(const Provenance& provenance) {
  return {{"version", utf8_text(provenance.version)},     {"commit", utf8_text(provenance.commit)},
          {"command", utf8_text(provenance.command)},     {"device", utf8_text(provenance.device)},
          {"precision", utf8_text(provenance.precision)}, {"threads", provenance.threads},
          {"started", utf8_text(provenance.started)},     {"seconds", finite(provenance.seconds)},
          {"bytes_read", provenance.bytes_read}};
}

}  // namespace

std::string results_json(const Results& results) {
  Json tree = {{"format", "collapscope-results"},
               {"format_version", 1},
               {"provenance", provenance_json(results.provenance)},
               {"checkpoints", Json::array()},
               {"failures", Json::array()}};
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    tree["checkpoints"].push_back(checkpoint_json(checkpoint));
  }
  for (const Failure& failure : results.failures) {
    tree["failures"].push_back({{"path", utf8_text(failure.path)},
                                {"object", utf8_text(failure.object)},
                                {"message", utf8_text(failure.message)}});
  }
  return emit_json(tree);
}

}  // namespace collapscope
