// The reading pipeline: every row once and in order, whatever the bands; failures come out where they belong.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "analysis/tile_stream.hpp"
#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

constexpr std::size_t stream_channels = 3;
constexpr std::uint64_t stream_samples = 53;

// Sample i holds the numbers i * length + 0, 1, ...; counts its reads; may fail at a sample.
class FakeReader final : public RowReader {
 public:
  FakeReader(std::size_t length, std::uint64_t fails_at, int& reads)
      : length_(length), fails_at_(fails_at), reads_(reads) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    ++reads_;
    ASSERT_LE(first + count, stream_samples);
    ASSERT_EQ(out.size(), count * length_ * sizeof(double));
    if (first <= fails_at_ && fails_at_ < first + count) {
      throw InputError("fake.h5", "/x", "broken");
    }
    for (std::size_t i = 0; i < count * length_; ++i) {
      const double value = static_cast<double>(first * length_ + i);
      std::memcpy(out.data() + i * sizeof value, &value, sizeof value);
    }
  }
  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

 private:
  std::size_t length_;
  std::uint64_t fails_at_;
  int& reads_;
};

// A FakeReader that any number of threads can have; counts what it was told to expect.
class TwinReader final : public RowReader {
 public:
  TwinReader(std::size_t length, std::atomic<int>& reads) : length_(length), reads_(reads) {}
  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    int one = 0;
    FakeReader(length_, stream_samples, one).read(first, count, out);
    reads_ += one;
  }
  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }
  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t /*threads*/) override {
    return std::make_unique<TwinReader>(length_, reads_);
  }
  void expect(std::uint64_t first, std::uint64_t count) override { EXPECT_LE(first + count, stream_samples); }

 private:
  std::size_t length_;
  std::atomic<int>& reads_;
};

class TileStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    PlantedSpec spec;
    spec.samples = stream_samples;
    spec.features = 2;
    spec.targets = 1;
    spec.noise = {0.5};
    write_planted(path_, spec);
    index_ = index_dump(path_).checkpoints.at(0).targets;
    all_targets_ = read_matrix(index_);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static LayerPlan plan(std::size_t positions, std::uint64_t band, bool keeps) {
    LayerPlan plan;
    plan.format.layout = positions > 1 ? Layout::ntd : Layout::rows;
    plan.format.pool = positions > 1 ? Pool::none : Pool::mean;
    plan.format.positions = positions;
    plan.format.channels = stream_channels;
    plan.samples = stream_samples;
    plan.rows = stream_samples * positions;
    plan.band_samples = band;
    plan.segment_samples = 16;
    plan.keeps_bytes = keeps;
    return plan;
  }

  using Visit = std::function<void(const RawTile&, MatrixView<const double>)>;

  // One worker alone.
  static void pass(
      TileStream& stream, const Visit& visit, const std::function<void()>& settle = [] {}) {
    std::uint64_t finished = 0;
    stream.pass(alone(), {{visit, settle, [&](std::uint64_t segment) { EXPECT_EQ(segment, finished++); }}},
                {{0, stream.segments()}});
    EXPECT_GT(finished, 0U);
  }
  static Crew alone() {
    static const auto cpu = make_cpu_backend(1);
    return Crew(*cpu);
  }
  static Crew crew(std::size_t workers) {
    static const auto cpu = make_cpu_backend(1);
    const std::vector<Backend*> backends(workers, cpu.get());
    return Crew(std::span<Backend* const>(backends));
  }

  // One pass of one worker; checks each tile and counts its rows.
  void expect_tiled(TileStream& stream, const LayerPlan& plan, std::size_t tile_rows) {
    std::uint64_t next = 0;
    const std::size_t positions = plan.format.positions;
    pass(stream, [&](const RawTile& tile, MatrixView<const double> targets) {
      ASSERT_EQ(tile.first_row, next);
      ASSERT_GT(tile.rows, 0U);
      ASSERT_LE(tile.rows, tile_rows);
      ASSERT_EQ(targets.rows(), tile.rows);
      Matrix rows(tile.rows, stream_channels);
      ASSERT_EQ(decode_tile(tile, plan.format, rows.view()), std::nullopt);
      for (std::size_t i = 0; i < tile.rows; ++i) {
        for (std::size_t c = 0; c < stream_channels; ++c) {
          ASSERT_EQ(rows(i, c), static_cast<double>((next + i) * stream_channels + c));
        }
        ASSERT_EQ(targets(i, 0), all_targets_((next + i) / positions, 0));
      }
      next += tile.rows;
    });
    EXPECT_EQ(next, stream_samples * positions);
  }

  static LayerPlan plan_with_workers(std::size_t positions, std::size_t tile_samples, bool keeps) {
    LayerPlan layer = plan(positions, 4 * tile_samples, keeps);
    layer.workers = 3;
    layer.workers_read = true;
    layer.segment_samples = 2 * tile_samples;
    layer.worker_band_samples = tile_samples;
    return layer;
  }

  // One pass of several workers; checks that every segment has its tiles, in order.
  void expect_tiled_by_workers(TileStream& stream, const LayerPlan& plan, std::size_t tile_samples) {
    ASSERT_EQ(stream.workers(), plan.workers);
    const std::uint64_t positions = plan.format.positions;
    std::vector<std::vector<std::uint64_t>> open(plan.workers);  // tiles of the worker's segment
    std::mutex mutex;
    std::map<std::uint64_t, std::vector<std::uint64_t>> segments;
    std::vector<TileStream::Visitor> visitors;
    for (std::size_t worker = 0; worker < plan.workers; ++worker) {
      visitors.push_back({[&, worker](const RawTile& tile, MatrixView<const double> targets) {
                            Matrix rows(tile.rows, stream_channels);
                            ASSERT_EQ(decode_tile(tile, plan.format, rows.view()), std::nullopt);
                            for (std::size_t i = 0; i < tile.rows; ++i) {
                              ASSERT_EQ(rows(i, 1),
                                        static_cast<double>((tile.first_row + i) * stream_channels + 1));
                              ASSERT_EQ(targets(i, 0), all_targets_((tile.first_row + i) / positions, 0));
                            }
                            open[worker].push_back(tile.first_row);
                          },
                          [] {},
                          [&, worker](std::uint64_t segment) {
                            const std::lock_guard lock(mutex);
                            EXPECT_TRUE(segments.emplace(segment, std::move(open[worker])).second);
                            open[worker].clear();
                          }});
    }
    stream.pass(crew(plan.workers), visitors, {{0, plan.segments()}});
    std::uint64_t next = 0;
    for (const auto& [segment, tiles] : segments) {
      EXPECT_EQ(tiles.front(), segment * plan.segment_samples * positions);
      for (const std::uint64_t first : tiles) {
        EXPECT_EQ(first, next);
        next += tile_samples * positions;
      }
    }
    EXPECT_EQ(next, (stream_samples + tile_samples - 1) / tile_samples * tile_samples * positions);
  }

  std::string path_ = test::temporary_path("_targets.h5");
  DatasetIndex index_;
  Matrix all_targets_;
};

