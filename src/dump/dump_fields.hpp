// The fields of what is in a dump, by name: for messages and files.
#pragma once

#include <type_traits>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

[[nodiscard]] constexpr ElementKind last_enumerator(ElementKind /*of*/) { return ElementKind::uint64; }
[[nodiscard]] constexpr Layout last_enumerator(Layout /*of*/) { return Layout::nhwc; }
[[nodiscard]] constexpr Pool last_enumerator(Pool /*of*/) { return Pool::none; }
[[nodiscard]] constexpr Storage last_enumerator(Storage /*of*/) { return Storage::raw; }
[[nodiscard]] constexpr ChunkFilter last_enumerator(ChunkFilter /*of*/) { return ChunkFilter::lzf; }
[[nodiscard]] constexpr KernelOrder last_enumerator(KernelOrder /*of*/) { return KernelOrder::outputs_last; }

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ElementType>
void each_field(T& value, const Visit& visit) {
  visit("kind", value.kind);
  visit("big_endian", value.big_endian);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, NamedLayout>
void each_field(T& value, const Visit& visit) {
  visit("layout", value.layout);
  visit("axes", value.axes);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, FileState>
void each_field(T& value, const Visit& visit) {
  visit("bytes", value.bytes);
  visit("modified", value.modified);
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

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, SampleRange>
void each_field(T& value, const Visit& visit) {
  visit("first", value.first);
  visit("count", value.count);
  visit("source", value.source);
  visit("source_first", value.source_first);
}

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
  visit("state", value.state);
  visit("chunk_store", value.chunk_store);
  visit("through_hdf5", value.through_hdf5);
  visit("hdf5_bytes", value.hdf5_bytes);
  visit("sources", value.sources);
  visit("hole_bytes", value.hole_bytes);
  visit("address", value.address);
  visit("read_as", value.read_as);
  visit("type_is_said", value.type_is_said);
  visit("samples_last", value.samples_last);
  visit("missing", value.missing);
  visit("holds_labels", value.holds_labels);
  visit("loss", value.loss);
  visit("fills", value.fills);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, VirtualSamples>
void each_field(T& value, const Visit& visit) {
  visit("sources", value.sources);
  visit("ranges", value.ranges);
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
  visit("unused_bias", value.unused_bias);
  visit("weight_transposed", value.weight_transposed);
  visit("kernel_order", value.kernel_order);
  visit("place", value.place);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, FailedLayer>
void each_field(T& value, const Visit& visit) {
  visit("name", value.name);
  visit("place", value.place);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, Failure>
void each_field(T& value, const Visit& visit) {
  visit("path", value.path);
  visit("object", value.object);
  visit("message", value.message);
  visit("run", value.run);
  visit("step", value.step);
  visit("split", value.split);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, CheckpointIndex>
void each_field(T& value, const Visit& visit) {
  visit("path", value.path);
  visit("id", value.id);
  visit("run", value.run);
  visit("step", value.step);
  visit("task", value.task);
  visit("task_is_said", value.task_is_said);
  visit("attributes", value.attributes);
  visit("is_complete", value.is_complete);
  visit("targets", value.targets);
  visit("predictions", value.predictions);
  visit("refused_predictions", value.refused_predictions);
  visit("class_names", value.class_names);
  visit("layers", value.layers);
  visit("failed_layers", value.failed_layers);
  visit("places", value.places);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, DumpIndex>
void each_field(T& value, const Visit& visit) {
  visit("checkpoints", value.checkpoints);
  visit("failures", value.failures);
  visit("remarks", value.remarks);
  visit("lost", value.lost);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, DumpNaming>
void each_field(T& value, const Visit& visit) {
  visit("activations", value.activations);
  visit("targets", value.targets);
  visit("predictions", value.predictions);
  visit("weight", value.weight);
  visit("bias", value.bias);
  visit("transpose_activations", value.transpose_activations);
  visit("transpose_weight", value.transpose_weight);
  visit("layout", value.layout);
  visit("weight_layout", value.weight_layout);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, IndexOptions>
void each_field(T& value, const Visit& visit) {
  visit("naming", value.naming);
  visit("layers", value.layers);
  visit("read_as", value.read_as);
  visit("task", value.task);
  visit("max_chunk_bytes", value.max_chunk_bytes);
  visit("memory", value.memory);
}

template <class T, class Visit>
requires std::is_same_v<std::remove_const_t<T>, ReadOptions>
void each_field(T& value, const Visit& visit) {
  visit("cache_bytes", value.cache_bytes);
  visit("threads", value.threads);
  visit("buffer_bytes", value.buffer_bytes);
}

}  // namespace collapscope
