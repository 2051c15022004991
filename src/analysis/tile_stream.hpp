// The rows of one layer in tiles, as often as wanted, for one worker or several. Each takes runs of segments,
// and reads a run in bands. One that works while its thread goes on reads ahead of its use:
//
//   reader thread   read 0 | read 1 | read 2 ...
//   worker                  | tiles of 0 | tiles of 1 ...
//
// with two bands at most in memory, and one thread for all of a run's. Several that work in their own threads
// read by themselves, so that nobody waits for anybody:
//
//   worker 0   read, tiles, read, tiles ... of run 0 | of run 2 | ...
//   worker 1   read, tiles, read, tiles ... of run 1 | of run 3 | ...
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "analysis/target_rows.hpp"
#include "backend/crew.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "core/segment_tree.hpp"

namespace collapscope {

class TileStream {
 public:
  // What a worker does with what it is given. Called by one thread at a time for each worker.
  struct Visitor {
    // A tile and its targets [tile.rows, n]; the tiles of a segment come in order.
    std::function<void(const RawTile&, MatrixView<const double>)> visit;
    // Returns when the visited bytes may be overwritten.
    std::function<void()> settle;
    // All tiles of this segment have been visited.
    std::function<void(std::uint64_t segment)> finish;
  };
  // Told how many bytes have been read since the last call.
  using ReadListener = std::function<void(std::uint64_t)>;
  using BufferMaker = std::function<std::unique_ptr<HostBuffer>(std::size_t)>;

  // tile_rows: rows of a tile, unless a sample's rows do not divide it: tiles hold whole samples, or parts of
  // one, of one segment and one band.
  TileStream(LayerPlan plan, std::size_t tile_rows, std::unique_ptr<RowReader> reader, TargetRows& targets,
             ReadListener listener, BufferMaker make_buffer = make_plain_buffer);

  [[nodiscard]] std::uint64_t segments() const { return plan_.segments(); }
  // Workers for the next pass: the plan's, or 1 where the rows cannot be read by several.
  [[nodiscard]] std::size_t workers();
  // All tiles of these segments, settled and finished. wanted: in order. One visitor for each of workers().
  // Exceptions of reader and visitor come out here, of several that of the first run.
  void pass(const Crew& crew, const std::vector<Visitor>& visitors, const std::vector<SegmentRange>& wanted);
  // Whether the samples of tiles are not those of the file, as visitors see them, because some are left out.
  [[nodiscard]] bool leaves_out() const { return targets_.leaves_out(); }
  // The first sample with a NaN or Inf in a row that is not left out; nullopt: there is none. Reads all
  // again.
  [[nodiscard]] std::optional<std::uint64_t> first_not_finite();

 private:
  struct Band {
    std::uint64_t first = 0;  // sample
    std::uint64_t samples = 0;
    std::span<const std::byte> bytes;
    MatrixView<const double> targets;
  };

  // What a worker reads with.
  struct Tools {
    std::unique_ptr<RowReader> twin;  // of one of several
    RowReader* reader = nullptr;      // unused when all is kept
    std::unique_ptr<HostBuffer> buffers[2];
    TargetRows::Room targets[2];
  };

  // Whole segments, read in bands.
  struct Run {
    std::uint64_t begin;  // sample
    std::uint64_t end;
    std::uint64_t band_samples;
    bool ahead;  // while the worker visits a band, the next one is read
  };

  [[nodiscard]] std::vector<Run> runs_of(const std::vector<SegmentRange>& wanted, std::size_t workers) const;
  void prepare(std::size_t workers, const std::vector<Run>& runs);
  [[nodiscard]] std::span<std::byte> kept_room(std::uint64_t first, std::uint64_t samples) const;
  // place: of the buffers'.
  Band read_band(Tools& tools, std::size_t place, std::uint64_t first, std::uint64_t samples);
  void visit_run(Tools& tools, const Run& run, const Visitor& visitor);
  void listen(std::uint64_t bytes);
  void visit_tiles(const Band& band, const Visitor& visitor) const;
  void visit_tile(const Band& band, std::uint64_t sample, std::uint64_t samples, std::size_t skip,
                  std::size_t rows, const Visitor& visitor) const;
  // The same with the samples only that have a class.
  void visit_kept(const Band& band, std::uint64_t sample, const std::vector<std::size_t>& kept,
                  const Visitor& visitor) const;
  // Numbers of kept rows that lie together: a position's, or a sample's.
  [[nodiscard]] std::size_t rows_at_once() const;
  [[nodiscard]] bool is_finite(std::span<const std::byte> stored) const;

  LayerPlan plan_;
  std::size_t tile_rows_;
  std::unique_ptr<RowReader> reader_;
  TargetRows& targets_;
  ReadListener listener_;
  BufferMaker make_buffer_;
  std::mutex listening_;
  std::vector<Tools> tools_;  // of the workers
  std::unique_ptr<HostBuffer> kept_;
  bool complete_ = false;  // kept_ holds the whole layer
};

}  // namespace collapscope
