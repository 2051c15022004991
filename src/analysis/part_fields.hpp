// What a part of an analysis carries beside sums, field by field.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "analysis/label_sums.hpp"
#include "analysis/layer_format.hpp"
#include "analysis/layer_messages.hpp"
#include "analysis/measure.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/metrics/summaries.hpp"
#include "core/pack.hpp"

namespace collapscope {

// Of an analysis in parts.
struct PartInput {
  AnalysisOptions options;
  std::string metrics;  // their list
  std::vector<Checkpoint> checkpoints;
  std::vector<Failure> failures = {};  // what could not be opened
  std::string device = {};             // that folded the part
};

struct PartTargets {
  std::optional<Failure> failure;
  std::optional<Failure> model_failure;
  TargetSummary summary;
  // Of an accumulator, which goes on from there; else nothing.
  std::optional<Moments> moments = {};
  std::optional<ModelSums> model = {};
  std::optional<LabelSums> labels = {};  // of classification, in place of these
};

[[nodiscard]] constexpr Looks last_enumerator(Looks /*of*/) { return Looks::two; }
[[nodiscard]] constexpr Precision last_enumerator(Precision /*of*/) { return Precision::float64_emulated; }
[[nodiscard]] constexpr SpectrumChoice last_enumerator(SpectrumChoice /*of*/) {
  return SpectrumChoice::leading;
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Checkpoint>
void each_field(T& value, const Visit& visit) { visit("shards", value.shards); }

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, AnalysisOptions>
void each_field(T& value, const Visit& visit) {
  visit("layers", value.layers);
  visit("signal_dim", value.signal_dim);
  visit("intrinsic_signal_dim", value.intrinsic_signal_dim);
  visit("top", value.top);
  visit("pool", value.pool);
  visit("per_class", value.per_class);
  visit("looks", value.looks);
  visit("precision", value.precision);
  visit("spectrum", value.spectrum);
  visit("ignore_label", value.ignore_label);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, PartInput>
void each_field(T& value, const Visit& visit) {
  visit("options", value.options);
  visit("metrics", value.metrics);
  visit("checkpoints", value.checkpoints);
  visit("failures", value.failures);
  visit("device", value.device);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Balancedness>
void each_field(T& value, const Visit& visit) {
  visit("difference", value.difference);
  visit("size", value.size);
  visit("rounding", value.rounding);
  visit("note", value.note);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LayerWeight>
void each_field(T& value, const Visit& visit) {
  visit("matrix", value.matrix);
  visit("convolution", value.convolution);
  visit("missing", value.missing);
  visit("bias", value.bias);
  visit("balance", value.balance);
  visit("no_balance", value.no_balance);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Eigenbasis>
void each_field(T& value, const Visit& visit) {
  visit("values", value.values);
  visit("vectors", value.vectors);
  visit("rest_trace", value.rest_trace);
  visit("rest_norm", value.rest_norm);
  visit("complete", value.complete);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ModelErrors>
void each_field(T& value, const Visit& visit) {
  visit("mse", value.mse);
  visit("mae", value.mae);
  visit("error_moment", value.error_moment);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, UfmStrengths>
void each_field(T& value, const Visit& visit) {
  visit("lambda_w", value.lambda_w);
  visit("lambda_h", value.lambda_h);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ClassTargets>
void each_field(T& value, const Visit& visit) {
  visit("labels", value.labels);
  visit("counts", value.counts);
  visit("ignored", value.ignored);
  visit("accuracy", value.accuracy);
  visit("cross_entropy", value.cross_entropy);
  visit("right", value.right);
  visit("no_model", value.no_model);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, TargetSummary>
void each_field(T& value, const Visit& visit) {
  visit("samples", value.samples);
  visit("spectrum", value.spectrum);
  visit("root", value.root);
  visit("mean_square", value.mean_square);
  visit("unit_roundoff", value.unit_roundoff);
  visit("model", value.model);
  visit("no_model", value.no_model);
  visit("ufm", value.ufm);
  visit("no_ufm", value.no_ufm);
  visit("classes", value.classes);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, PartTargets>
void each_field(T& value, const Visit& visit) {
  visit("failure", value.failure);
  visit("model_failure", value.model_failure);
  visit("summary", value.summary);
  visit("moments", value.moments);
  visit("model", value.model);
  visit("labels", value.labels);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ModelSums>
void each_field(T& value, const Visit& visit) {
  visit("samples", value.samples);
  visit("squares", value.squares);
  visit("absolutes", value.absolutes);
  visit("error_moment", value.error_moment);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LogitSums>
void each_field(T& value, const Visit& visit) {
  visit("columns", value.columns);
  visit("samples", value.samples);
  visit("entropy", value.entropy);
  visit("right", value.right);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LabelSums>
void each_field(T& value, const Visit& visit) {
  visit("counts", value.counts);
  visit("ignored", value.ignored);
  visit("model", value.model);
}

}  // namespace collapscope
