// What is in a dump: a plain value made from metadata only, before any activation is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "collapscope/core/element.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/rows.hpp"

namespace collapscope {

enum class Storage : std::uint8_t {
  contiguous,
  chunked,
  compact,
  virtual_sources,
  raw,  // one number after the other from `address` on, in a file that is not HDF5
};

// A number that stands for none, as the attribute of this name says.
struct MissingValue {
  std::string attribute;
  double value = 0;

  friend bool operator==(const MissingValue&, const MissingValue&) = default;
};

// What storing the numbers has cost, beside the rounding of their type.
struct StorageLoss {
  double step = 0;      // they are multiples of it: off by at most half
  double relative = 0;  // unit roundoff
  std::string unknown;  // what else lost digits, nobody can tell how many: "zfp"

  // The greater of both.
  void add(const StorageLoss& other);
  friend bool operator==(const StorageLoss&, const StorageLoss&) = default;
};

// A filter of chunks that is undone around HDF5.
enum class ChunkFilter : std::uint8_t { deflate, shuffle, fletcher32, lzf };

struct StoredFilter {
  ChunkFilter kind = ChunkFilter::deflate;
  std::uint32_t element_size = 1;  // of shuffle
};

// Where the chunks of a dataset lie, for whoever reads them around HDF5: a version 1 B-tree says it.
struct ChunkStore {
  std::uint64_t base = 0;             // what addresses in the tree count from
  std::uint64_t root = 0;             // of the tree, in the file
  std::uint64_t node_bytes = 0;       // of each of its nodes
  std::vector<StoredFilter> filters;  // in the order of writing
};

struct VirtualSamples;

// One dataset of numbers.
struct DatasetIndex {
  std::string file;    // the file that holds it, after external links were followed
  std::string object;  // its HDF5 path in that file
  std::vector<std::uint64_t> shape;
  ElementType element;
  Storage storage = Storage::contiguous;
  std::vector<std::uint64_t> chunk;  // chunk shape when chunked
  std::vector<std::string> filters;  // names in pipeline order, e.g. "shuffle", "deflate"
  std::uint64_t stored_bytes = 0;    // as stored, compressed
  std::string folder;                // the dump's folder; reading opens nothing outside it
  std::optional<FileState> state;    // of the file when it was indexed: readers refuse it when it has changed
  std::optional<ChunkStore> chunk_store;  // of chunks that are read around HDF5
  std::string through_hdf5;      // why HDF5 reads its bytes, one thread at a time; empty: read around it
  std::uint64_t hdf5_bytes = 0;  // that HDF5 holds to read a virtual dataset: its pieces, chunks of sources
  std::shared_ptr<const VirtualSamples> sources;  // that a virtual dataset shows; null: HDF5 reads it
  std::uint64_t hole_bytes = 0;          // of a large dataset, where its file is sparse and holds none
  std::optional<std::uint64_t> address;  // of its first byte in the file, where known: reading in this order
                                         // is reading in the order of the disk
  std::optional<ElementKind> read_as;    // what the user says that integers of 16 bits hold
  bool type_is_said = false;             // by an attribute or by the user
  bool samples_last = false;  // the file has the axes of `shape` and `chunk` in reverse, as MATLAB does
  std::vector<MissingValue> missing;  // readers refuse rows that hold one
  bool holds_labels = false;          // of classes, which are read as whole numbers
  StorageLoss loss;
  // The bytes, as stored, of elements that were never written, unless they are 0, NaN or Inf: readers refuse
  // rows of nothing else. Empty where the writer says that it wrote everything.
  std::vector<std::uint64_t> fills;

  [[nodiscard]] std::uint64_t samples() const { return shape.empty() ? 0 : shape[0]; }
  // Decoded bytes, elements() * element.size().
  [[nodiscard]] std::uint64_t bytes() const;
};

// Samples [first, first + count) of a virtual dataset are those of a source from `source_first` on.
struct SampleRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::size_t source = 0;
  std::uint64_t source_first = 0;
};

// A virtual dataset that shows whole samples of others.
struct VirtualSamples {
  std::vector<DatasetIndex> sources;
  std::vector<SampleRange> ranges;  // in the order of their samples; all of them
};

// The axes of a convolution's weight: [m, C, k...] (OIHW, PyTorch) or [k..., C, m] (HWIO, Keras and JAX).
enum class KernelOrder : std::uint8_t { unsaid, outputs_first, outputs_last };

// The layer that follows another in its checkpoint, as far as its weight goes.
struct NextLayer {
  std::string name;
  std::optional<std::int64_t> index;
  std::optional<DatasetIndex> weight;
  bool weight_transposed = false;
  bool is_missing = false;  // it failed or is left out: nothing of it is known
};

// One layer: the input activations of the module that owns `weight`.
struct LayerIndex {
  std::string name;
  std::optional<std::int64_t> index;
  std::string kind;
  Layout layout = Layout::rows;
  std::optional<Pool> pool;  // as the file says
  DatasetIndex activations;
  std::optional<DatasetIndex> weight;
  std::optional<DatasetIndex> bias;
  std::string unused_bias;         // what seems to be its bias, where `bias` is empty
  bool weight_transposed = false;  // stored [d, m] (a file not written for us)
  KernelOrder kernel_order = KernelOrder::unsaid;
  std::size_t place = 0;  // among all layers of its checkpoint, those that failed or are left out, too
  std::optional<NextLayer> next;  // as layer_shards has found it; indexing leaves it empty
};