TEST_F(TileStreamTest, TilesTheInputExactlyOnce) {
  for (const std::uint64_t kept_targets : {0U, 1U << 20U}) {
    TargetRows targets({index_}, kept_targets);
    for (const std::size_t positions : {1U, 3U, 4U, 9U, 20U}) {
      for (const std::size_t tile_rows : {1U, 4U, 7U, 64U}) {
        for (const std::uint64_t band : {1U, 5U, 8U, 52U, 53U, 1000U}) {
          for (const bool keeps : {false, true}) {
            SCOPED_TRACE(testing::Message() << positions << " positions, tiles of " << tile_rows
                                            << ", bands of " << band << (keeps ? ", kept" : ""));
            const LayerPlan layer = plan(positions, band, keeps);
            int reads = 0;
            std::uint64_t bytes = 0;
            TileStream stream(
                layer, tile_rows,
                std::make_unique<FakeReader>(positions * stream_channels, stream_samples, reads), targets,
                [&](std::uint64_t count) { bytes += count; });
            expect_tiled(stream, layer, tile_rows);
            const int reads_of_a_pass = reads;
            expect_tiled(stream, layer, tile_rows);
            const std::uint64_t whole = stream_samples * layer.format.sample_bytes();
            EXPECT_EQ(reads, keeps ? reads_of_a_pass : 2 * reads_of_a_pass);
            EXPECT_EQ(bytes, keeps ? whole : 2 * whole);
          }
        }
      }
    }
  }
}

TEST_F(TileStreamTest, TilesAreFullWhenBandsAreWholeTiles) {
  TargetRows targets({index_}, 0);
  int reads = 0;
  TileStream stream(plan(1, 16, false), 8,
                    std::make_unique<FakeReader>(stream_channels, stream_samples, reads), targets,
                    [](std::uint64_t) {});
  std::vector<std::size_t> rows;
  pass(stream, [&](const RawTile& tile, MatrixView<const double>) { rows.push_back(tile.rows); });
  EXPECT_EQ(rows, (std::vector<std::size_t>{8, 8, 8, 8, 8, 8, 5}));
}

TEST_F(TileStreamTest, WhatTheReaderThrowsComesOut) {
  TargetRows targets({index_}, 0);
  for (const std::uint64_t fails_at : {0U, 7U, 25U, 52U}) {
    int reads = 0;
    TileStream stream(plan(1, 5, false), 4, std::make_unique<FakeReader>(stream_channels, fails_at, reads),
                      targets, [](std::uint64_t) {});
    std::uint64_t rows = 0;
    EXPECT_THROW(pass(stream, [&](const RawTile& tile, MatrixView<const double>) { rows += tile.rows; }),
                 InputError);
    EXPECT_EQ(rows, fails_at / 5 * 5) << "all bands before the broken one were visited";
  }
}

TEST_F(TileStreamTest, AVisitorMayThrowWhileABandIsRead) {
  TargetRows targets({index_}, 0);
  for (const bool keeps : {false, true}) {
    int reads = 0;
    const LayerPlan layer = plan(1, 5, keeps);
    TileStream stream(layer, 4, std::make_unique<FakeReader>(stream_channels, stream_samples, reads), targets,
                      [](std::uint64_t) {});
    EXPECT_THROW(pass(stream,
                      [](const RawTile& tile, MatrixView<const double>) {
                        if (tile.first_row >= 10) {
                          throw std::logic_error("enough");
                        }
                      }),
                 std::logic_error);
    EXPECT_LT(reads, 11);
    expect_tiled(stream, layer, 4);  // a later pass reads all of it
  }
}

// Whoever takes bytes without copying them at once sees them whole, as long as it settles when told.
TEST_F(TileStreamTest, VisitedBytesStayUntilSettled) {
  TargetRows targets({index_}, 0);
  for (const bool keeps : {false, true}) {
    int reads = 0;
    TileStream stream(plan(1, 5, keeps), 4,
                      std::make_unique<FakeReader>(stream_channels, stream_samples, reads), targets,
                      [](std::uint64_t) {});
    std::vector<RawTile> waiting;
    std::uint64_t settled = 0;
    const auto settle = [&] {
      for (const RawTile& tile : waiting) {
        Matrix rows(tile.rows, stream_channels);
        ASSERT_EQ(decode_tile(tile, plan(1, 5, keeps).format, rows.view()), std::nullopt);
        EXPECT_EQ(rows(0, 0), static_cast<double>(tile.first_row * stream_channels));
        EXPECT_EQ(rows(tile.rows - 1, 0),
                  static_cast<double>((tile.first_row + tile.rows - 1) * stream_channels));
        settled += tile.rows;
      }
      waiting.clear();
    };
    pass(
        stream, [&](const RawTile& tile, MatrixView<const double>) { waiting.push_back(tile); }, settle);
    EXPECT_EQ(settled, stream_samples);
  }
}

