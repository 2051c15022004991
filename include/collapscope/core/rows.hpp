// Rows on their way from storage to an accumulator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collapscope/core/element.hpp"

namespace collapscope {

// How a sample lies in storage: [N, d], [N, T, d], [N, C, positions...] or [N, positions..., C].
enum class Layout : std::uint8_t { rows, ntd, nchw, nhwc };

// How a sequence or image becomes samples.
enum class Pool : std::uint8_t { mean, max, first, last, flatten, none };

// Text of the enumerators as users write them; `parse_pool` throws UsageError.
[[nodiscard]] std::string_view pool_name(Pool pool);
[[nodiscard]] Pool parse_pool(std::string_view text);
[[nodiscard]] std::string_view layout_name(Layout layout);

// A layout and its number of axes, by which NCL, NCHW and NCDHW differ.
struct NamedLayout {
  Layout layout = Layout::rows;
  std::size_t axes = 2;

  NamedLayout() = default;
  // With the axes of "NTD", "NCHW" and "NHWC".
  NamedLayout(Layout usual);
  NamedLayout(Layout with, std::size_t so_many) : layout(with), axes(so_many) {}
};
// "NTD", "NLC", "NWC", "NCL", "NCW", "NCHW", "NHWC", "NCDHW", "NDHWC", in any case.
[[nodiscard]] std::optional<NamedLayout> find_layout(std::string_view text);
// Of a layout with so many axes: "NCL".
[[nodiscard]] std::string_view layout_name(Layout layout, std::size_t axes);

// How the bytes of one stored sample become rows of float64.
struct RowFormat {
  ElementType element;
  Layout layout = Layout::rows;
  Pool pool = Pool::mean;
  std::size_t positions = 1;  // T, or H * W; 1 for [N, d]
  std::size_t channels = 0;   // d, or C

  [[nodiscard]] std::size_t sample_elements() const { return positions * channels; }
  [[nodiscard]] std::size_t sample_bytes() const { return sample_elements() * element.size(); }
  // Rows that one sample gives: 1, or every position with Pool::none.
  [[nodiscard]] std::size_t rows_per_sample() const {
    return layout != Layout::rows && pool == Pool::none ? positions : 1;
  }
  // Whether a row is a run of consecutive stored numbers, so that nothing is pooled or gathered.
  [[nodiscard]] bool rows_are_stored() const {
    return layout == Layout::rows || pool == Pool::flatten || (pool == Pool::none && layout != Layout::nchw);
  }
  // Features of a row.
  [[nodiscard]] std::size_t row_length() const {
    return layout != Layout::rows && pool == Pool::flatten ? positions * channels : channels;
  }
};

// Rows of a training script in memory, one after the other.
struct RowBytes {
  RowBytes(std::span<const std::byte> rows, bool of_device = false) : bytes(rows), on_device(of_device) {}

  std::span<const std::byte> bytes;
  bool on_device = false;  // the memory is that of the device of Backend::row_stream
};

// Some consecutive rows of one layer, still as stored. `bytes` holds whole samples; the first
// `skip_rows` rows of the first sample belong to the tile before (only with Pool::none).
struct RawTile {
  std::span<const std::byte> bytes;
  std::size_t skip_rows = 0;
  std::size_t rows = 0;
  std::uint64_t first_row = 0;  // of the whole layer
  bool on_device = false;       // as of RowBytes; of formats whose rows are stored
};

// Random access to the samples of one stored dataset, in file byte order. For one thread at a time.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Samples [first, first + count) into `out`, which holds exactly count * sample_bytes().
  // Throws InputError when they cannot be read.
  virtual void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) = 0;
  // Reads cost least when they begin at and span multiples of this many samples (a chunk's rows); >= 1.
  [[nodiscard]] virtual std::uint64_t preferred_samples() const = 0;
  // Another reader of the same samples, for another thread at the same time, which works on so many threads
  // (its caller's included); null: there is none, because each byte would be decoded by several or is read
  // through HDF5.
  [[nodiscard]] virtual std::unique_ptr<RowReader> twin(std::size_t /*threads*/) { return nullptr; }
  // Samples [first, first + count) will be read soon: whoever can begins to fetch them.
  virtual void expect(std::uint64_t /*first*/, std::uint64_t /*count*/) {}
};

}  // namespace collapscope
