// What an analysis holds beside the tiles and bands of rows: the targets and their matrices, the weight,
// chunks on their way, the pieces of virtual datasets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// As bytes; the largest there are where it is more.
[[nodiscard]] std::uint64_t whole_bytes(double bytes);

// What one reading thread takes for a chunk as stored, inflated, rearranged and put together; or what HDF5
// holds of a virtual dataset.
[[nodiscard]] std::uint64_t reading_memory(const DatasetIndex& dataset);

// The targets that are kept take at most this share of the memory.
constexpr std::uint64_t most_kept_targets = 8;

// While the targets of a checkpoint are measured.
[[nodiscard]] std::uint64_t targets_memory(const Checkpoint& checkpoint);
// How many workers may sum up so many targets side by side within `memory`; at least one.
[[nodiscard]] std::size_t target_workers(std::size_t targets, std::uint64_t memory);
// What the sums of classes and the classifier take at most, all at once: one set for each level of the tree,
// the union of two, a worker's own; in the second look the means and the scores of a block.
[[nodiscard]] double bytes_of_classes(const LayerPlan& plan, const std::vector<LayerIndex>& shards);

// While the covariances between classes are decomposed, where these are few.
[[nodiscard]] double bytes_of_class_covariances(const LayerPlan& plan);

// What the threads of a CPU take to look for the nearest class mean, and the products of a second look. 0
// without classes or a second look.
[[nodiscard]] double bytes_of_class_look(const LayerPlan& plan, std::size_t threads);

// What stays of targets while layers are measured: their matrices.
[[nodiscard]] double held_target_matrices(std::size_t targets);

// How the activations of all shards, or the sources of virtual ones, are stored.
struct StoredChunks {
  explicit StoredChunks(const std::vector<LayerIndex>& shards);
  void add(const DatasetIndex& dataset);

  bool dear = false;  // compressed, or in chunks that split the samples and have to be put together
  std::uint64_t row_samples = 0;  // of the tallest chunks; 0 without chunks
  std::uint64_t bytes = 0;        // of the largest, decoded
  std::uint64_t reading = 0;      // what one thread takes to read them
};

// Targets that take few bytes are kept as float64; others are read anew for each band of rows.
struct TargetCosts {
  TargetCosts(std::uint64_t samples, std::size_t targets, std::uint64_t memory);

  std::uint64_t kept;            // bytes
  std::uint64_t of_band_sample;  // likewise
};

// A layer that does not fit, and what it would take.
struct Misfit {
  const std::vector<LayerIndex>& shards;
  const LayerPlan& plan;
  std::size_t targets;
  std::uint64_t reading;
  double least;
  double with_weight;
  double of_classes = 0;           // of `least`
  std::uint64_t tile_samples = 1;  // of one of two tiles
  std::uint64_t of_tiles = 0;      // of `least`, as stored
};

// Throws UsageError.
[[noreturn]] void refuse(const Misfit& misfit, std::uint64_t memory);

// While the weight is read and decomposed; 0 where it is not.
[[nodiscard]] std::uint64_t weight_memory(const std::vector<LayerIndex>& shards, const LayerPlan& plan);
// What stays of it while the rows are read: its singular vectors and its Gram matrix.
[[nodiscard]] double held_of_weight(const std::vector<LayerIndex>& shards, const LayerPlan& plan,
                                    std::size_t targets);

}  // namespace collapscope
