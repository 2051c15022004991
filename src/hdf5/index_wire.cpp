#include "hdf5/index_wire.hpp"

#include <new>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/wire.hpp"

namespace collapscope::hdf5 {

// The parts of each structure, once for both ways. Without a namespace of their own: they are found by their
// arguments.
template <class Wire>
void fields(Wire& wire, FileState& value) {
  wire(value.bytes, value.modified);
}

template <class Wire>
void fields(Wire& wire, StoredFilter& value) {
  wire.enumerator(value.kind, ChunkFilter::lzf);
  wire(value.element_size);
}

template <class Wire>
void fields(Wire& wire, ChunkStore& value) {
  wire(value.base, value.root, value.node_bytes, value.filters);
}

template <class Wire>
void fields(Wire& wire, MissingValue& value) {
  wire(value.attribute, value.value);
}

template <class Wire>
void fields(Wire& wire, StorageLoss& value) {
  wire(value.step, value.relative, value.unknown);
}

template <class Wire>
void fields(Wire& wire, SampleRange& value) {
  std::uint64_t source = value.source;
  wire(value.first, value.count, source, value.source_first);
  value.source = source;
}

template <class Wire>
void fields(Wire& wire, ElementType& value) {
  wire.enumerator(value.kind, ElementKind::uint64);
  wire(value.big_endian);
}

template <class Wire>
void fields(Wire& wire, ElementKind& value) {
  wire.enumerator(value, ElementKind::uint64);
}

template <class Wire>
void fields(Wire& wire, Pool& value) {
  wire.enumerator(value, Pool::none);
}

template <class Wire>
void fields(Wire& wire, NamedLayout& value) {
  std::uint64_t axes = value.axes;
  wire.enumerator(value.layout, Layout::nhwc);
  wire(axes);
  value.axes = axes;
}

template <class Wire>
void fields(Wire& wire, VirtualSamples& value);

template <class Wire>
void fields(Wire& wire, DatasetIndex& value) {
  wire(value.file, value.object, value.shape, value.element);
  wire.enumerator(value.storage, Storage::raw);
  wire(value.chunk, value.filters, value.stored_bytes, value.folder, value.state, value.chunk_store,
       value.through_hdf5, value.hdf5_bytes, value.sources, value.hole_bytes, value.address, value.read_as,
       value.type_is_said, value.samples_last, value.missing, value.loss);
}

template <class Wire>
void fields(Wire& wire, VirtualSamples& value) {
  wire(value.sources, value.ranges);
}

template <class Wire>
void fields(Wire& wire, LayerIndex& value) {
  wire(value.name, value.index, value.kind);
  wire.enumerator(value.layout, Layout::nhwc);
  wire(value.pool, value.activations, value.weight, value.bias, value.weight_transposed);
  wire.enumerator(value.kernel_order, KernelOrder::outputs_last);
}

template <class Wire>
void fields(Wire& wire, Failure& value) {
  wire(value.path, value.object, value.message);
}

template <class Wire>
void fields(Wire& wire, CheckpointIndex& value) {
  wire(value.path, value.id, value.run, value.step, value.task, value.attributes, value.is_complete,
       value.targets, value.predictions, value.layers);
}

template <class Wire>
void fields(Wire& wire, DumpIndex& value) {
  wire(value.checkpoints, value.failures);
}

template <class Wire>
void fields(Wire& wire, DumpNaming& value) {
  wire(value.activations, value.targets, value.predictions, value.weight, value.bias,
       value.transpose_activations, value.transpose_weight, value.layout, value.weight_layout);
}

template <class Wire>
void fields(Wire& wire, IndexOptions& value) {
  wire(value.naming, value.layers, value.read_as, value.max_chunk_bytes, value.memory);
}

template <class Wire>
void fields(Wire& wire, ReadOptions& value) {
  std::uint64_t threads = value.threads;
  wire(value.cache_bytes, threads, value.buffer_bytes);
  value.threads = threads;
}

template <class Wire>
void fields(Wire& wire, ReadRequest& value) {
  wire(value.first, value.count);
}

namespace {

template <class Kind, class... Parts>
std::vector<std::byte> message(Kind kind, Kind last, Parts&... parts) {
  WireWriter wire;
  wire.enumerator(kind, last);
  wire(parts...);
  return wire.take();
}

// The failure that an answer tells of; none: goes on after it.
void throw_failure(WireReader& wire) {
  Answer kind{};
  wire.enumerator(kind, Answer::other_error);
  if (kind == Answer::done || kind == Answer::more) {
    return;
  }
  std::string file;
  std::string object;
  std::string text;
  if (kind == Answer::input_error) {
    wire(file, object);
  }
  wire(text);
  wire.end();
  switch (kind) {
    case Answer::input_error:
      throw InputError(file, object, printable(text));
    case Answer::usage_error:
      throw UsageError(printable(text));
    default:
      throw Error(printable(text));
  }
}

}  // namespace

std::vector<std::byte> index_request(std::string path, IndexOptions options) {
  return message(Request::index, Request::read, path, options);
}

std::vector<std::byte> open_request(DatasetIndex dataset, ReadOptions options) {
  return message(Request::open, Request::read, dataset, options);
}

std::vector<std::byte> read_request(ReadRequest request) {
  return message(Request::read, Request::read, request);
}

Asked read_asked(std::span<const std::byte> bytes) {
  WireReader wire(bytes);
  Asked asked;
  wire.enumerator(asked.kind, Request::read);
  switch (asked.kind) {
    case Request::index:
      wire(asked.path, asked.indexing);
      break;
    case Request::open:
      wire(asked.dataset, asked.reading);
      break;
    case Request::read:
      wire(asked.read);
      break;
  }
  wire.end();
  return asked;
}

std::vector<std::byte> index_answer(DumpIndex index) {
  return message(Answer::done, Answer::other_error, index);
}

std::vector<std::byte> open_answer(std::uint64_t preferred_samples) {
  return message(Answer::done, Answer::other_error, preferred_samples);
}

std::vector<std::byte> piece_answer(std::uint64_t samples) {
  return message(Answer::more, Answer::other_error, samples);
}

std::vector<std::byte> failure_answer() {
  std::string text;
  try {
    throw;
  } catch (const InputError& error) {
    std::string file = error.file();
    std::string object = error.object();
    text = error.message();
    return message(Answer::input_error, Answer::other_error, file, object, text);
  } catch (const UsageError& error) {
    text = error.what();
    return message(Answer::usage_error, Answer::other_error, text);
  } catch (const std::bad_alloc&) {
    text = "it takes more memory than a file may";
  } catch (const std::exception& error) {
    text = error.what();
  }
  return message(Answer::other_error, Answer::other_error, text);
}

DumpIndex read_index_answer(std::span<const std::byte> bytes) {
  WireReader wire(bytes);
  throw_failure(wire);
  DumpIndex index;
  wire(index);
  wire.end();
  return index;
}

std::uint64_t read_number_answer(std::span<const std::byte> bytes) {
  WireReader wire(bytes);
  throw_failure(wire);
  std::uint64_t number = 0;
  wire(number);
  wire.end();
  return number;
}

}  // namespace collapscope::hdf5
