// From indexed checkpoints to results: plan, fold, decompose, look again, measure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collapscope/analysis/state.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/core/progress.hpp"
#include "collapscope/core/stop.hpp"
#include "collapscope/dump/dump.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// One checkpoint, whole or in shards: the same layers, other samples, joined in this order.
struct Checkpoint {
  std::vector<CheckpointIndex> shards;

  // Throws UsageError where there is none.
  [[nodiscard]] const CheckpointIndex& front() const;
  // The first shard's. Of several shards, `shards_joined`, how many they are, takes the place of `shard`.
  [[nodiscard]] std::vector<std::pair<std::string, AttributeValue>> attributes() const;
};

// Orders checkpoints: runs as they first appear, the checkpoints of a run by step. Without `join_shards` each
// index is a checkpoint; with it, those of equal run, step and id are joined in the order given.
[[nodiscard]] std::vector<Checkpoint> arrange_checkpoints(std::vector<CheckpointIndex> indexes,
                                                          bool join_shards);

// How often the rows are read.
enum class Looks : unsigned char {
  automatic,  // a cost model decides
  one,        // metrics from moments alone: no nrc1_centered, higher floors
  two,
};

// "float64", "fast", "float64-emulated (55 bits)"
[[nodiscard]] std::string precision_name(Precision precision);
// Throws UsageError where the backend does not have it: no CPU emulates float64.
void require_precision(Precision precision, const Backend& backend);

// How many eigenpairs of S_HH are computed.
enum class SpectrumChoice : unsigned char {
  automatic,  // the largest few where that is quicker and the metrics that are wanted need no more
  full,
  leading,  // the largest few; metrics that need more are undefined
};

struct AnalysisOptions {
  std::vector<std::string> layers;           // globs of layer names; empty: all
  std::optional<std::size_t> signal_dim;     // k; default: the number of target components
  bool intrinsic_signal_dim = false;         // k = target_rank
  std::size_t top = 10;                      // explained-variance ratios
  std::optional<Pool> pool;                  // overrides the file
  std::optional<std::int64_t> ignore_label;  // of classification: samples with it are left out
  MetricChoice metrics;
  bool per_class = false;     // of classification: also results of each class
  bool class_cosines = true;  // and the cosines of all pairs of them
  Looks looks = Looks::automatic;
  Precision precision = Precision::float64;
  SpectrumChoice spectrum = SpectrumChoice::automatic;
  std::uint64_t memory = 0;   // bytes for data; 0: half of what is available
  bool keeps_states = false;  // room for sums that are saved while a layer is looked at again
};

// What the wanted metrics of a layer take.
struct LayerNeeds {
  std::size_t pairs = 0;          // largest eigenpairs of S_HH; d: all
  double variance_share = 0;      // all of them after all, where those hold less of the variance
  bool uncentred = false;         // the eigenpairs of (1/N) H^T H
  bool affine = false;            // the best affine map to the targets
  bool canonical = false;         // the canonical correlations with the targets
  bool published = false;         // deep NRC4's map
  bool weight = false;            // the layer's weight
  bool weight_spectrum = false;   // its singular values and vectors
  bool weight_residuals = false;  // the rows outside of the weight's row space
  std::string no_balance;         // why the weight is not compared with the next layer's; empty: it is
  std::string reason;             // why as many eigenpairs
};

// What analysing a layer will take.
struct LayerPlan {
  RowFormat format;
  std::uint64_t samples = 0;
  std::uint64_t rows = 0;  // N after pooling
  int looks = 2;
  bool spares_look = false;               // the second, where the moments suffice for the wanted metrics
  bool normalized_scatter = false;        // carries T in the first look
  bool few_rows = false;                  // so few that the moments hold them
  std::uint64_t classes = 0;              // K of classification; 0: regression
  bool unit_classes = false;              // class sums of normalized rows, too
  bool class_pairs = false;               // all pairs of classes are gone through
  std::size_t tile_rows = 0;              // rows of a tile, at most
  bool keeps_bytes = false;               // the second look reads from memory
  bool backend_keeps = false;             // the backend keeps the rows for the second look
  std::uint64_t bytes = 0;                // decoded bytes of one pass
  std::uint64_t segment_samples = 0;      // of a segment, but the last
  std::uint64_t band_samples = 0;         // samples per read of one worker alone
  std::uint64_t cache_bytes = 0;          // of decoded chunks, for the reader
  std::uint64_t buffer_bytes = 0;         // of chunks on their way, likewise
  std::size_t workers = 1;                // who take segments of the rows side by side; 1: the backend itself
  std::size_t worker_threads = 1;         // of each
  bool workers_read = false;              // and may read them from storage, not only from memory
  bool workers_are_devices = false;       // as Backend::is_device says
  std::uint64_t run_segments = 1;         // segments that a worker takes at a time
  std::uint64_t worker_band_samples = 0;  // samples per read of one of several workers
  std::uint64_t memory = 0;               // peak, all buffers and matrices
  std::uint64_t weight_memory = 0;        // while the weight is decomposed
  std::uint64_t least_memory = 0;         // with which it can be measured at all
  std::string reason;                     // why one look or two
  LayerNeeds needs;

