// The reading pipeline: every row once and in order, whatever the bands; failures come out where they belong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "analysis/tile_stream.hpp"
#include "collapscope/decode.hpp"
#include "collapscope/error.hpp"
#include "collapscope/synth.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

constexpr std::size_t channels = 3;
constexpr std::uint64_t samples = 53;

// Sample i holds the numbers i * length + 0, 1, ...; counts its reads; may fail at a sample.
class FakeReader final : public RowReader {
 public:
  FakeReader(std::size_t length, std::uint64_t fails_at, int& reads)
      : length_(length), fails_at_(fails_at), reads_(reads) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    ++reads_;
    ASSERT_LE(first + count, samples);
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

class TileStreamTest : public testing::Test {
 protected:
  void SetUp() override {
    PlantedSpec spec;
    spec.samples = samples;
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
    plan.format.channels = channels;
    plan.samples = samples;
    plan.rows = samples * positions;
    plan.band_samples = band;
    plan.keeps_bytes = keeps;
    return plan;
  }

  // One pass; checks each tile and counts its rows.
  void expect_tiled(TileStream& stream, const LayerPlan& plan, std::size_t tile_rows) {
    std::uint64_t next = 0;
    const std::size_t positions = plan.format.positions;
    stream.pass([&](const RawTile& tile, MatrixView<const double> targets) {
      ASSERT_EQ(tile.first_row, next);
      ASSERT_GT(tile.rows, 0U);
      ASSERT_LE(tile.rows, tile_rows);
      ASSERT_EQ(targets.rows(), tile.rows);
      Matrix rows(tile.rows, channels);
      ASSERT_EQ(decode_tile(tile, plan.format, rows.view()), std::nullopt);
      for (std::size_t i = 0; i < tile.rows; ++i) {
        for (std::size_t c = 0; c < channels; ++c) {
          ASSERT_EQ(rows(i, c), static_cast<double>((next + i) * channels + c));
        }
        ASSERT_EQ(targets(i, 0), all_targets_((next + i) / positions, 0));
      }
      next += tile.rows;
    });
    EXPECT_EQ(next, samples * positions);
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
            TileStream stream(layer, tile_rows,
                              std::make_unique<FakeReader>(positions * channels, samples, reads), targets,
                              [&](std::uint64_t count) { bytes += count; });
            expect_tiled(stream, layer, tile_rows);
            const int reads_of_a_pass = reads;
            expect_tiled(stream, layer, tile_rows);
            const std::uint64_t whole = samples * layer.format.sample_bytes();
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
  TileStream stream(plan(1, 16, false), 8, std::make_unique<FakeReader>(channels, samples, reads), targets,
                    [](std::uint64_t) {});
  std::vector<std::size_t> rows;
  stream.pass([&](const RawTile& tile, MatrixView<const double>) { rows.push_back(tile.rows); });
  EXPECT_EQ(rows, (std::vector<std::size_t>{8, 8, 8, 8, 8, 8, 5}));
}

TEST_F(TileStreamTest, WhatTheReaderThrowsComesOut) {
  TargetRows targets({index_}, 0);
  for (const std::uint64_t fails_at : {0U, 7U, 25U, 52U}) {
    int reads = 0;
    TileStream stream(plan(1, 5, false), 4, std::make_unique<FakeReader>(channels, fails_at, reads), targets,
                      [](std::uint64_t) {});
    std::uint64_t rows = 0;
    EXPECT_THROW(stream.pass([&](const RawTile& tile, MatrixView<const double>) { rows += tile.rows; }),
                 InputError);
    EXPECT_EQ(rows, fails_at / 5 * 5) << "all bands before the broken one were visited";
  }
}

TEST_F(TileStreamTest, AVisitorMayThrowWhileABandIsRead) {
  TargetRows targets({index_}, 0);
  for (const bool keeps : {false, true}) {
    int reads = 0;
    const LayerPlan layer = plan(1, 5, keeps);
    TileStream stream(layer, 4, std::make_unique<FakeReader>(channels, samples, reads), targets,
                      [](std::uint64_t) {});
    EXPECT_THROW(stream.pass([](const RawTile& tile, MatrixView<const double>) {
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
    TileStream stream(plan(1, 5, keeps), 4, std::make_unique<FakeReader>(channels, samples, reads), targets,
                      [](std::uint64_t) {});
    std::vector<RawTile> waiting;
    std::uint64_t settled = 0;
    const auto settle = [&] {
      for (const RawTile& tile : waiting) {
        Matrix rows(tile.rows, channels);
        ASSERT_EQ(decode_tile(tile, plan(1, 5, keeps).format, rows.view()), std::nullopt);
        EXPECT_EQ(rows(0, 0), static_cast<double>(tile.first_row * channels));
        EXPECT_EQ(rows(tile.rows - 1, 0), static_cast<double>((tile.first_row + tile.rows - 1) * channels));
        settled += tile.rows;
      }
      waiting.clear();
    };
    stream.pass([&](const RawTile& tile, MatrixView<const double>) { waiting.push_back(tile); }, settle);
    EXPECT_EQ(settled, samples);
  }
}

TEST_F(TileStreamTest, VisitorsRunInTheCallersThread) {
  TargetRows targets({index_}, 0);
  int reads = 0;
  TileStream stream(plan(1, 5, false), 4, std::make_unique<FakeReader>(channels, samples, reads), targets,
                    [](std::uint64_t) {});
  const auto caller = std::this_thread::get_id();
  stream.pass(
      [&](const RawTile&, MatrixView<const double>) { EXPECT_EQ(std::this_thread::get_id(), caller); });
}

}  // namespace
}  // namespace collapscope
