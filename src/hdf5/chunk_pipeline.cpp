#include "hdf5/chunk_pipeline.hpp"

#include <algorithm>
#include <cstring>

#include "hdf5/chunks.hpp"
#include "hdf5/lzf.hpp"
#include "hdf5/shuffle.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr H5Z_filter_t lzf_number = 32000;

void unpack_lzf(std::span<const std::byte> packed, std::span<std::byte> out) {
  if (lzf_unpack(packed, out)) {
    return;
  }
  if (const std::size_t size = lzf_unpacked_size(packed); size != 0) {
    refuse_size(size, out.size());
  }
  throw DamagedChunk("lzf: invalid data");
}

std::optional<StoredFilter> known_filter(hid_t creation, unsigned position, const Place& place) {
  std::array<unsigned, 8> values{};
  std::size_t count = values.size();
  unsigned flags = 0;
  const H5Z_filter_t id =
      check(H5Pget_filter2(creation, position, &flags, &count, values.data(), 0, nullptr, nullptr), place,
            "read the filters");
  switch (id) {
    case H5Z_FILTER_DEFLATE:
      return StoredFilter{ChunkFilter::deflate, 1};
    case H5Z_FILTER_FLETCHER32:
      return StoredFilter{ChunkFilter::fletcher32, 1};
    case lzf_number:
      return StoredFilter{ChunkFilter::lzf, 1};
    case H5Z_FILTER_SHUFFLE:
      return count > 0 ? std::optional(StoredFilter{ChunkFilter::shuffle, values[0]}) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::vector<StoredFilter>> filters_undone_here(hid_t creation, const DatasetIndex& index,
                                                             const Place& place) {
  unsigned chunk_options = 0;
  check(H5Pget_chunk_opts(creation, &chunk_options), place, "read the storage");
  if (!index.filters.empty() && chunk_options != 0) {
    return std::nullopt;  // chunks at the edges may be stored without filters, and their masks do not say so
  }
  std::vector<StoredFilter> filters;
  for (unsigned i = 0; i < index.filters.size(); ++i) {
    const auto filter = known_filter(creation, i, place);
    if (!filter) {
      return std::nullopt;
    }
    filters.push_back(*filter);
  }
  return are_sound(filters) ? std::optional(std::move(filters)) : std::nullopt;
}

bool are_sound(const std::vector<StoredFilter>& filters) {
  const auto compresses = [](const StoredFilter& filter) {
    return filter.kind == ChunkFilter::deflate || filter.kind == ChunkFilter::lzf;
  };
  return std::ranges::count_if(filters, compresses) <= 1 &&
         std::ranges::none_of(filters, [](const StoredFilter& filter) { return filter.element_size == 0; });
}

std::size_t ChunkPipeline::decoder_buffers() const {
  const auto moving = std::count_if(filters_.begin(), filters_.end(),
                                    [](const StoredFilter& f) { return f.kind != ChunkFilter::fletcher32; });
  return std::min<std::size_t>(2, static_cast<std::size_t>(moving));
}

bool ChunkPipeline::applied(std::size_t position, std::uint32_t skipped) const {
  return ((skipped >> position) & 1U) == 0;
}

// Bytes that the filter at `position` was given: the chunk and the checksums added before.
std::size_t ChunkPipeline::size_before(std::size_t position, std::uint32_t skipped) const {
  std::size_t size = chunk_bytes_;
  for (std::size_t i = 0; i < position; ++i) {
    size += applied(i, skipped) && filters_[i].kind == ChunkFilter::fletcher32 ? fletcher32_bytes : 0;
  }
  return size;
}

// Whether nothing is left to undo after the filter at `position`.
bool ChunkPipeline::is_last(std::size_t position, std::uint32_t skipped) const {
  for (std::size_t i = 0; i < position; ++i) {
    if (applied(i, skipped)) {
      return false;
    }
  }
  return true;
}

ChunkDecoder::ByteView ChunkDecoder::decode(ByteView stored, std::uint32_t skipped,
                                            std::span<std::byte> target) {
  ByteView bytes = stored;
  std::size_t spare = 0;
  for (std::size_t i = pipeline_.filters_.size(); i-- > 0;) {
    const StoredFilter& filter = pipeline_.filters_[i];
    if (!pipeline_.applied(i, skipped)) {
      continue;
    }
    if (filter.kind == ChunkFilter::fletcher32) {
      bytes = without_checksum(bytes);
      continue;
    }
    const std::size_t size =
        filter.kind == ChunkFilter::shuffle ? bytes.size() : pipeline_.size_before(i, skipped);
    const bool in_place = size == target.size() && pipeline_.is_last(i, skipped);
    const std::span<std::byte> out = in_place ? target : buffers_.at(spare).room(size);
    undo(filter, bytes, out);
    bytes = out;
    spare = 1 - spare;
  }
  if (bytes.size() != pipeline_.chunk_bytes_) {
    refuse_size(bytes.size(), pipeline_.chunk_bytes_);
  }
  if (!target.empty() && bytes.data() != target.data()) {
    std::memcpy(target.data(), bytes.data(), bytes.size());
  }
  return bytes;
}

void ChunkDecoder::undo(const StoredFilter& filter, ByteView bytes, std::span<std::byte> out) {
  switch (filter.kind) {
    case ChunkFilter::deflate:
      return inflater_.inflate(bytes, out);
    case ChunkFilter::lzf:
      return unpack_lzf(bytes, out);
    default:
      return unshuffle(bytes, filter.element_size, out);
  }
}

}  // namespace collapscope::hdf5
