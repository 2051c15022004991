// Layers shared out among ranks.
#include "analysis/divide.hpp"

#include <gmock/gmock.h>

#include <random>

namespace collapscope {
namespace {

// Every segment once, in order, by ranks that do not go back; the owner first.
void expect_whole(const std::vector<LayerCost>& layers, const std::vector<std::vector<Share>>& divided,
                  std::size_t ranks) {
  ASSERT_EQ(divided.size(), layers.size());
  std::size_t rank = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::uint64_t next = 0;
    ASSERT_FALSE(divided[i].empty());
    for (const Share& share : divided[i]) {
      EXPECT_EQ(share.segments.first, next);
      EXPECT_GT(share.segments.last, next);
      EXPECT_GE(share.rank, rank);
      EXPECT_LT(share.rank, ranks);
      next = share.segments.last;
      rank = share.rank;
    }
    EXPECT_EQ(next, layers[i].segments);
  }
}

TEST(Divide, CutsWhatIsLargeInPiecesOfEqualCost) {
  const auto divided = divide({{8, 8}, {4, 4}}, 3, 0.1);
  EXPECT_EQ(divided[0], (std::vector<Share>{{0, {0, 4}}, {1, {4, 8}}}));
  EXPECT_EQ(divided[1], (std::vector<Share>{{2, {0, 4}}}));
}

TEST(Divide, KeepsSmallLayersWhole) {
  const std::vector<LayerCost> layers(9, {0.01, 3});
  std::vector<std::size_t> of_rank(3);
  for (const std::vector<Share>& shares : divide(layers, 3, 0.1)) {
    ASSERT_EQ(shares.size(), 1U);
    ++of_rank[shares.front().rank];
  }
  EXPECT_THAT(of_rank, testing::Each(3U));
}

TEST(Divide, OneLayerGoesToAsManyRanksAsItHasSegments) {
  const auto divided = divide({{100, 5}}, 64, 0.1);
  EXPECT_EQ(divided[0].size(), 5U);
}

TEST(Divide, NothingToDoIsStillSomebodys) {
  const std::vector<LayerCost> layers(4, {0, 1});
  expect_whole(layers, divide(layers, 7, 0.1), 7);
  EXPECT_TRUE(divide({}, 3, 0.1).empty());
}

TEST(Divide, LeavesNothingOutAndIsBalanced) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<LayerCost> layers(1 + random() % 20);
    double total = 0;
    double largest = 0;
    for (LayerCost& layer : layers) {
      layer.segments = 1 + random() % 40;
      layer.seconds = static_cast<double>(random() % 1000) / 10;
      total += layer.seconds;
      largest = std::max(largest, layer.seconds / static_cast<double>(layer.segments));
    }
    const std::size_t ranks = 1 + random() % 12;
    const auto divided = divide(layers, ranks, 0.001);
    expect_whole(layers, divided, ranks);
    std::vector<double> load(ranks);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      for (const Share& share : divided[i]) {
        load[share.rank] += layers[i].seconds * static_cast<double>(share.segments.size()) /
                            static_cast<double>(layers[i].segments);
      }
    }
    for (const double seconds : load) {
      EXPECT_LE(seconds, total / static_cast<double>(ranks) + largest + 1e-9);
    }
  }
}

}  // namespace
}  // namespace collapscope