TEST_F(TileStreamTest, VisitorsRunInTheCallersThread) {
  TargetRows targets({index_}, 0);
  int reads = 0;
  TileStream stream(plan(1, 5, false), 4,
                    std::make_unique<FakeReader>(stream_channels, stream_samples, reads), targets,
                    [](std::uint64_t) {});
  const auto caller = std::this_thread::get_id();
  pass(stream,
       [&](const RawTile&, MatrixView<const double>) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

TEST_F(TileStreamTest, WorkersTakeEverySegmentOnce) {
  for (const std::uint64_t kept_targets : {0U, 1U << 20U}) {
    TargetRows targets({index_}, kept_targets);
    for (const std::size_t positions : {1U, 3U}) {
      for (const std::size_t tile_samples : {1U, 4U, 20U}) {
        for (const bool keeps : {false, true}) {
          for (const std::uint64_t run : {1U, 2U, 100U}) {
            SCOPED_TRACE(testing::Message() << positions << " positions, tiles of " << tile_samples
                                            << ", runs of " << run << (keeps ? ", kept" : ""));
            LayerPlan layer = plan_with_workers(positions, tile_samples, keeps);
            layer.run_segments = run;
            std::atomic<int> reads = 0;
            std::uint64_t bytes = 0;
            TileStream stream(layer, tile_samples * positions,
                              std::make_unique<TwinReader>(positions * stream_channels, reads), targets,
                              [&](std::uint64_t count) { bytes += count; });
            expect_tiled_by_workers(stream, layer, tile_samples);
            const int reads_of_a_pass = reads;
            expect_tiled_by_workers(stream, layer, tile_samples);
            const std::uint64_t whole = stream_samples * layer.format.sample_bytes();
            EXPECT_EQ(reads, keeps ? reads_of_a_pass : 2 * reads_of_a_pass);
            EXPECT_EQ(bytes, keeps ? whole : 2 * whole);
          }
        }
      }
    }
  }
}

TEST_F(TileStreamTest, OfSeveralWorkersFailuresTheFirstSegmentsComesOut) {
  TargetRows targets({index_}, 0);
  for (int time = 0; time < 50; ++time) {
    std::atomic<int> reads = 0;
    TileStream stream(plan_with_workers(1, 4, false), 4, std::make_unique<TwinReader>(stream_channels, reads),
                      targets, [](std::uint64_t) {});
    ASSERT_EQ(stream.workers(), 3U);
    const auto visit = [](const RawTile& tile, MatrixView<const double>) {
      if (tile.first_row >= 20) {
        throw std::out_of_range(std::to_string(tile.first_row));
      }
    };
    try {
      stream.pass(crew(3), {3, {visit, [] {}, [](std::uint64_t) {}}}, {{0, stream.segments()}});
      FAIL() << "nothing was thrown";
    } catch (const std::out_of_range& first) {
      EXPECT_STREQ(first.what(), "20");
    }
  }
}

TEST_F(TileStreamTest, WithoutTwinsOnlyKeptRowsGoToSeveralWorkers) {
  TargetRows targets({index_}, 0);
  for (const bool keeps : {false, true}) {
    int reads = 0;
    const LayerPlan layer = plan_with_workers(1, 4, keeps);
    TileStream stream(layer, 4, std::make_unique<FakeReader>(stream_channels, stream_samples, reads), targets,
                      [](std::uint64_t) {});
    EXPECT_EQ(stream.workers(), 1U);
    expect_tiled(stream, layer, 4);
    if (keeps) {
      expect_tiled_by_workers(stream, layer, 4);
    } else {
      EXPECT_EQ(stream.workers(), 1U);
    }
  }
}

}  // namespace
}  // namespace collapscope
