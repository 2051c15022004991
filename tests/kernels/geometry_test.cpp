// Launch shapes: within the limits of devices, and enough threads for what there is to do.
#include "geometry.hpp"

#include <gtest/gtest.h>

namespace collapscope {
namespace {

const std::vector<std::size_t> sizes{1, 2, 3, 31, 32, 33, 255, 256, 257, 4095, 16384, 1000003, 100000000000};

void expect_launchable(const kernels::Geometry& shape) {
  EXPECT_GE(shape.grid_x, 1U);
  EXPECT_GE(shape.grid_y, 1U);
  EXPECT_LE(shape.grid_y, 65535U);
  EXPECT_LE(shape.grid_x * shape.grid_y, kernels::most_blocks);
  EXPECT_EQ(shape.block_x * shape.block_y, kernels::block_threads);
}

TEST(Geometry, IsLaunchable) {
  for (const std::size_t a : sizes) {
    for (const unsigned lanes : {1U, 2U, 4U, 8U, 16U, 32U}) {
      expect_launchable(kernels::rows_geometry(a, lanes));
      EXPECT_EQ(kernels::rows_geometry(a, lanes).block_x, lanes);
    }
    for (const unsigned lanes : {4U, 8U, 16U, 32U}) {
      const kernels::Geometry shape = kernels::tiles_geometry(a, 4, lanes);
      EXPECT_GE(shape.grid_x, 1U);
      EXPECT_LE(shape.grid_x, kernels::most_blocks);
      EXPECT_EQ(shape.block_x, lanes);
      EXPECT_EQ(shape.block_x * shape.block_y, kernels::tile_threads);
      EXPECT_EQ(kernels::look_lanes(a) % kernels::least_tile_lanes, 0U);
    }
    for (const std::size_t b : sizes) {
      expect_launchable(kernels::columns_geometry(a, b));
    }
  }
}

TEST(Geometry, LanesArePowersOfTwoUpToAWarp) {
  EXPECT_EQ(kernels::lanes_of(0, 4), 1U);
  EXPECT_EQ(kernels::lanes_of(4, 4), 1U);
  EXPECT_EQ(kernels::lanes_of(5, 4), 2U);
  EXPECT_EQ(kernels::lanes_of(50, 4), 16U);
  EXPECT_EQ(kernels::lanes_of(128, 4), 32U);
  EXPECT_EQ(kernels::lanes_of(1000000, 4), 32U);
  // Few channels that lie together need lanes to fill the device, many do not.
  EXPECT_EQ(kernels::pool_lanes(true, 100, 4096), 32U);
  EXPECT_EQ(kernels::pool_lanes(true, 100, 16), 2U);
  EXPECT_EQ(kernels::pool_lanes(true, 1000000, 4096), 1U);
  EXPECT_EQ(kernels::pool_lanes(false, 1000000, 4096), 32U);
}

TEST(Geometry, ChunksCoverTheRows) {
  EXPECT_EQ(kernels::row_chunks(0, 5).count, 0U);
  EXPECT_EQ(kernels::row_chunks(5, 0).count, 0U);
  for (const std::size_t rows : sizes) {
    for (const std::size_t cols : sizes) {
      const kernels::RowChunks chunks = kernels::row_chunks(rows, cols);
      EXPECT_GE(chunks.rows * chunks.count, rows);
      EXPECT_LT(chunks.rows * (chunks.count - 1), rows);  // none is empty
      EXPECT_LE(chunks.count, 2048U);
    }
  }
}

TEST(Geometry, Alignment) {
  alignas(16) const double numbers[3] = {};
  EXPECT_TRUE(kernels::is_aligned(nullptr, 16));
  EXPECT_TRUE(kernels::is_aligned(numbers, 16));
  EXPECT_FALSE(kernels::is_aligned(numbers + 1, 16));
  EXPECT_TRUE(kernels::is_aligned(numbers + 2, 16));
}

}  // namespace
}  // namespace collapscope
