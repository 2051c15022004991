// Synthetic dumps: exact designs, impossible specifications, no rubbish after failures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numbers>

#include "collapscope/core/error.hpp"
#include "collapscope/dump/dump.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/support.hpp"
#include "synth/design.hpp"

namespace collapscope {
namespace {

namespace fs = std::filesystem;
using test::eps;

TEST(CosineDesign, ColumnsAreExactlyOrthogonal) {
  for (const std::size_t rows : {3U, 4U, 5U, 16U, 97U, 100U, 1000U, 1009U}) {
    SCOPED_TRACE(rows);
    const std::size_t cols = std::min<std::size_t>((rows - 1) / 2, 9);
    Matrix all(rows, cols);
    synth::CosineDesign(rows).fill(0, 0, all.view());
    // Each entry is off by the rounding of an angle up to 2 pi, times sqrt(2).
    const double tolerance = 4 * std::numbers::pi * eps;
    for (std::size_t j = 0; j < cols; ++j) {
      long double mean = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        mean += all(i, j);
      }
      EXPECT_NEAR(static_cast<double>(mean / static_cast<double>(rows)), 0, tolerance);
      for (std::size_t k = 0; k <= j; ++k) {
        long double product = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          product += static_cast<long double>(all(i, j)) * all(i, k);
        }
        EXPECT_NEAR(static_cast<double>(product / static_cast<double>(rows)), j == k ? 1 : 0, 4 * tolerance);
      }
    }
  }
}

TEST(CosineDesign, BlocksArePartsOfTheWhole) {
  const synth::CosineDesign design(101);
  Matrix all(101, 6);
  design.fill(0, 0, all.view());
  test::Padded block(Matrix(7, 3));
  design.fill(40, 2, block.view());
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_EQ(block.view()(i, j), all(40 + i, 2 + j));
    }
  }
}

TEST(Reflection, IsAnOrthogonalInvolutionThatMixes) {
  for (const std::size_t size : {1U, 2U, 17U}) {
    const synth::Reflection turn(size);
    Matrix rows(size, size);
    for (std::size_t i = 0; i < size; ++i) {
      rows(i, i) = 1;
    }
    const Matrix identity = rows;
    turn.apply(rows.view());
    const double tolerance = 8 * static_cast<double>(size) * eps;
    EXPECT_LE(test::orthogonality_error(rows), tolerance);
    for (const double value : rows.values()) {
      EXPECT_GT(std::abs(value), 1e-6);
    }
    turn.apply(rows.view());
    EXPECT_LE(test::largest_difference(rows.values(), identity.values()), tolerance);
  }
}

class SynthFiles : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ + "/dump.h5"; }
  [[nodiscard]] bool empty() const { return fs::is_empty(folder_); }

  std::string folder_ = test::temporary_path("_synth");
};

TEST_F(SynthFiles, ImpossiblePlantedDumpsAreRefused) {
  const auto refused = [&](auto&& change) {
    PlantedSpec spec;
    spec.samples = 40;
    change(spec);
    EXPECT_THROW(write_planted(path(), spec), UsageError);
    EXPECT_TRUE(empty());
  };
  refused([](PlantedSpec& s) { s.targets = 0; });
  refused([](PlantedSpec& s) { s.features = 2; });
  refused([](PlantedSpec& s) { s.samples = 34; });  // 2 (d + 1)
  refused([](PlantedSpec& s) { s.samples = 0; });
  refused([](PlantedSpec& s) { s.noise = {}; });
  refused([](PlantedSpec& s) { s.noise = {0.5, 1.0}; });
  refused([](PlantedSpec& s) { s.noise = {-0.1}; });
  refused([](PlantedSpec& s) { s.noise = {test::nan}; });
  refused([](PlantedSpec& s) { s.noise = {0.9}; });  // stronger than the signal in each of its directions
  refused([](PlantedSpec& s) { s.features = s.targets; });  // nowhere to put the noise
  refused([](PlantedSpec& s) { s.step = test::nan; });
  refused([](PlantedSpec& s) { s.step = std::numeric_limits<double>::infinity(); });
  refused([](PlantedSpec& s) { s.element = ElementKind::int32; });
  refused([](PlantedSpec& s) {
    s.storage = SynthStorage::chunked;
    s.chunk = {0, 4};
  });
  refused([](PlantedSpec& s) {
    s.storage = SynthStorage::gzip;
    s.chunk = {4};
  });
}

