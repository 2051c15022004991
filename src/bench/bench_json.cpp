// A benchmark as JSON, "collapscope-bench" version 1. Seconds, bytes, operations; rates per second.
#include "collapscope/bench.hpp"
#include "report/json_emitter.hpp"
#include "report/utf8.hpp"

namespace collapscope {

namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

struct FactJson {
  Json operator()(std::int64_t count) const { return count; }
  Json operator()(double number) const { return number; }
  Json operator()(const std::string& text) const { return utf8_text(text); }
};

Json facts_json(const std::vector<Fact>& facts) {
  Json out = Json::object();
  for (const Fact& fact : facts) {
    out[fact.name] = std::visit(FactJson{}, fact.value);
  }
  return out;
}

Json timing_json(const Timing& time) {
  return {{"runs", time.runs},
          {"median", time.median},
          {"lower_quartile", time.lower_quartile},
          {"upper_quartile", time.upper_quartile},
          {"least", time.least},
          {"most", time.most}};
}

Json stage_json(const StageResult& stage) {
  Json out = {{"name", stage.name},   {"seconds", timing_json(stage.time)},
              {"bytes", stage.bytes}, {"flops", stage.flops},
              {"rate", stage.rate()}, {"unit", stage.counts_flops ? "flop/s" : "B/s"}};
  if (!stage.detail.empty()) {
    out["detail"] = utf8_text(stage.detail);
  }
  return out;
}

Json shape_json(const ShapeResult& shape) {
  Json out = {{"type", shape.type},       {"unit_roundoff", shape.unit_roundoff},
              {"rows", shape.rows},       {"features", shape.features},
              {"targets", shape.targets}, {"stored_bytes", shape.stored_bytes},
              {"stages", Json::array()}};
  const double stored = static_cast<double>(shape.stored_bytes);
  for (const StageResult& stage : shape.stages) {
    Json entry = stage_json(stage);
    entry["stored_rate"] = stored / stage.time.median;
    entry["ceiling"] = stage.ceiling.empty() ? Json() : Json(stage.ceiling);
    entry["ceiling_rate"] = stage.ceiling.empty() ? Json() : Json(stage.ceiling_rate);
    entry["of_ceiling"] = stage.ceiling.empty() ? Json() : Json(stage.rate() / stage.ceiling_rate);
    out["stages"].push_back(std::move(entry));
  }
  const StageResult* pipeline = shape.find("pipeline");
  const bool has_floor = shape.floor_seconds && pipeline != nullptr;
  out["floor"] = has_floor ? Json{{"seconds", *shape.floor_seconds},
                                  {"parts", shape.floor_parts},
                                  {"overlap", shape.floor_overlaps},
                                  {"pipeline_over_floor", pipeline->time.median / *shape.floor_seconds}}
                           : Json();
  out["accuracy"] = {{"covariance_error", number_or_null(shape.covariance_error)},
                     {"covariance_rows", shape.covariance_rows},
                     {"planted_deep_nrc1_error", number_or_null(shape.planted_error)},
                     {"planted_rows", shape.planted_rows}};
  out["notes"] = Json::array();
  for (const std::string& note : shape.notes) {
    out["notes"].push_back(utf8_text(note));
  }
  out["failure"] = shape.failure.empty() ? Json() : Json(utf8_text(shape.failure));
  return out;
}

}  // namespace

std::string bench_json(const BenchReport& report) {
  Json tree = {{"format", "collapscope-bench"},
               {"format_version", 1},
               {"provenance",
                {{"version", utf8_text(report.version)},
                 {"commit", utf8_text(report.commit)},
                 {"command", utf8_text(report.command)},
                 {"started", report.started},
                 {"seconds", report.seconds}}},
               {"machine", facts_json(report.machine)},
               {"libraries", facts_json(report.libraries)},
               {"device", {{"description", utf8_text(report.device)}, {"threads", report.threads}}},
               {"ceilings", Json::array()},
               {"shapes", Json::array()}};
  tree["device"].update(facts_json(report.device_facts));
  for (const StageResult& ceiling : report.ceilings) {
    tree["ceilings"].push_back(stage_json(ceiling));
  }
  for (const ShapeResult& shape : report.shapes) {
    tree["shapes"].push_back(shape_json(shape));
  }
  return emit_json(tree);
}

}  // namespace collapscope
