// What a part of an analysis carries beside sums, field by field.
#pragma once

#include <string>
#include <type_traits>
#include <vector>

#include "analysis/layer_format.hpp"
#include "analysis/layer_messages.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/metrics/summaries.hpp"
#include "core/pack.hpp"

namespace collapscope {

// Of an analysis in parts.
struct PartInput {
  AnalysisOptions options;
  std::string metrics;  // their list
  std::vector<Checkpoint> checkpoints;
};

struct PartTargets {
  std::optional<Failure> failure;
  std::optional<Failure> model_failure;
  TargetSummary summary;
};

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ElementType>
void each_field(T& value, const Visit& visit) {
  visit("kind", value.kind);
  visit("big_endian", value.big_endian);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, MissingValue>
void each_field(T& value, const Visit& visit) {
  visit("attribute", value.attribute);
  visit("value", value.value);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, StorageLoss>
void each_field(T& value, const Visit& visit) {
  visit("step", value.step);
  visit("relative", value.relative);
  visit("unknown", value.unknown);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, StoredFilter>
void each_field(T& value, const Visit& visit) {
  visit("kind", value.kind);
  visit("element_size", value.element_size);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ChunkStore>
void each_field(T& value, const Visit& visit) {
  visit("base", value.base);
  visit("root", value.root);
  visit("node_bytes", value.node_bytes);
  visit("filters", value.filters);
}

// But for the sources of virtual datasets, which HDF5 then reads, and the state of the file, which the part's
// identity has.
template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, DatasetIndex>
void each_field(T& value, const Visit& visit) {
  visit("file", value.file);
  visit("object", value.object);
  visit("shape", value.shape);
  visit("element", value.element);
  visit("storage", value.storage);
  visit("chunk", value.chunk);
  visit("filters", value.filters);
  visit("stored_bytes", value.stored_bytes);
  visit("folder", value.folder);
  visit("chunk_store", value.chunk_store);
  visit("through_hdf5", value.through_hdf5);
  visit("hdf5_bytes", value.hdf5_bytes);
  visit("hole_bytes", value.hole_bytes);
  visit("address", value.address);
  visit("read_as", value.read_as);
  visit("type_is_said", value.type_is_said);
  visit("samples_last", value.samples_last);
  visit("missing", value.missing);
  visit("loss", value.loss);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LayerIndex>
void each_field(T& value, const Visit& visit) {
  visit("name", value.name);
  visit("index", value.index);
  visit("kind", value.kind);
  visit("layout", value.layout);
  visit("pool", value.pool);
  visit("activations", value.activations);
  visit("weight", value.weight);
  visit("bias", value.bias);
  visit("weight_transposed", value.weight_transposed);
  visit("kernel_order", value.kernel_order);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, CheckpointIndex>
void each_field(T& value, const Visit& visit) {
  visit("path", value.path);
  visit("id", value.id);
  visit("run", value.run);
  visit("step", value.step);
  visit("task", value.task);
  visit("attributes", value.attributes);
  visit("is_complete", value.is_complete);
  visit("targets", value.targets);
  visit("predictions", value.predictions);
  visit("layers", value.layers);
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
  visit("looks", value.looks);
  visit("precision", value.precision);
  visit("spectrum", value.spectrum);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, PartInput>
void each_field(T& value, const Visit& visit) {
  visit("options", value.options);
  visit("metrics", value.metrics);
  visit("checkpoints", value.checkpoints);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, LayerWeight>
void each_field(T& value, const Visit& visit) {
  visit("matrix", value.matrix);
  visit("convolution", value.convolution);
  visit("missing", value.missing);
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
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, PartTargets>
void each_field(T& value, const Visit& visit) {
  visit("failure", value.failure);
  visit("model_failure", value.model_failure);
  visit("summary", value.summary);
}

}  // namespace collapscope
