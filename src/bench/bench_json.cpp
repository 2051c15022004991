// A benchmark as JSON, "collapscope-bench" version 1. Seconds, bytes, operations; rates per second.
#include "collapscope/bench/bench.hpp"
#include "json/json_text.hpp"

namespace collapscope {

namespace {

void write_facts(JsonText& json, const std::vector<Fact>& facts) {
  for (const Fact& fact : facts) {
    json.key(fact.name);
    std::visit([&](const auto& value) { json.value(value); }, fact.value);
  }
}

void write_timing(JsonText& json, const Timing& time) {
  json.open('{').member("runs", time.runs).member("median", time.median);
  json.member("lower_quartile", time.lower_quartile).member("upper_quartile", time.upper_quartile);
  json.member("least", time.least).member("most", time.most).close('}');
}

// Leaves the object open.
void open_stage(JsonText& json, const StageResult& stage) {
  json.open('{').member("name", stage.name);
  write_timing(json.key("seconds"), stage.time);
  json.member("bytes", stage.bytes).member("flops", stage.flops).member("rate", stage.rate());
  json.member("unit", stage.counts_flops ? "flop/s" : "B/s");
  if (!stage.detail.empty()) {
    json.member("detail", stage.detail);
  }
}

void write_stage(JsonText& json, const StageResult& stage, double stored_bytes) {
  open_stage(json, stage);
  json.member("stored_rate", stored_bytes / stage.time.median);
  if (stage.ceiling.empty()) {
    json.key("ceiling").null().key("ceiling_rate").null().key("of_ceiling").null();
  } else {
    json.member("ceiling", stage.ceiling).member("ceiling_rate", stage.ceiling_rate);
    json.member("of_ceiling", stage.rate() / stage.ceiling_rate);
  }
  json.close('}');
}

void write_floor(JsonText& json, const ShapeResult& shape) {
  const StageResult* pipeline = shape.find("pipeline");
  if (!shape.floor_seconds || pipeline == nullptr) {
    json.null();
    return;
  }
  json.open('{').member("seconds", *shape.floor_seconds).key("parts").list(shape.floor_parts);
  json.member("overlap", shape.floor_overlaps);
  json.member("pipeline_over_floor", pipeline->time.median / *shape.floor_seconds).close('}');
}

void write_shape(JsonText& json, const ShapeResult& shape) {
  json.open('{').member("type", shape.type).member("unit_roundoff", shape.unit_roundoff);
  json.member("rows", shape.rows).member("features", shape.features).member("targets", shape.targets);
  json.member("stored_bytes", shape.stored_bytes).key("stages").open('[');
  for (const StageResult& stage : shape.stages) {
    write_stage(json, stage, static_cast<double>(shape.stored_bytes));
  }
  json.close(']').key("floor");
  write_floor(json, shape);
  json.key("accuracy").open('{').member("covariance_error", shape.covariance_error);
  json.member("covariance_rows", shape.covariance_rows);
  json.member("planted_deep_nrc1_error", shape.planted_error);
  json.member("planted_rows", shape.planted_rows).close('}');
  json.key("notes").list(shape.notes);
  json.member("failure", shape.failure.empty() ? std::nullopt : std::optional(shape.failure)).close('}');
}

}  // namespace

std::string bench_json(const BenchReport& report) {
  JsonText json(JsonStyle::indented);
  json.open('{').member("format", "collapscope-bench").member("format_version", std::int64_t{1});
  json.key("provenance").open('{').member("version", report.version).member("commit", report.commit);
  json.member("command", report.command).member("started", report.started);
  json.member("seconds", report.seconds).close('}').key("machine").open('{');
  write_facts(json, report.machine);
  json.close('}').key("libraries").open('{');
  write_facts(json, report.libraries);
  json.close('}').key("device").open('{').member("description", report.device);
  json.member("threads", report.threads);
  write_facts(json, report.device_facts);
  json.close('}').key("ceilings").open('[');
  for (const StageResult& ceiling : report.ceilings) {
    open_stage(json, ceiling);
    json.close('}');
  }
  json.close(']').key("shapes").open('[');
  for (const ShapeResult& shape : report.shapes) {
    write_shape(json, shape);
  }
  json.close(']').close('}');
  return std::move(json).text();
}

}  // namespace collapscope
