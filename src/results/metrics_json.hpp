// Metrics, and layers that have none, as JSON in results and in reports.
#pragma once

#include "collapscope/results/results.hpp"
#include "json/json_text.hpp"

namespace collapscope {

[[nodiscard]] inline bool has_note(const Metric& metric) { return !metric.note.empty(); }

// Objects: by a metric's name its value, or its note where it has one.
void write_values(JsonText& json, const MetricSet& metrics);
void write_notes(JsonText& json, const MetricSet& metrics);
// What goes over depth. By metric: slope, pearson, layers, and notes on these.
void write_depth(JsonText& json, const MetricSet& depth);
// A list of names and positions; no member where no layer failed.
void write_failed_layers(JsonText& json, const CheckpointResult& checkpoint);

}  // namespace collapscope
