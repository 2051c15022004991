// Which layers are measured side by side, and in which order.
#include "analysis/schedule.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

namespace collapscope {
namespace {

using testing::ElementsAre;

using Suits = std::vector<std::vector<bool>>;

Step targets(std::size_t checkpoint, bool beside) { return {checkpoint, std::nullopt, beside}; }
Step layer(std::size_t checkpoint, std::size_t number, bool beside) { return {checkpoint, number, beside}; }

TEST(Schedule, WithoutPartsEverythingIsAlone) {
  for (const std::size_t workers : {0U, 1U}) {
    EXPECT_THAT(schedule({{true, true}, {true}}, workers, 2),
                ElementsAre(targets(0, false), layer(0, 0, false), layer(0, 1, false), targets(1, false),
                            layer(1, 0, false)));
  }
}

TEST(Schedule, OneCheckpointWithTwoLayersForEachPart) {
  EXPECT_THAT(schedule({{true, true, true, true}}, 2, 2),
              ElementsAre(targets(0, true), layer(0, 0, true), layer(0, 1, true), layer(0, 2, true),
                          layer(0, 3, true)));
  EXPECT_THAT(schedule({{true, true, true}}, 2, 2),
              ElementsAre(targets(0, false), layer(0, 0, false), layer(0, 1, false), layer(0, 2, false)));
}

TEST(Schedule, LayersOfManyCheckpointsGoTogetherAfterTheirTargets) {
  EXPECT_THAT(schedule(Suits(4, {true}), 2, 2),
              ElementsAre(targets(0, true), targets(1, true), targets(2, true), layer(0, 0, true),
                          targets(3, true), layer(1, 0, true), layer(2, 0, true), layer(3, 0, true)));
}

TEST(Schedule, ALargeLayerIsAloneAndSoAreTheTargetsOfItsCheckpoint) {
  EXPECT_THAT(schedule({{true, true, true, true, false, true}}, 2, 2),
              ElementsAre(targets(0, false), layer(0, 0, true), layer(0, 1, true), layer(0, 2, true),
                          layer(0, 3, true), layer(0, 4, false), layer(0, 5, false)));
}

TEST(Schedule, CheckpointsWithoutLayersHaveTheirTargetsMeasured) {
  EXPECT_THAT(schedule({{}, {true, true, true, true}, {}}, 2, 2),
              ElementsAre(targets(0, true), targets(1, true), targets(2, true), layer(1, 0, true),
                          layer(1, 1, true), layer(1, 2, true), layer(1, 3, true)));
}

TEST(Schedule, MorePartsThanLayersTakeWhatThereIs) {
  EXPECT_THAT(schedule({{true, true, true, true}}, 8, 2),
              ElementsAre(targets(0, true), layer(0, 0, true), layer(0, 1, true), layer(0, 2, true),
                          layer(0, 3, true)));
}

TEST(Schedule, PartsHaveTwoLayersEachOfTheLongestRun) {
  EXPECT_EQ(most_workers({}, 2), 0U);
  EXPECT_EQ(most_workers({{true, true, true}}, 2), 0U);
  EXPECT_EQ(most_workers({{true, true}, {false, true, true}}, 2), 0U);
  EXPECT_EQ(most_workers({{true, true, true, true, false}}, 2), 2U);
  EXPECT_EQ(most_workers({{true, true}, {true, true, true}, {true, true}}, 2), 3U);
  EXPECT_EQ(most_workers({{true, true}, {true, true, true}, {true, true}}, 4), 0U);
}

TEST(Schedule, EveryStepComesOnceLayersInOrderTargetsFirstAndNotTooEarly) {
  std::mt19937 random(5);
  for (int repetition = 0; repetition < 300; ++repetition) {
    const std::size_t workers = random() % 5;
    const std::size_t least = 2 + random() % 3;
    Suits suits(random() % 12);
    std::size_t expected = suits.size();
    for (std::vector<bool>& layers : suits) {
      layers.resize(random() % 7);
      std::generate(layers.begin(), layers.end(), [&] { return random() % 8 > 0; });
      expected += layers.size();
    }
    const std::vector<Step> steps = schedule(suits, workers, least);
    ASSERT_EQ(steps.size(), expected);
    std::set<std::size_t> measured;
    std::size_t ahead = 0;  // checkpoints whose targets are measured and not all of whose layers are
    const auto layers_left = [&](std::size_t checkpoint) { return !suits[checkpoint].empty(); };
    std::vector<std::pair<std::size_t, std::size_t>> layers;
    for (const Step& step : steps) {
      EXPECT_TRUE(!step.beside || workers > 1);
      if (!step.layer) {
        EXPECT_TRUE(measured.insert(step.checkpoint).second);
        ahead += layers_left(step.checkpoint) ? 1 : 0;
        EXPECT_LE(ahead, step.beside ? workers + 1 : 1) << "targets in memory";
      } else {
        EXPECT_TRUE(measured.count(step.checkpoint));
        EXPECT_TRUE(!step.beside || suits[step.checkpoint][*step.layer]);
        layers.emplace_back(step.checkpoint, *step.layer);
        ahead -= *step.layer + 1 == suits[step.checkpoint].size() ? 1 : 0;
      }
    }
    EXPECT_TRUE(std::is_sorted(layers.begin(), layers.end()));
    EXPECT_EQ(std::adjacent_find(layers.begin(), layers.end()), layers.end());
  }
}

}  // namespace
}  // namespace collapscope
