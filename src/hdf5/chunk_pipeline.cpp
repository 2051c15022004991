#include "hdf5/chunk_pipeline.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "hdf5/chunks.hpp"
#include "hdf5/lzf.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr H5Z_filter_t lzf_number = 32000;
constexpr std::size_t checksum_size = 4;

using Bytes = std::span<const std::byte>;

unsigned value(std::byte byte) { return std::to_integer<unsigned>(byte); }

[[noreturn]] void refuse_size(std::size_t found, std::size_t expected) {
  throw DamagedChunk(fmt::format("found {} bytes, expected {}", found, expected));
}

// Ends zlib's state with the scope.
class Inflation {
 public:
  Inflation() {
    if (inflateInit(&stream_) != Z_OK) {
      throw DamagedChunk("zlib does not start");
    }
  }
  ~Inflation() { inflateEnd(&stream_); }
  Inflation(const Inflation&) = delete;
  Inflation& operator=(const Inflation&) = delete;
  Inflation(Inflation&&) = delete;
  Inflation& operator=(Inflation&&) = delete;

  // Inflates everything into `out`, which it must fill.
  void run(Bytes packed, std::span<std::byte> out) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    if (packed.size() > most || out.size() > most) {
      throw DamagedChunk("deflate: chunks of 4 GiB and more are not supported");
    }
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_FINISH);
    if (result == Z_STREAM_END && stream_.avail_out == 0) {
      return;
    }
    if (result == Z_STREAM_END) {
      refuse_size(out.size() - stream_.avail_out, out.size());
    }
    if (stream_.avail_out == 0) {
      throw DamagedChunk(fmt::format("deflate: does not end after the {} bytes expected", out.size()));
    }
    throw DamagedChunk(
        fmt::format("deflate: {}", stream_.msg != nullptr ? stream_.msg : "the data is cut off"));
  }

 private:
  z_stream stream_{};
};

void unpack_lzf(Bytes packed, std::span<std::byte> out) {
  if (lzf_unpack(packed, out)) {
    return;
  }
  if (const std::size_t size = lzf_unpacked_size(packed); size != 0) {
    refuse_size(size, out.size());
  }
  throw DamagedChunk("lzf: invalid data");
}

// Byte b of element e lies at b * elements + e; bytes that make no whole element follow unshuffled.
void unshuffle(Bytes shuffled, std::size_t element_size, std::span<std::byte> out) {
  const std::size_t elements = shuffled.size() / element_size;
  for (std::size_t b = 0; b < element_size; ++b) {
    const std::byte* from = shuffled.data() + b * elements;
    for (std::size_t e = 0; e < elements; ++e) {
      out[e * element_size + b] = from[e];
    }
  }
  const std::size_t whole = elements * element_size;
  std::copy(shuffled.begin() + static_cast<std::ptrdiff_t>(whole), shuffled.end(),
            out.begin() + static_cast<std::ptrdiff_t>(whole));
}

// Fletcher's checksum of big-endian 16-bit words, as HDF5 defines it.
std::uint32_t fletcher32(Bytes bytes) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  const auto fold = [](std::uint32_t sum) { return (sum & 0xffffU) + (sum >> 16U); };
  constexpr std::size_t block = 720;  // bytes whose sums fit 32 bits
  for (std::size_t begin = 0; begin < bytes.size(); begin += block) {
    const std::size_t end = std::min(begin + block, bytes.size());
    for (std::size_t i = begin; i < end; i += 2) {
      low += (value(bytes[i]) << 8U) | (i + 1 < end ? value(bytes[i + 1]) : 0U);
      high += low;
    }
    low = fold(low);
    high = fold(high);
  }
  return (fold(high) << 16U) | fold(low);
}

