#include "hdf5/index_check.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>

#include "collapscope/core/files.hpp"
#include "core/pack.hpp"
#include "dump/layer_shapes.hpp"
#include "hdf5/chunk_pipeline.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/unchanged.hpp"

namespace collapscope::hdf5 {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_axes = 32;
constexpr std::uint64_t most_dataset_bytes = std::uint64_t{1} << 62;

void require(bool holds) {
  if (!holds) {
    throw MessageError();
  }
}

bool fits(const std::vector<std::uint64_t>& shape, const ElementType& element, std::uint64_t most) {
  return shape.size() <= most_axes && std::ranges::find(shape, 0U) == shape.end() &&
         element_count(shape) <= most / element.size();
}

class IndexCheck {
 public:
  IndexCheck(const std::string& path, const IndexOptions& options)
      : path_(path), options_(options), folder_(fs::canonical(path).parent_path()) {}

  void checkpoint(const CheckpointIndex& checkpoint) {
    require(checkpoint.path == path_);
    dataset(checkpoint.targets);
    const std::size_t axes = checkpoint.targets.shape.size();
    require(axes == 1 || axes == 2);
    if (checkpoint.predictions) {
      dataset(*checkpoint.predictions);
      const std::size_t predicted = checkpoint.predictions->shape.size();
      require(predicted == 1 || predicted == 2);
      require(checkpoint.predictions->samples() == checkpoint.targets.samples());
    }
    require(checkpoint.class_names.size() <= std::size_t{1} << 20U);
    require(std::ranges::all_of(checkpoint.class_names,
                                [](const std::string& name) { return name.size() <= std::size_t{4096}; }));
    for (const LayerIndex& one : checkpoint.layers) {
      layer(one, checkpoint.targets.samples());
    }
  }

 private:
  void layer(const LayerIndex& layer, std::uint64_t samples) {
    dataset(layer.activations);
    const std::size_t axes = layer.activations.shape.size();
    require(layer.activations.samples() == samples);
    require(layer.layout == Layout::rows  ? axes == 2
            : layer.layout == Layout::ntd ? axes == 3
                                          : axes >= 3 && axes <= 5);
    LayerIndex copy = layer;  // of which the order of a kernel is filled in
    if (layer.weight) {
      dataset(*layer.weight);
      require(weight_misfit(copy).empty());
    }
    if (layer.bias) {
      dataset(*layer.bias);
      require(bias_misfit(copy).empty());
    }
  }

  void dataset(const DatasetIndex& index) {
    file(index);
    require(fits(index.shape, index.element, most_dataset_bytes) && !index.shape.empty());
    require(index.storage != Storage::raw && index.folder == folder_.string());
    require(!index.samples_last || options_.naming.transpose_activations);
    const bool is_chunked = index.storage == Storage::chunked;
    require(is_chunked ? index.chunk.size() == index.shape.size() : index.chunk.empty());
    require(!is_chunked || fits(index.chunk, index.element, options_.max_chunk_bytes));
    require(!index.chunk_store || (is_chunked && are_sound(index.chunk_store->filters)));
    require(index.sources == nullptr || index.storage == Storage::virtual_sources);
    const std::uint64_t end = index.state->bytes;
    require(!index.address || *index.address <= end);
    if (index.storage == Storage::contiguous && index.through_hdf5.empty()) {
      require(index.address && index.bytes() <= end - *index.address);
    }
    if (index.sources) {
      sources(index);
    }
  }

  void sources(const DatasetIndex& index) {
    const VirtualSamples& shown = *index.sources;
    for (const DatasetIndex& source : shown.sources) {
      dataset(source);
      require(source.element == index.element && source.shape.size() == index.shape.size() &&
              std::equal(source.shape.begin() + 1, source.shape.end(), index.shape.begin() + 1));
    }
    std::uint64_t next = 0;
    for (const SampleRange& range : shown.ranges) {
      require(range.first == next && range.count > 0 && range.count <= index.samples() - next);
      require(range.source < shown.sources.size());
      const std::uint64_t samples = shown.sources[range.source].samples();
      require(range.source_first <= samples && range.count <= samples - range.source_first);
      next += range.count;
    }
    require(next == index.samples());
  }

  // Each is looked up once: the named one, or one in its folder under its real name, as it was.
  void file(const DatasetIndex& index) {
    const auto [known, fresh] = states_.try_emplace(index.file);
    if (fresh) {
      std::error_code failure;
      const fs::path real = fs::canonical(index.file, failure);
      require(!failure && real.string() == index.file && !index.file.empty());
      require(std::mismatch(folder_.begin(), folder_.end(), real.begin(), real.end()).first == folder_.end());
      known->second = file_state(index.file);
    }
    require(index.state.has_value());
    require_state(index.state, known->second, {index.file, index.object});
  }

  const std::string& path_;
  const IndexOptions& options_;
  fs::path folder_;
  std::map<std::string, std::optional<FileState>> states_;
};

}  // namespace

void check_index(const DumpIndex& index, const std::string& path, const IndexOptions& options) {
  IndexCheck check(path, options);
  for (const CheckpointIndex& checkpoint : index.checkpoints) {
    check.checkpoint(checkpoint);
  }
}

}  // namespace collapscope::hdf5
