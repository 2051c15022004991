// Reads the samples of one dataset, as stored.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "collapscope/dump.hpp"
#include "collapscope/error.hpp"
#include "collapscope/text.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/links.hpp"

namespace collapscope {

namespace {

using hdf5::check;
using hdf5::ChunkGrid;
using hdf5::FileSet;
using hdf5::Handle;
using hdf5::Object;
using hdf5::own;
using hdf5::Place;
using hdf5::Session;

constexpr std::uint64_t max_cache_slots = 1'000'000;

std::uint64_t next_prime(std::uint64_t n) {
  const auto is_prime = [](std::uint64_t candidate) {
    for (std::uint64_t divisor = 2; divisor * divisor <= candidate; ++divisor) {
      if (candidate % divisor == 0) {
        return false;
      }
    }
    return candidate > 1;
  };
  while (!is_prime(n)) {
    ++n;
  }
  return n;
}

// Keeps one row of chunks, so that each is inflated once even when reads do not begin at its edges.
Handle access_properties(const DatasetIndex& index, std::uint64_t cache_bytes, const Place& place) {
  Handle access = own(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, place, "set up reading");
  if (index.storage == Storage::chunked) {
    const ChunkGrid grid(index.shape, index.chunk);
    const double chunk_bytes =
        static_cast<double>(hdf5::element_count(index.chunk)) * static_cast<double>(index.element.size());
    const double row_bytes = std::min(chunk_bytes * static_cast<double>(grid.per_row()), 0x1p62);
    const std::uint64_t bytes = std::min(cache_bytes, static_cast<std::uint64_t>(row_bytes));
    const std::uint64_t slots = next_prime(std::min(grid.cache_slots(), max_cache_slots));
    check(H5Pset_chunk_cache(access.get(), slots, bytes, 1.0), place, "set up the chunk cache");
  }
  return access;
}

void require_unchanged(const DatasetIndex& was, const DatasetIndex& is, const Place& place) {
  const auto text = [](const DatasetIndex& index) {
    return fmt::format("{} numbers of shape {}", index.element.name(), shape_text(index.shape));
  };
  if (was.shape != is.shape || was.element != is.element || was.storage != is.storage ||
      was.chunk != is.chunk || was.filters != is.filters) {
    throw InputError(
        place.file, place.object,
        fmt::format("the file has changed: found {}, expected {}, stored as before", text(is), text(was)));
  }
}

class DatasetReader final : public RowReader {
 public:
  DatasetReader(const DatasetIndex& index, std::uint64_t cache_bytes)
      : index_(index),
        place_{index.file, index.object},
        files_(std::in_place, index.file, index.folder),
        grid_(index.shape, index.chunk.empty() ? index.shape : index.chunk) {
    {
      const Object root = files_->root();
      const Object object = files_->get(root, index.object, "the dataset that was indexed");
      require_unchanged(
          index, hdf5::describe_dataset(*files_, object, std::numeric_limits<std::uint64_t>::max()), place_);
    }
    // Opened again for its cache, once no other handle keeps the dataset open with another one. The path
    // is one of hard links.
    const Object root = files_->root();
    const Handle access = access_properties(index, cache_bytes, place_);
    dataset_ = own(H5Dopen2(root.id.get(), index.object.c_str(), access.get()), H5Dclose, place_,
                   "open the dataset");
    type_ = own(H5Dget_type(dataset_.get()), H5Tclose, place_, "read the type");
    space_ = own(H5Dget_space(dataset_.get()), H5Sclose, place_, "read the shape");
    sample_bytes_ = index.bytes() / index.samples();
    checked_.resize(index.storage == Storage::chunked && !index.filters.empty() ? grid_.rows() : 0, false);
  }

  DatasetReader(const DatasetReader&) = delete;
  DatasetReader& operator=(const DatasetReader&) = delete;
  DatasetReader(DatasetReader&&) = delete;
  DatasetReader& operator=(DatasetReader&&) = delete;

  ~DatasetReader() override {
    const Session session;
    space_ = Handle();
    type_ = Handle();
    dataset_ = Handle();
    files_.reset();
  }

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    if (first > index_.samples() || count > index_.samples() - first || out.size() / sample_bytes_ != count ||
        out.size() % sample_bytes_ != 0) {
      throw UsageError(fmt::format("samples {} to {} of {} cannot be read into {} bytes", first,
                                   first + count, index_.samples(), out.size()));
    }
    if (count == 0) {
      return;
    }
    const Session session;
    check_chunks(first, count);
    const Handle memory = select(first, count);
    if (H5Dread(dataset_.get(), type_.get(), memory.get(), space_.get(), H5P_DEFAULT, out.data()) < 0) {
      fail(place_, fmt::format("read samples {} to {}", first, first + count - 1));
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override {
    return index_.storage == Storage::chunked ? index_.chunk[0] : 1;
  }

 private:
  void check_chunks(std::uint64_t first, std::uint64_t count) {
    if (checked_.empty()) {
      return;
    }
    for (std::uint64_t row = first / index_.chunk[0]; row <= (first + count - 1) / index_.chunk[0]; ++row) {
      if (!checked_[row]) {
        require_sane_chunks(dataset_.get(), index_, grid_, row, row, place_);
        checked_[row] = true;
      }
    }
  }

  // Selects the samples in the file; returns a space of their shape in memory.
  Handle select(std::uint64_t first, std::uint64_t count) {
    std::vector<hsize_t> start(index_.shape.size(), 0);
    std::vector<hsize_t> extent(index_.shape.begin(), index_.shape.end());
    start[0] = first;
    extent[0] = count;
    check(H5Sselect_hyperslab(space_.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
          place_, "select samples");
    return own(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr), H5Sclose, place_,
               "select samples");
  }

  DatasetIndex index_;
  Place place_;
  std::optional<FileSet> files_;  // kept open, with their locks, while the reader lives
  ChunkGrid grid_;
  Handle dataset_;
  Handle type_;
  Handle space_;
  std::uint64_t sample_bytes_ = 0;
  std::vector<bool> checked_;  // rows of chunks whose stored sizes are sane; empty without filters
};

}  // namespace

std::unique_ptr<RowReader> open_rows(const DatasetIndex& dataset, std::uint64_t cache_bytes) {
  const Session session;
  if (dataset.shape.empty()) {
    throw InputError(dataset.file, dataset.object, "found a single number; expected an array");
  }
  return std::make_unique<DatasetReader>(dataset, cache_bytes);
}

}  // namespace collapscope