TEST_F(SynthFiles, ImpossibleUfmDumpsAreRefused) {
  const auto refused = [&](auto&& change) {
    UfmSpec spec;
    change(spec);
    EXPECT_THROW(write_ufm(path(), spec), UsageError);
    EXPECT_TRUE(empty());
  };
  refused([](UfmSpec& s) { s.lambda_w = 0; });
  refused([](UfmSpec& s) { s.lambda_h = -1; });
  refused([](UfmSpec& s) { s.lambda_w = test::nan; });
  refused([](UfmSpec& s) { s.lambda_w = s.lambda_h = 0.6; });  // c = 0.36 > 1/3
  refused([](UfmSpec& s) { s.samples = 10; });
}

TEST_F(SynthFiles, FailedWritesLeaveNothing) {
  EXPECT_THROW(write_planted(folder_ + "/missing/dump.h5", {}), Error);
  EXPECT_TRUE(empty());
  fs::create_directories(path());  // a folder stands where the file should go
  std::ofstream(path() + "/inside") << "x";
  EXPECT_THROW(write_planted(path(), {}), Error);
  EXPECT_THROW(write_ufm(path(), {}), Error);
  EXPECT_TRUE(fs::exists(path() + "/inside"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(SynthFiles, StoppedWritesLeaveNothing) {
  StopRequest stop;
  stop.by_signal(SIGTERM);
  fs::create_directories(folder_);
  const auto stopped = [&](auto write, const auto& spec) {
    EXPECT_THROW(write(path(), spec, &stop), Stopped);
    EXPECT_TRUE(empty());
  };
  stopped(write_planted, PlantedSpec());
  stopped(write_ufm, UfmSpec());
  stopped(write_classes, ClassSpec());
}

TEST_F(SynthFiles, MoreThanTheDiskHoldsIsRefused) {
  const auto refused = [&](auto write, const auto& spec) {
    try {
      write(path(), spec, nullptr);
      ADD_FAILURE() << "written";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("dump.h5: it needs 8."),
                                                 ::testing::HasSubstr(", and the disk has "),
                                                 ::testing::HasSubstr(" free")));
    }
    EXPECT_TRUE(empty());
  };
  fs::create_directories(folder_);
  PlantedSpec planted;  // 8 PiB of activations
  planted.samples = std::uint64_t{1} << 40U;
  planted.features = 1024;
  planted.noise = {0.5};
  refused(write_planted, planted);
  ClassSpec classes;
  classes.rows = (std::uint64_t{1} << 40U) / 8;
  classes.classes = 8;
  classes.features = 1024;
  classes.nc1 = {1};
  refused(write_classes, classes);
}

TEST_F(SynthFiles, WhatIsWrittenCanBeIndexed) {
  PlantedSpec spec;
  spec.samples = 41;
  spec.noise = {0.25, 0};
  spec.run = "r";
  spec.step = 7;
  spec.storage = SynthStorage::gzip;
  write_planted(path(), spec);
  const DumpIndex index = index_dump(path());
  EXPECT_TRUE(index.failures.empty());
  ASSERT_EQ(index.checkpoints.size(), 1U);
  const CheckpointIndex& checkpoint = index.checkpoints[0];
  EXPECT_EQ(checkpoint.run, "r");
  EXPECT_EQ(checkpoint.step, 7);
  ASSERT_EQ(checkpoint.layers.size(), 2U);
  EXPECT_EQ(checkpoint.layers[0].name, "layer1");
  const Matrix rows = read_matrix(checkpoint.layers[0].activations);
  ASSERT_EQ(rows.rows(), 41U);
  double squares = 0;
  for (const double value : rows.values()) {
    squares += value * value;
  }
  EXPECT_NEAR(squares / 41, 1, 1e-13);  // total variance 1: 41 x 16 squares with a few roundings each
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace collapscope