// Removes the checksum at the end, after a look at it.
void remove_checksum(std::vector<std::byte>& bytes) {
  if (bytes.size() < checksum_size) {
    throw DamagedChunk("fletcher32: the checksum is missing");
  }
  const Bytes data = Bytes(bytes).first(bytes.size() - checksum_size);
  std::array<unsigned, checksum_size> stored{};
  std::transform(bytes.end() - checksum_size, bytes.end(), stored.begin(), value);
  const std::uint32_t expected = fletcher32(data);
  const std::uint32_t found = stored[0] | (stored[1] << 8U) | (stored[2] << 16U) | (stored[3] << 24U);
  // HDF5 before 1.6.3 swapped the bytes of each half on little-endian machines.
  const std::uint32_t swapped = stored[1] | (stored[0] << 8U) | (stored[3] << 16U) | (stored[2] << 24U);
  if (expected != found && expected != swapped) {
    throw DamagedChunk(fmt::format("fletcher32: found checksum {:08x}, expected {:08x}", found, expected));
  }
  bytes.resize(data.size());
}

}  // namespace

std::optional<ChunkPipeline::Filter> ChunkPipeline::known_filter(hid_t creation, unsigned position,
                                                                 const Place& place) {
  std::array<unsigned, 8> values{};
  std::size_t count = values.size();
  unsigned flags = 0;
  const H5Z_filter_t id =
      check(H5Pget_filter2(creation, position, &flags, &count, values.data(), 0, nullptr, nullptr), place,
            "read the filters");
  switch (id) {
    case H5Z_FILTER_DEFLATE:
      return Filter{Kind::deflate, 0};
    case H5Z_FILTER_FLETCHER32:
      return Filter{Kind::fletcher32, 0};
    case lzf_number:
      return Filter{Kind::lzf, 0};
    case H5Z_FILTER_SHUFFLE:
      return count > 0 && values[0] > 0 ? std::optional(Filter{Kind::shuffle, values[0]}) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<ChunkPipeline> ChunkPipeline::of(const OpenDataset& dataset) {
  const DatasetIndex& index = dataset.index();
  if (index.storage != Storage::chunked || index.filters.empty()) {
    return std::nullopt;
  }
  const Handle creation =
      own(H5Dget_create_plist(dataset.id()), H5Pclose, dataset.place(), "read the storage");
  ChunkPipeline pipeline(element_count(index.chunk) * index.element.size());
  for (unsigned i = 0; i < index.filters.size(); ++i) {
    const auto filter = known_filter(creation.get(), i, dataset.place());
    if (!filter) {
      return std::nullopt;
    }
    pipeline.filters_.push_back(*filter);
  }
  const auto compressors =
      std::count_if(pipeline.filters_.begin(), pipeline.filters_.end(),
                    [](const Filter& f) { return f.kind == Kind::deflate || f.kind == Kind::lzf; });
  return compressors <= 1 ? std::optional(std::move(pipeline)) : std::nullopt;
}

// Bytes that the filter at `position` was given: the chunk and the checksums added before.
std::size_t ChunkPipeline::size_before(std::size_t position, std::uint32_t skipped) const {
  std::size_t size = chunk_bytes_;
  for (std::size_t i = 0; i < position; ++i) {
    const bool applied = ((skipped >> i) & 1U) == 0;
    size += applied && filters_[i].kind == Kind::fletcher32 ? checksum_size : 0;
  }
  return size;
}

void ChunkPipeline::undo(std::size_t position, std::uint32_t skipped, std::vector<std::byte>& bytes) {
  const Filter& filter = filters_[position];
  if (filter.kind == Kind::fletcher32) {
    remove_checksum(bytes);
    return;
  }
  spare_.resize(filter.kind == Kind::shuffle ? bytes.size() : size_before(position, skipped));
  if (filter.kind == Kind::shuffle) {
    unshuffle(bytes, filter.element_size, spare_);
  } else if (filter.kind == Kind::deflate) {
    Inflation().run(bytes, spare_);
  } else {
    unpack_lzf(bytes, spare_);
  }
  bytes.swap(spare_);
}

void ChunkPipeline::decode(std::vector<std::byte>& bytes, std::uint32_t skipped) {
  for (std::size_t i = filters_.size(); i-- > 0;) {
    if (((skipped >> i) & 1U) == 0) {
      undo(i, skipped, bytes);
    }
  }
  if (bytes.size() != chunk_bytes_) {
    refuse_size(bytes.size(), chunk_bytes_);
  }
}

}  // namespace collapscope::hdf5
