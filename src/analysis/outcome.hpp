// What has come of a checkpoint on one rank, to be sent to the one that writes the results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "analysis/layer_messages.hpp"
#include "collapscope/analysis/state.hpp"
#include "collapscope/core/fallback.hpp"

namespace collapscope {

struct LayerOutcome {
  std::size_t layer = 0;  // of the tasks
  std::optional<MetricSet> metrics;
  std::optional<LayerClasses> classes;
  std::optional<Nrc3Inputs> nrc3;
  std::optional<Failure> failure;
};

struct CheckpointOutcome {
  std::optional<std::uint64_t> samples;  // with `targets`: they were measured
  MetricSet targets;
  std::optional<CheckpointClasses> classes;
  std::optional<Failure> failure;
  std::optional<Failure> model_failure;
  std::vector<LayerOutcome> layers;
};

// How the work has ended.
struct WorkEnd {
  bool was_stopped = false;  // before it was done
  bool is_saved = false;     // another run can go on from here
};

// Of all checkpoints.
struct RankOutcome {
  std::vector<CheckpointOutcome> checkpoints;
  std::uint64_t bytes_read = 0;
  Fallbacks fallbacks;
  WorkEnd end;
};

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Metric>
void each_field(T& metric, const Visit& visit) {
  visit("name", metric.name);
  visit("value", metric.value);
  visit("floor", metric.floor);
  visit("note", metric.note);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, MetricSet>
void each_field(T& metrics, const Visit& visit) { visit("all", metrics.all()); }

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, CheckpointClasses>
void each_field(T& classes, const Visit& visit) {
  visit("labels", classes.labels);
  visit("names", classes.names);
  visit("samples", classes.samples);
  visit("model_accuracy", classes.model_accuracy);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LayerClasses>
void each_field(T& classes, const Visit& visit) {
  visit("rows", classes.rows);
  each_class_column(classes, visit);
  visit("nearest", classes.nearest);
  visit("notes", classes.notes);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Nrc3Inputs>
void each_field(T& inputs, const Visit& visit) {
  visit("layer", inputs.layer);
  visit("gram", inputs.gram);
  visit("root", inputs.root);
  visit("lambda_min", inputs.lambda_min);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Fallback>
void each_field(T& fallback, const Visit& visit) {
  visit("work", fallback.work);
  visit("to", fallback.to);
  visit("reason", fallback.reason);
  visit("count", fallback.count);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Fallbacks>
void each_field(T& fallbacks, const Visit& visit) {
  visit("all", fallbacks.all);
  visit("rejected_eigenbases", fallbacks.rejected_eigenbases);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LayerOutcome>
void each_field(T& outcome, const Visit& visit) {
  visit("layer", outcome.layer);
  visit("metrics", outcome.metrics);
  visit("classes", outcome.classes);
  visit("nrc3", outcome.nrc3);
  visit("failure", outcome.failure);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, CheckpointOutcome>
void each_field(T& outcome, const Visit& visit) {
  visit("samples", outcome.samples);
  visit("targets", outcome.targets);
  visit("classes", outcome.classes);
  visit("failure", outcome.failure);
  visit("model_failure", outcome.model_failure);
  visit("layers", outcome.layers);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, WorkEnd>
void each_field(T& end, const Visit& visit) {
  visit("was_stopped", end.was_stopped);
  visit("is_saved", end.is_saved);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, RankOutcome>
void each_field(T& outcome, const Visit& visit) {
  visit("checkpoints", outcome.checkpoints);
  visit("bytes_read", outcome.bytes_read);
  visit("fallbacks", outcome.fallbacks);
  visit("end", outcome.end);
}

}  // namespace collapscope
