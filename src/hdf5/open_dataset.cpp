#include "hdf5/open_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/unchanged.hpp"

namespace collapscope::hdf5 {

namespace {

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

// Lets HDF5 keep one row of chunks, so that each is decoded once even when reads do not begin at its edges.
Handle access_properties(const DatasetIndex& index, std::uint64_t cache_bytes, const Place& place) {
  Handle access = own(H5Pcreate(H5P_DATASET_ACCESS), H5Pclose, place, "set up reading");
  if (index.storage == Storage::chunked) {
    const ChunkGrid grid(index.shape, index.chunk);
    const double chunk_bytes =
        static_cast<double>(element_count(index.chunk)) * static_cast<double>(index.element.size());
    const double row_bytes = std::min(chunk_bytes * static_cast<double>(grid.per_row()), 0x1p62);
    const std::uint64_t bytes = std::min(cache_bytes, static_cast<std::uint64_t>(row_bytes));
    const std::uint64_t slots = next_prime(std::min(grid.cache_slots(), max_cache_slots));
    check(H5Pset_chunk_cache(access.get(), slots, bytes, 1.0), place, "set up the chunk cache");
  }
  if (index.storage == Storage::virtual_sources) {  // of which every source has a cache like this
    constexpr std::size_t slots = 31;
    check(H5Pset_chunk_cache(access.get(), slots, 0, 1.0), place, "set up the chunk cache");
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

}  // namespace

OpenDataset::OpenDataset(const DatasetIndex& index, std::uint64_t cache_bytes)
    : ReadDataset(index), files_(std::in_place, index.file, index.folder) {
  const Object root = files_->root();
  {
    const Object object = files_->get(root, index.object, "the dataset that was indexed");
    DatasetRules rules;
    rules.read_as = index.read_as;
    rules.samples_last = index.samples_last;
    rules.booleans = true;  // whoever indexed it has decided
    require_unchanged(index, describe_dataset(*files_, object, rules, sources_), place());
    require_state(index.state, files_->state(object.file), place());
  }
  // Opened again for its cache, now that no other handle keeps the dataset open with another one. The path
  // is one of hard links.
  const Handle access = access_properties(index, cache_bytes, place());
  dataset_ =
      own(H5Dopen2(root.id.get(), index.object.c_str(), access.get()), H5Dclose, place(), "open the dataset");
}

OpenDataset::~OpenDataset() {
  const Session session;
  dataset_ = Handle();
  files_.reset();
}

}  // namespace collapscope::hdf5