// A scalar attribute, carried into the results as it is.
// Integers are std::int64_t where they fit, else std::uint64_t.
using AttributeValue = std::variant<bool, std::int64_t, double, std::string, std::uint64_t>;

// A part of the input that cannot be analysed; the rest goes on.
struct Failure {
  std::string path;      // the file
  std::string object;    // checkpoint, layer or HDF5 path in it; may be empty
  std::string message;   // what was found and what was expected
  std::string run = {};  // of the checkpoint, where there is one that names its run; results say it
  std::optional<double> step = {};
  std::string split = {};  // of that checkpoint, where it says on which samples it was measured
};

// A layer that cannot be analysed, although it is wanted.
struct FailedLayer {
  std::string name;
  std::size_t place = 0;  // as LayerIndex::place
};

struct CheckpointIndex {
  std::string path;  // as the user named the file
  std::string id;    // group below /checkpoints; empty when the file is one checkpoint
  std::string run;   // attribute `run`; empty when there is none
  std::optional<double> step;
  std::string task = "regression";
  bool task_is_said = false;                                       // by the file or the user
  std::vector<std::pair<std::string, AttributeValue>> attributes;  // all scalar ones, by name
  bool is_complete = false;                                        // its writer says that it wrote everything
  DatasetIndex targets;
  std::optional<DatasetIndex> predictions;
  std::string refused_predictions;         // why there are none, although the file has some
  std::vector<std::string> class_names;    // of classification: row = label; empty: none
  std::vector<LayerIndex> layers;          // ordered by index, then naturally by name
  std::vector<FailedLayer> failed_layers;  // in the same order
  std::size_t places = 0;                  // layers, with those that failed or are left out

  // The value of a numeric attribute; nullopt when missing or not a number.
  [[nodiscard]] std::optional<double> number(const std::string& attribute) const;
};

struct DumpIndex {
  std::vector<CheckpointIndex> checkpoints;
  std::vector<Failure> failures;       // checkpoints and layers that cannot be analysed
  std::vector<Failure> remarks;        // what is analysed, or left alone, and may have been meant otherwise
  std::vector<std::string> lost = {};  // files of which nothing, or nothing of a checkpoint, can be used
};

// Names for the parts of files that were not written for us. Empty members mean the dump layout.
// `activations` is an HDF5 path with one '*' (within a path component) or '**' (across components);
// what it stands for is the layer's name, which replaces {layer} in `weight` and `bias`.
struct DumpNaming {
  std::string activations;
  std::string targets;
  std::string predictions;
  std::string weight;
  std::string bias;
  bool transpose_activations =
      false;                      // they, targets and predictions have their axes in reverse, samples last
  bool transpose_weight = false;  // weights are stored [d, m]
  std::optional<NamedLayout> layout;  // of activations with as many axes
  std::string weight_layout;          // of convolutions' weights with as many axes: "HWIO"; empty: unsaid
};

struct IndexOptions {
  DumpNaming naming;
  std::vector<std::string> layers;     // globs of their names, others are left alone; empty: all
  std::optional<ElementKind> read_as;  // float16 or bfloat16: what integers of 16 bits hold
  std::string task;                    // of files that say none; empty: regression
  std::uint64_t max_chunk_bytes = std::uint64_t{1} << 30;  // a larger chunk is refused
  std::uint64_t memory = 0;  // that virtual datasets of many pieces may take; 0: half of what is available
};

// What a file of the program's own is that holds no dump: "a state of --work", "a part of an analysis";
// empty: another file.
[[nodiscard]] std::string_view own_kind(const std::string& path);

// Indexes one HDF5 file. Follows links only inside the file's own folder. Problems of single layers or
// checkpoints come back as failures; throws InputError when nothing of the file can be used.
[[nodiscard]] DumpIndex index_dump(const std::string& path, const IndexOptions& options = {});

// Of several files, in their order; what cannot be used of them is among the failures.
[[nodiscard]] DumpIndex index_dumps(const std::vector<std::string>& paths, const IndexOptions& options = {});

struct ReadOptions {
  std::uint64_t cache_bytes = 0;  // what the reader may keep of decoded chunks
  std::size_t threads = 0;  // that read and decode, the caller's included; 0: as many as the process may use
  // For chunks on their way, at most a stored one and two decoded ones per thread. Where that is too little
  // for all threads, fewer decode; one always does.
  std::uint64_t buffer_bytes = std::uint64_t{256} << 20;
};

// A reader of the dataset's samples. `cache_bytes`: what the reader may keep of decoded chunks.
// Throws InputError (the file has changed, a filter is missing, a chunk was never written, ...).
[[nodiscard]] std::unique_ptr<RowReader> open_rows(const DatasetIndex& dataset, std::uint64_t cache_bytes);
[[nodiscard]] std::unique_ptr<RowReader> open_rows(const DatasetIndex& dataset, const ReadOptions& options);

// Throws InputError unless the dataset's file and its sources' are as they were when they were indexed. What
// was read before is then right.
void require_unchanged(const DatasetIndex& dataset);

// The samples at the end of a dataset that are nothing but zeros.
struct ZeroTail {
  std::uint64_t samples = 0;
  bool is_hole = false;  // their bytes were never written to the file
};
// Reads from the end until there is another number, at most 1 GiB. Throws InputError.
[[nodiscard]] ZeroTail zero_tail(const DatasetIndex& dataset);

// The whole dataset as float64, shape [shape[0], product of the rest]; for weights, biases and the like.
// Throws InputError, also for NaN and Inf (with the first offending row).
[[nodiscard]] Matrix read_matrix(const DatasetIndex& dataset);

}  // namespace collapscope
