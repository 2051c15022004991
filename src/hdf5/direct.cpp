#include "hdf5/direct.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "collapscope/core/text.hpp"
#include "hdf5/chunk_pipeline.hpp"
#include "hdf5/chunk_tree.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

namespace {

std::string why_through_hdf5(hid_t dataset, hid_t creation, DatasetIndex& index, const Place& place) {
  if (index.storage == Storage::virtual_sources) {
    if (!index.sources) {
      return "it is a virtual dataset that shows parts of samples";
    }
    const std::vector<DatasetIndex>& sources = index.sources->sources;
    const auto slow = std::ranges::find_if_not(sources, &std::string::empty, &DatasetIndex::through_hdf5);
    return slow == sources.end() ? "" : slow->through_hdf5;
  }
  if (index.storage == Storage::compact) {
    return "its numbers lie among the metadata (compact storage)";
  }
  const std::optional<StoredFile> file = StoredFile::of(dataset, place);
  if (!file) {
    return "its file is not one plain file";
  }
  if (index.storage == Storage::contiguous) {
    index.address = H5Dget_offset(dataset);
    if (*index.address == HADDR_UNDEF) {
      fail(place, "find out where its bytes lie");
    }
    return {};
  }
  std::optional<std::vector<StoredFilter>> filters = filters_undone_here(creation, index, place);
  if (!filters) {
    return fmt::format("only HDF5 can undo its filters ({})",
                       printable(fmt::format("{}", fmt::join(index.filters, ", "))));
  }
  std::optional<ChunkTree::Found> tree = ChunkTree::find(dataset, index, *file, place);
  if (!tree) {
    return "its index of chunks is not a version 1 B-tree";
  }
  index.address = tree->first_chunk;
  index.chunk_store = std::move(tree->store);
  index.chunk_store->filters = *std::move(filters);
  return {};
}

}  // namespace

void describe_access(hid_t dataset, hid_t creation, DatasetIndex& index, const Place& place) {
  index.through_hdf5 = why_through_hdf5(dataset, creation, index, place);
}

}  // namespace collapscope::hdf5