  [[nodiscard]] std::uint64_t segments() const { return (samples + segment_samples - 1) / segment_samples; }
  // How often the stored bytes are read.
  [[nodiscard]] int passes() const { return looks == 2 && !keeps_bytes && !backend_keeps ? 2 : 1; }
};

// Throws InputError when the targets of a checkpoint, of so many components or in such chunks, do not fit the
// memory.
void require_targets_fit(const Checkpoint& checkpoint, std::uint64_t memory);

// The plan for one layer (its index in each shard). targets: n; classes: K of classification, whose n is 0.
// Throws UsageError when it does not fit the memory, InputError when pool and layout do not fit.
[[nodiscard]] LayerPlan plan_layer(const std::vector<LayerIndex>& shards, std::size_t targets,
                                   const AnalysisOptions& options, std::uint64_t memory, Backend& backend,
                                   std::uint64_t classes = 0);

// Whether the targets of a checkpoint are read as labels, and the metrics are those of classification.
[[nodiscard]] bool is_classification(const CheckpointIndex& checkpoint);

// The classes of a checkpoint. Reads its labels; throws InputError for what is no label.
struct ClassCounts {
  std::vector<std::int64_t> labels;   // ascending
  std::vector<std::uint64_t> counts;  // samples of each
  std::uint64_t ignored = 0;          // samples that are left out
  std::size_t positions = 1;          // labels of a sample
};
[[nodiscard]] ClassCounts class_counts(const Checkpoint& checkpoint, const AnalysisOptions& options);

// What the analysis will take one core, about [s]: rough rates of one machine, to choose between the CPU and
// a GPU by. What cannot be measured takes nothing.
[[nodiscard]] double estimated_cpu_seconds(const std::vector<Checkpoint>& checkpoints,
                                           const AnalysisOptions& options);
// Of dumps of so many stored bytes, all of them wanted: reading alone.
[[nodiscard]] double least_cpu_seconds(std::uint64_t bytes);

// Bytes that the analysis may use when nobody says: half of the memory that this process may use: what is
// free, what its control groups allow, what Slurm gave it.
[[nodiscard]] std::uint64_t default_memory();

// Layers that the first shard of a checkpoint lacks, and another has: nothing else would miss them.
[[nodiscard]] std::vector<Failure> missed_layers(const Checkpoint& checkpoint);

// Throws InputError where shards have different tasks, names of classes or UFM strengths, or one is there
// twice.
void require_one_task(const Checkpoint& checkpoint);

// The shards of one layer, by name, checked to fit one another. Throws InputError. `guess`: where among the
// layers of a shard it probably is, which spares a search.
[[nodiscard]] std::vector<LayerIndex> layer_shards(const Checkpoint& checkpoint, const std::string& name,
                                                   std::size_t guess = 0);

// A line for integer targets [N] of a file that does not say its task: they are measured as a regression.
// Else empty.
[[nodiscard]] std::string task_remark(const CheckpointIndex& checkpoint);

// What analyze refuses beyond what is said above, found without reading rows. Throw InputError.
// Shards whose tasks or targets contradict one another.
void require_targets_agree(const Checkpoint& checkpoint);
// Predictions that cannot be compared with the targets; the layers are measured all the same.
void require_predictions_fit(const Checkpoint& checkpoint, const AnalysisOptions& options);
// A weight of another width than the rows, or another one in a later shard, which is read for that; labels of
// positions that the layer does not have. positions: labels of a sample.
void require_layer_fits(const std::vector<LayerIndex>& shards, const LayerPlan& plan,
                        std::size_t positions = 1);

// The memory that is left for layers beside what is known of all of them, and their results. Throws
// UsageError where nothing is left.
[[nodiscard]] std::uint64_t memory_beside_all_layers(const std::vector<Checkpoint>& checkpoints,
                                                     const AnalysisOptions& options, std::uint64_t memory);

// What an analysis has around it.
struct AnalysisContext {
  Progress& progress;
  const StopRequest* stop = nullptr;  // null: nobody asks
  StateKeeper* states = nullptr;      // null: none are kept
  Ranks* ranks = nullptr;             // null: this process does all
};

// Analyses every checkpoint. What fails comes back in `failures`; the rest goes on. Provenance is filled in
// but for command, version and commit. Asked to stop, it throws Stopped where states are kept, after they are
// saved; else what is not measured is among the failures. Of several ranks, which all call it with the same
// input, the first one gets the results, the others empty ones; UsageError where they do not have the same.
[[nodiscard]] Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend,
                              const AnalysisOptions& options, const AnalysisContext& context);
[[nodiscard]] Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend,
                              const AnalysisOptions& options, Progress& progress);

}  // namespace collapscope
