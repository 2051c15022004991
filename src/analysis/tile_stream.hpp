// The rows of one layer in tiles, as often as wanted, read ahead of their use.
//
//   reader thread   read 0 | read 1 | read 2 ...
//   caller                  | tiles of 0 | tiles of 1 ...
//
// Two bands at most are in memory, or the whole layer when it is kept. All reading, the targets' too, happens
// on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "analysis/target_rows.hpp"
#include "collapscope/analysis.hpp"
#include "collapscope/backend.hpp"

namespace collapscope {

class TileStream {
 public:
  // Visits a tile and its targets [tile.rows, n].
  using Visitor = std::function<void(const RawTile&, MatrixView<const double>)>;
  // Told how many bytes have been read since the last call.
  using ReadListener = std::function<void(std::uint64_t)>;
  // Returns when the visited bytes may be overwritten.
  using Settle = std::function<void()>;
  using BufferMaker = std::function<std::unique_ptr<HostBuffer>(std::size_t)>;

  // tile_rows: rows of a tile, unless a sample's rows do not divide it: tiles hold whole samples, or parts of
  // one.
  TileStream(LayerPlan plan, std::size_t tile_rows, std::unique_ptr<RowReader> reader, TargetRows& targets,
             ReadListener listener, BufferMaker make_buffer = make_plain_buffer);

  // All tiles in order, and settled. Exceptions of reader and visitor come out here.
  void pass(
      const Visitor& visit, const Settle& settle = [] {});

 private:
  struct Band {
    std::uint64_t first = 0;  // sample
    std::uint64_t samples = 0;
    std::span<const std::byte> bytes;
    Matrix targets;
  };

  std::span<std::byte> room(std::uint64_t number);
  Band read_band(std::uint64_t number, std::span<std::byte> room);
  void visit_tiles(const Band& band, const Visitor& visit) const;
  void visit_tile(const Band& band, std::uint64_t sample, std::uint64_t samples, std::size_t skip,
                  std::size_t rows, const Visitor& visit) const;
  [[nodiscard]] std::uint64_t bands() const;

  LayerPlan plan_;
  std::size_t tile_rows_;
  std::unique_ptr<RowReader> reader_;
  TargetRows& targets_;
  ReadListener listener_;
  BufferMaker make_buffer_;
  std::unique_ptr<HostBuffer> buffers_[2];
  std::unique_ptr<HostBuffer> kept_;
  bool complete_ = false;  // kept_ holds the whole layer
};

}  // namespace collapscope
