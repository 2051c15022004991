// Chooses how the samples of a dataset are read, and reads through HDF5 what can be read in no other way.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/dump/dump.hpp"
#include "core/threads.hpp"
#include "hdf5/chunk_reader.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/contiguous_reader.hpp"
#include "hdf5/exact_chunks.hpp"
#include "hdf5/exact_integers.hpp"
#include "hdf5/in_process.hpp"
#include "hdf5/missing_values.hpp"
#include "hdf5/open_dataset.hpp"
#include "hdf5/raw_reader.hpp"
#include "hdf5/remote.hpp"
#include "hdf5/reversed_reader.hpp"
#include "hdf5/unwritten_rows.hpp"
#include "hdf5/virtual_reader.hpp"

namespace collapscope {

namespace {

using hdf5::check;
using hdf5::ChunkGrid;
using hdf5::Handle;
using hdf5::OpenDataset;
using hdf5::own;
using hdf5::Session;

class DatasetReader final : public RowReader {
 public:
  explicit DatasetReader(std::unique_ptr<OpenDataset> dataset)
      : dataset_(std::move(dataset)),
        index_(dataset_->index()),
        grid_(index_.shape, index_.chunk.empty() ? index_.shape : index_.chunk),
        type_(own(H5Dget_type(dataset_->id()), H5Tclose, dataset_->place(), "read the type")),
        checked_(index_.filters.empty() ? 0 : grid_.rows(), false) {}

  DatasetReader(const DatasetReader&) = delete;
  DatasetReader& operator=(const DatasetReader&) = delete;
  DatasetReader(DatasetReader&&) = delete;
  DatasetReader& operator=(DatasetReader&&) = delete;

  ~DatasetReader() override {
    const Session session;
    type_ = Handle();
  }

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    dataset_->require_samples(first, count, out);
    if (count == 0) {
      return;
    }
    const Session session;
    check_chunks(first, count);
    const std::size_t sample_bytes = out.size() / count;
    const std::uint64_t step = samples_per_call();
    for (std::uint64_t done = 0; done < count; done += step) {
      const std::uint64_t samples = std::min(step, count - done);
      read_samples(first + done, samples, out.subspan(done * sample_bytes, samples * sample_bytes));
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override {
    return index_.storage == Storage::chunked ? index_.chunk[0] : 1;
  }

 private:
  // HDF5 keeps some kilobytes for every chunk that a call touches.
  [[nodiscard]] std::uint64_t samples_per_call() const {
    constexpr std::uint64_t most_chunks = 1024;
    if (index_.storage != Storage::chunked) {
      return index_.samples();
    }
    return std::max<std::uint64_t>(1, most_chunks / grid_.per_row()) * index_.chunk[0];
  }

  void read_samples(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) {
    std::vector<hsize_t> start(index_.shape.size(), 0);
    std::vector<hsize_t> extent(index_.shape.begin(), index_.shape.end());
    start[0] = first;
    extent[0] = count;
    const Handle space = own(H5Dget_space(dataset_->id()), H5Sclose, dataset_->place(), "read the shape");
    check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
          dataset_->place(), "select samples");
    const Handle memory = own(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                              H5Sclose, dataset_->place(), "select samples");
    if (H5Dread(dataset_->id(), type_.get(), memory.get(), space.get(), H5P_DEFAULT, out.data()) < 0) {
      fail(dataset_->place(), fmt::format("read samples {} to {}", first, first + count - 1));
    }
  }

  void check_chunks(std::uint64_t first, std::uint64_t count) {
    if (checked_.empty()) {
      return;
    }
    for (std::uint64_t row = first / index_.chunk[0]; row <= (first + count - 1) / index_.chunk[0]; ++row) {
      if (!checked_[row]) {
        require_sane_chunks(dataset_->id(), index_, grid_, row, row, dataset_->place());
        checked_[row] = true;
      }
    }
  }

  std::unique_ptr<OpenDataset> dataset_;
  const DatasetIndex& index_;
  ChunkGrid grid_;
  Handle type_;
  std::vector<bool> checked_;  // rows of chunks whose stored sizes are sane; empty without filters
};

std::unique_ptr<RowReader> open_in_library(const DatasetIndex& dataset, const ReadOptions& options) {
  const Session session;
  auto opened = std::make_unique<OpenDataset>(dataset, options.cache_bytes);
  for (const auto& [name, source] : opened->sources().described) {
    if (source) {
      hdf5::require_exact_chunks(*source);
    }
  }
  if (dataset.samples_last) {
    return hdf5::read_reversed(std::move(opened));
  }
  if (dataset.storage == Storage::chunked) {
    if (auto reader = hdf5::read_chunks(opened, options)) {
      return reader;
    }
  }
  return std::make_unique<DatasetReader>(std::move(opened));
}

std::unique_ptr<RowReader> open_stored(const DatasetIndex& dataset, const ReadOptions& options) {
  if (dataset.bytes() == 0 || dataset.shape.empty()) {
    throw InputError(dataset.file, dataset.object,
                     fmt::format("found shape {}; expected at least one sample", shape_text(dataset.shape)));
  }
  ReadOptions chosen = options;
  if (chosen.threads == 0) {
    chosen.threads = usable_threads();
  }
  if (dataset.storage == Storage::raw) {
    return hdf5::read_raw(dataset, chosen.threads);
  }
  if (dataset.sources) {
    return hdf5::read_sources(dataset, chosen);
  }
  if (!dataset.samples_last && dataset.storage == Storage::contiguous && dataset.address) {
    return hdf5::read_contiguous(dataset, chosen);
  }
  if (!dataset.samples_last && dataset.chunk_store) {
    if (auto reader = hdf5::read_chunks(dataset, chosen)) {
      return reader;
    }
  }
  return hdf5::is_isolated() ? hdf5::open_by_helper(dataset, chosen) : open_in_library(dataset, chosen);
}

}  // namespace

std::unique_ptr<RowReader> hdf5::open_in_process(const DatasetIndex& dataset, const ReadOptions& options) {
  return open_in_library(dataset, options);
}

std::unique_ptr<RowReader> open_rows(const DatasetIndex& dataset, const ReadOptions& options) {
  std::unique_ptr<RowReader> reader = open_stored(dataset, options);
  reader = hdf5::refuse_unwritten(std::move(reader), dataset);
  reader = hdf5::refuse_inexact(std::move(reader), dataset);
  return hdf5::refuse_missing(std::move(reader), dataset);
}

std::unique_ptr<RowReader> open_rows(const DatasetIndex& dataset, std::uint64_t cache_bytes) {
  ReadOptions options;
  options.cache_bytes = cache_bytes;
  return open_rows(dataset, options);
}

}  // namespace collapscope
