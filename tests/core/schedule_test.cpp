// Which layers are measured side by side, and in which order.
#include "analysis/schedule.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>
#include <set>

namespace collapscope {
namespace {

using testing::ElementsAre;

constexpr Paces small{true, false};
constexpr Paces large{false, true};
constexpr Paces any{true, true};
constexpr Paces none{false, false};

Step targets(std::size_t checkpoint, Pace pace) { return {checkpoint, std::nullopt, pace}; }
Step layer(std::size_t checkpoint, std::size_t number, Pace pace) { return {checkpoint, number, pace}; }

TEST(Schedule, WithoutPartsEverythingIsAlone) {
  for (const std::size_t workers : {0U, 1U}) {
    EXPECT_THAT(schedule({{small, small}, {small}}, workers, 2),
                ElementsAre(targets(0, Pace::alone), layer(0, 0, Pace::alone), layer(0, 1, Pace::alone),
                            targets(1, Pace::alone), layer(1, 0, Pace::alone)));
  }
}

TEST(Schedule, OneCheckpointWithTwoLayersForEachPart) {
  EXPECT_THAT(schedule({{small, small, small, small}}, 2, 2),
              ElementsAre(targets(0, Pace::beside), layer(0, 0, Pace::beside), layer(0, 1, Pace::beside),
                          layer(0, 2, Pace::beside), layer(0, 3, Pace::beside)));
  EXPECT_THAT(schedule({{small, small, small}}, 2, 2),
              ElementsAre(targets(0, Pace::alone), layer(0, 0, Pace::alone), layer(0, 1, Pace::alone),
                          layer(0, 2, Pace::alone)));
}

TEST(Schedule, LayersOfManyCheckpointsGoTogetherAfterTheirTargets) {
  EXPECT_THAT(schedule(PacesOfLayers(4, {small}), 2, 2),
              ElementsAre(targets(0, Pace::beside), targets(1, Pace::beside), targets(2, Pace::beside),
                          layer(0, 0, Pace::beside), targets(3, Pace::beside), layer(1, 0, Pace::beside),
                          layer(2, 0, Pace::beside), layer(3, 0, Pace::beside)));
}

TEST(Schedule, ALargeLayerIsAloneAndSoAreTheTargetsOfItsCheckpoint) {
  EXPECT_THAT(schedule({{small, small, small, small, none, small}}, 2, 2),
              ElementsAre(targets(0, Pace::alone), layer(0, 0, Pace::beside), layer(0, 1, Pace::beside),
                          layer(0, 2, Pace::beside), layer(0, 3, Pace::beside), layer(0, 4, Pace::alone),
                          layer(0, 5, Pace::alone)));
}

TEST(Schedule, CheckpointsWithoutLayersHaveTheirTargetsMeasured) {
  EXPECT_THAT(schedule({{}, {small, small, small, small}, {}}, 2, 2),
              ElementsAre(targets(0, Pace::beside), targets(1, Pace::beside), targets(2, Pace::beside),
                          layer(1, 0, Pace::beside), layer(1, 1, Pace::beside), layer(1, 2, Pace::beside),
                          layer(1, 3, Pace::beside)));
}

TEST(Schedule, MorePartsThanLayersTakeWhatThereIs) {
  EXPECT_THAT(schedule({{small, small, small, small}}, 8, 2),
              ElementsAre(targets(0, Pace::beside), layer(0, 0, Pace::beside), layer(0, 1, Pace::beside),
                          layer(0, 2, Pace::beside), layer(0, 3, Pace::beside)));
}

TEST(Schedule, PartsHaveTwoLayersEachOfTheLongestRun) {
  EXPECT_EQ(most_workers({}, 2), 0U);
  EXPECT_EQ(most_workers({{small, small, small}}, 2), 0U);
  EXPECT_EQ(most_workers({{small, small}, {none, small, small}}, 2), 0U);
  EXPECT_EQ(most_workers({{small, small, small, small, none}}, 2), 2U);
  EXPECT_EQ(most_workers({{small, small}, {small, small, small}, {small, small}}, 2), 3U);
  EXPECT_EQ(most_workers({{small, small}, {small, small, small}, {small, small}}, 4), 0U);
}

TEST(Schedule, ThreeLargeLayersGoInTurns) {
  EXPECT_THAT(schedule({{large, large, large}}, 0, 2),
              ElementsAre(targets(0, Pace::in_turns), layer(0, 0, Pace::in_turns),
                          layer(0, 1, Pace::in_turns), layer(0, 2, Pace::in_turns)));
  EXPECT_THAT(schedule({{large, large}}, 0, 2),
              ElementsAre(targets(0, Pace::alone), layer(0, 0, Pace::alone), layer(0, 1, Pace::alone)));
  EXPECT_THAT(
      schedule({{large, none, large, large, large}}, 0, 2),
      ElementsAre(targets(0, Pace::alone), layer(0, 0, Pace::alone), layer(0, 1, Pace::alone),
                  layer(0, 2, Pace::in_turns), layer(0, 3, Pace::in_turns), layer(0, 4, Pace::in_turns)));
}

TEST(Schedule, InTurnsTheTargetsOfOneCheckpointAreAhead) {
  EXPECT_THAT(
      schedule(PacesOfLayers(3, {large}), 4, 2),
      ElementsAre(targets(0, Pace::in_turns), targets(1, Pace::in_turns), layer(0, 0, Pace::in_turns),
                  targets(2, Pace::in_turns), layer(1, 0, Pace::in_turns), layer(2, 0, Pace::in_turns)));
}

TEST(Schedule, LayersThatCouldDoBothGoSideBySideWhereTheyAreEnough) {
  EXPECT_THAT(schedule({{any, any, any, any}}, 2, 2),
              ElementsAre(targets(0, Pace::beside), layer(0, 0, Pace::beside), layer(0, 1, Pace::beside),
                          layer(0, 2, Pace::beside), layer(0, 3, Pace::beside)));
  EXPECT_THAT(schedule({{any, large, any}}, 2, 2),
              ElementsAre(targets(0, Pace::in_turns), layer(0, 0, Pace::in_turns),
                          layer(0, 1, Pace::in_turns), layer(0, 2, Pace::in_turns)));
}

TEST(Schedule, EveryStepComesOnceLayersInOrderTargetsFirstAndNotTooEarly) {
  std::mt19937 random(5);
  for (int repetition = 0; repetition < 300; ++repetition) {
    const std::size_t workers = random() % 5;
    const std::size_t least = 2 + random() % 3;
    PacesOfLayers paces(random() % 12);
    std::size_t expected = paces.size();
    for (std::vector<Paces>& layers : paces) {
      layers.resize(random() % 7);
      std::generate(layers.begin(), layers.end(), [&] { return Paces{random() % 8 > 0, random() % 8 > 0}; });
      expected += layers.size();
    }
    const std::vector<Step> steps = schedule(paces, workers, least);
    ASSERT_EQ(steps.size(), expected);
    std::set<std::size_t> measured;
    std::size_t ahead = 0;  // checkpoints whose targets are measured and not all of whose layers are
    const auto layers_left = [&](std::size_t checkpoint) { return !paces[checkpoint].empty(); };
    std::vector<std::pair<std::size_t, std::size_t>> layers;
    for (const Step& step : steps) {
      EXPECT_TRUE(step.pace != Pace::beside || workers > 1);
      if (!step.layer) {
        EXPECT_TRUE(measured.insert(step.checkpoint).second);
        ahead += layers_left(step.checkpoint) ? 1 : 0;
        EXPECT_LE(ahead, step.pace == Pace::beside     ? workers + 1
                         : step.pace == Pace::in_turns ? 2
                                                       : 1)
            << "targets in memory";
      } else {
        EXPECT_TRUE(measured.count(step.checkpoint));
        const Paces& allowed = paces[step.checkpoint][*step.layer];
        EXPECT_TRUE(step.pace != Pace::beside || allowed.beside);
        EXPECT_TRUE(step.pace != Pace::in_turns || allowed.in_turns);
        layers.emplace_back(step.checkpoint, *step.layer);
        ahead -= *step.layer + 1 == paces[step.checkpoint].size() ? 1 : 0;
      }
    }
    EXPECT_TRUE(std::is_sorted(layers.begin(), layers.end()));
    EXPECT_EQ(std::adjacent_find(layers.begin(), layers.end()), layers.end());
  }
}

}  // namespace
}  // namespace collapscope
