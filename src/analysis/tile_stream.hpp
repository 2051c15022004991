// The rows of one layer in tiles, as often as wanted. In order, read ahead of their use:
//
//   reader thread   read 0 | read 1 | read 2 ...
//   caller                  | tiles of 0 | tiles of 1 ...
//
// with two bands at most in memory, or the whole layer when it is kept. Or in lanes, where each thread reads
// and uses whole segments by itself, so that threads do not wait for each other:
//
//   lane 0   read, tiles, read, tiles ... of segment 0 | of segment 2 | ...
//   lane 1   read, tiles, read, tiles ... of segment 1 | of segment 3 | ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "analysis/target_rows.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/backend/backend.hpp"

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

  // What lanes do: `visit` all tiles of a segment, in order, then `finish` it. Called by several threads, one
  // at a time for each lane.
  struct LaneVisitor {
    std::function<void(std::size_t lane, const RawTile&, MatrixView<const double>)> visit;
    std::function<void(std::size_t lane, std::uint64_t segment)> finish;
  };

  // tile_rows: rows of a tile, unless a sample's rows do not divide it: tiles hold whole samples, or parts of
  // one.
  TileStream(LayerPlan plan, std::size_t tile_rows, std::unique_ptr<RowReader> reader, TargetRows& targets,
             ReadListener listener, BufferMaker make_buffer = make_plain_buffer);

  // All tiles in order, and settled. Exceptions of reader and visitor come out here.
  void pass(
      const Visitor& visit, const Settle& settle = [] {});

  // Lanes for the next pass: the plan's; 1: the rows cannot be read that way.
  [[nodiscard]] std::size_t lanes();
  // All tiles, in lanes(). Of several exceptions, that of the first segment comes out.
  void pass_in_lanes(const LaneVisitor& visitor);

 private:
  struct Band {
    std::uint64_t first = 0;  // sample
    std::uint64_t samples = 0;
    std::span<const std::byte> bytes;
    MatrixView<const double> targets;
  };

  // What a lane needs for itself.
  struct Lane {
    std::unique_ptr<RowReader> reader;
    std::unique_ptr<HostBuffer> buffer;
    TargetRows::Room targets;
  };

  [[nodiscard]] std::span<std::byte> kept_room(std::uint64_t first, std::uint64_t samples) const;
  std::span<std::byte> room(std::uint64_t number);
  // reader: unused when the layer is kept and complete.
  Band read_band(std::uint64_t first, std::uint64_t samples, RowReader* reader, std::span<std::byte> room,
                 TargetRows::Room& target_room);
  void visit_segment(std::size_t number, std::uint64_t segment, const LaneVisitor& visitor);
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
  std::mutex listening_;
  std::unique_ptr<HostBuffer> buffers_[2];
  TargetRows::Room target_rooms_[2];
  std::vector<Lane> lanes_;
  std::unique_ptr<HostBuffer> kept_;
  bool complete_ = false;  // kept_ holds the whole layer
};

}  // namespace collapscope
