// The pipeline of packing and multiplying: the plain sum, whatever the threads; failures come out.
#include "cpu/gram_pipeline.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

#include "cpu/levels.hpp"

namespace collapscope::cpu {
namespace {

constexpr std::size_t columns = 11;

// Row r of the tile has r + j in column j, over `divisor`.
void pack_block(std::size_t rows, std::size_t block, double divisor, PackedBlocks& to, std::size_t place) {
  const std::size_t first = block * block_rows;
  Room room(block_rows, columns);
  const std::size_t here = std::min(block_rows, rows - first);
  for (std::size_t i = 0; i < here; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      room.row(i)[j] = static_cast<double>(first + i + j);
    }
  }
  to.doubles.pack(place, room, here, std::vector<double>(here, divisor));
}

GramPipeline::Multiply adding_to(GramSum& sum, const std::vector<GramPart>& parts) {
  return [&](std::size_t part, const PackedBlocks& from, std::size_t rows) {
    sum.add_part(parts[part], from.doubles, rows);
  };
}

double expected(std::size_t rows, std::size_t i, std::size_t j) {
  double sum = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    sum += static_cast<double>(r + i) * static_cast<double>(r + j);
  }
  return sum;
}

TEST(GramPipeline, IsTheSumOfTheProducts) {
  for (const VectorKernels* kernels : test::all_kernels()) {
    if (kernels->panel == 0) {
      continue;
    }
    for (const std::size_t threads : {1U, 2U, 5U}) {
      const Team team(threads);
      GramPipeline pipeline(*kernels, 9, columns, 0, team);
      const auto parts = gram_parts(padded(columns), kernels->panel, threads);
      for (const std::size_t rows : {1U, 128U, 300U, 1152U}) {
        GramSum plain(*kernels, columns);
        GramSum halved(*kernels, columns);
        std::vector<GramPipeline::Work> works{
            {[&](std::size_t block, std::size_t, PackedBlocks& to, std::size_t place) {
               pack_block(rows, block, 1, to, place);
             },
             parts.size(), adding_to(plain, parts)}};
        pipeline.run(rows, works);
        works.push_back({[&](std::size_t block, std::size_t, PackedBlocks& to, std::size_t place) {
                           pack_block(rows, block, 2, to, place);
                         },
                         parts.size(), adding_to(halved, parts)});
        pipeline.run(rows, works);
        for (std::size_t i = 0; i < columns; ++i) {
          for (std::size_t j = 0; j < columns; ++j) {
            EXPECT_EQ(plain.symmetric()(i, j), 2 * expected(rows, i, j)) << rows;
            EXPECT_EQ(halved.symmetric()(i, j), expected(rows, i, j) / 4) << rows;
          }
        }
      }
    }
  }
}

TEST(GramPipeline, WhatPackingThrowsComesOut) {
  const VectorKernels& kernels = best_kernels();
  if (kernels.panel == 0) {
    GTEST_SKIP() << "no vector kernels for this CPU";
  }
  constexpr std::size_t rows = 9 * block_rows;
  for (const std::size_t threads : {1U, 2U, 4U}) {
    const Team team(threads);
    GramPipeline pipeline(kernels, 9, columns, 0, team);
    const auto parts = gram_parts(padded(columns), kernels.panel, threads);
    for (std::size_t failing = 0; failing <= 9; ++failing) {
      GramSum sum(kernels, columns);
      const std::vector<GramPipeline::Work> works{
          {[&](std::size_t block, std::size_t, PackedBlocks& to, std::size_t place) {
             if (block == failing) {
               throw std::runtime_error("full");
             }
             pack_block(rows, block, 1, to, place);
           },
           parts.size(), adding_to(sum, parts)}};
      if (failing < 9) {
        EXPECT_THAT([&] { pipeline.run(rows, works); }, testing::ThrowsMessage<std::runtime_error>("full"));
      } else {
        pipeline.run(rows, works);  // it works again
        EXPECT_EQ(sum.symmetric()(2, 3), expected(rows, 2, 3));
      }
    }
  }
}

}  // namespace
}  // namespace collapscope::cpu
