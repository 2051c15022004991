// Runs beside runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "collapscope/core/error.hpp"
#include "collapscope/runs/runs.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using test::checkpoint_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Runs of one checkpoint each, with these attributes and this model_mse.
Results runs_with(const std::vector<std::pair<Attributes, double>>& all) {
  Results results;
  for (const auto& [attributes, mse] : all) {
    CheckpointResult checkpoint =
        checkpoint_of("run" + std::to_string(results.checkpoints.size()), 1, {true});
    checkpoint.attributes = attributes;
    checkpoint.targets.add({"model_mse", mse});
    results.checkpoints.push_back(checkpoint);
  }
  return results;
}

Attributes attributes(AttributeValue weight_decay, std::int64_t seed) {
  return {{"weight_decay", std::move(weight_decay)}, {"seed", seed}, {"model", "mlp"}};
}

TEST(Statistic, IsMeanSampleDeviationAndCount) {
  const Statistic statistic = statistic_of({1, 2, 6});
  EXPECT_DOUBLE_EQ(statistic.mean, 3);
  EXPECT_DOUBLE_EQ(statistic.spread.value(), std::sqrt(7.0));
  EXPECT_EQ(statistic.count, 3U);
  EXPECT_EQ(statistic_of({5}).mean, 5);
  EXPECT_EQ(statistic_of({5}).spread, std::nullopt) << "one value has no spread, which is not 0";
  EXPECT_EQ(statistic_of({5, 5}).spread, 0.0);
  EXPECT_EQ(statistic_of({}).count, 0U);
  EXPECT_EQ(statistic_of({}).mean, 0.0);
}

TEST(Compare, GroupsOverSeeds) {
  const Results results = runs_with({{attributes(0.1, 0), 5},
                                     {attributes(std::int64_t{0}, 0), 1},
                                     {attributes(0.1, 1), 7},
                                     {attributes(0.0, 1), 2}});
  const RunComparison comparison = compare_runs(results, group_runs(results));
  EXPECT_THAT(comparison.by, ElementsAre("weight_decay"));
  ASSERT_EQ(comparison.groups.size(), 2U);
  EXPECT_THAT(comparison.groups[0].runs, ElementsAre(1, 3)) << "0 and 0.0 are the same, and come first";
  EXPECT_THAT(comparison.groups[1].runs, ElementsAre(0, 2));
  ASSERT_EQ(comparison.groups[1].targets.size(), 1U);
  EXPECT_EQ(comparison.groups[1].targets[0].metric, "model_mse");
  EXPECT_DOUBLE_EQ(comparison.groups[1].targets[0].statistic.mean, 6);
  EXPECT_DOUBLE_EQ(comparison.groups[1].targets[0].statistic.spread.value(), std::sqrt(2.0));
  ASSERT_EQ(comparison.groups[1].last.size(), 1U);
  EXPECT_EQ(comparison.groups[1].last[0].layer, "l1");
  EXPECT_EQ(comparison.groups[1].last[0].metrics[0].statistic.count, 2U);
}

TEST(Compare, TrainingAndTestSamplesHaveNoMean) {
  Results results = runs_with({{{{"weight_decay", 0.1}, {"split", "train"}}, 1},
                               {{{"weight_decay", 0.1}, {"split", "test"}}, 9},
                               {{{"weight_decay", 0.2}, {"split", "train"}}, 3}});
  const std::vector<std::string> by = {"weight_decay"};
  RunComparison comparison = compare_runs(results, group_runs(results), by);
  EXPECT_THAT(comparison.by, ElementsAre("weight_decay", "split"));
  EXPECT_EQ(comparison.groups.size(), 3U);
  comparison = compare_runs(results, group_runs(results), std::vector<std::string>{"split"});
  EXPECT_THAT(comparison.by, ElementsAre("split"));
  results.checkpoints.erase(results.checkpoints.begin() + 1);
  EXPECT_THAT(compare_runs(results, group_runs(results), by).by, ElementsAre("weight_decay"));
}

TEST(Compare, RunsThatLackAnAttributeAreAGroup) {
  const Results results = runs_with({{{{"width", std::int64_t{64}}}, 1}, {{}, 2}});
  const RunComparison comparison = compare_runs(results, group_runs(results));
  EXPECT_THAT(comparison.by, ElementsAre("width"));
  ASSERT_EQ(comparison.groups.size(), 2U);
  EXPECT_EQ(comparison.groups[0].values[0], std::nullopt);
  EXPECT_EQ(comparison.groups[1].values[0], AttributeValue(std::int64_t{64}));
}

TEST(Compare, RunsThatDifferInNothingAreOneGroup) {
  const Results results =
      runs_with({{attributes(0.1, 0), 1}, {attributes(0.1, 1), 2}, {attributes(0.1, 2), 3}});
  const RunComparison comparison = compare_runs(results, group_runs(results));
  EXPECT_TRUE(comparison.by.empty());
  ASSERT_EQ(comparison.groups.size(), 1U);
  EXPECT_EQ(comparison.groups[0].runs.size(), 3U);
}

TEST(Compare, OnlyTheLastCheckpointAndDefinedValuesCount) {
  Results results = test::results_of(
      {checkpoint_of("a", 1, {false}), checkpoint_of("a", 2, {true}), checkpoint_of("b", 2, {std::nullopt})});
  const RunComparison comparison = compare_runs(results, group_runs(results));
  const std::vector<MetricStatistic>& metrics = comparison.groups.at(0).last.at(0).metrics;
  ASSERT_EQ(metrics.size(), 3U);
  EXPECT_EQ(metrics[0].metric, "deep_nrc1");
  EXPECT_DOUBLE_EQ(metrics[0].statistic.mean, 0.001);
  EXPECT_EQ(metrics[2].metric, "deep_nrc3");
  EXPECT_EQ(metrics[2].statistic.count, 1U) << "undefined in run b";
}

TEST(Compare, ByAttributesThatTheUserNames) {
  const Results results =
      runs_with({{attributes(0.1, 0), 1}, {attributes(0.2, 1), 2}, {attributes(0.3, 0), 3}});
  const auto runs = group_runs(results);
  EXPECT_EQ(compare_runs(results, runs, {{"seed"}}).groups.size(), 2U);
  EXPECT_EQ(compare_runs(results, runs, {{"model", "weight_decay"}}).groups.size(), 3U);
  try {
    (void)compare_runs(results, runs, {{"wd"}});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'wd'"));
    EXPECT_THAT(error.what(), HasSubstr("model, seed, weight_decay"));
  }
}

TEST(Compare, NumbersThatAreNoneAreStillAValue) {
  const Results results = runs_with({{attributes(std::nan(""), 0), 1}, {attributes(0.1, 0), 2}});
  EXPECT_EQ(compare_runs(results, group_runs(results)).groups.size(), 2U);
}

TEST(Compare, NumbersInTextAreOrderedAsNumbers) {
  std::vector<std::pair<Attributes, double>> runs;
  for (const char* decay : {"none", "0.1", "0.02", "1e999", "2e-3", "0.10"})
    runs.emplace_back(Attributes{{"wd", std::string(decay)}}, 1.0);
  const Results results = runs_with(runs);
  std::vector<std::string> order;
  for (const RunGroup& group : compare_runs(results, group_runs(results)).groups) {
    order.push_back(std::get<std::string>(*group.values[0]));
  }
  EXPECT_THAT(order, ElementsAre("2e-3", "0.02", "0.1", "1e999", "none"));
}

TEST(Compare, ANumberIsTheSameHoweverItIsWritten) {
  const Results results = runs_with({{Attributes{{"wd", 0.001}}, 1.0},
                                     {Attributes{{"wd", std::string("0.001")}}, 1.0},
                                     {Attributes{{"wd", std::string("1e-3")}}, 1.0},
                                     {Attributes{{"wd", static_cast<double>(0.001F)}}, 1.0},
                                     {Attributes{{"wd", std::string(" 1e-3")}}, 1.0},
                                     {Attributes{{"wd", std::string("+1e-3")}}, 1.0}});
  std::vector<std::size_t> sizes;
  for (const RunGroup& group : compare_runs(results, group_runs(results)).groups) {
    sizes.push_back(group.runs.size());
  }
  EXPECT_THAT(sizes, ElementsAre(4, 1, 1));
}

TEST(Compare, LargeNumbersAreTheSameOnlyWhereTheyAreEqual) {
  const Results results = runs_with({{Attributes{{"wd", std::int64_t{1} << 32}}, 1.0},
                                     {Attributes{{"wd", std::ldexp(1.0, 32)}}, 1.0},
                                     {Attributes{{"wd", 4294967300.0}}, 1.0}});
  EXPECT_EQ(compare_runs(results, group_runs(results)).groups.size(), 2U);
}

TEST(Compare, AttributesOfARunAreTheSameHoweverTheyAreWritten) {
  Results results = runs_with({{Attributes{{"wd", std::string("1e-3")}, {"seed", std::int64_t{0}}}, 1.0},
                               {Attributes{{"wd", 0.001}, {"seed", 0.0}}, 1.0}});
  results.checkpoints.at(1).run = results.checkpoints.at(0).run;
  const auto runs = group_runs(results);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].attributes.size(), 2U);
}

TEST(Compare, NoRunsGiveNoGroups) { EXPECT_TRUE(compare_runs({}, {}).groups.empty()); }

// Results of others may have any number of attributes.
TEST(Compare, IsByAThousandAttributesAtMost) {
  std::vector<std::pair<Attributes, double>> all;
  for (std::int64_t run = 0; run < 20; ++run) {
    Attributes own{{"same", std::int64_t{1}}};
    for (int i = 0; i < 2000; ++i) {
      own.emplace_back("own_" + std::to_string(run) + "_" + std::to_string(i), run);
    }
    all.emplace_back(own, 1.0);
  }
  const Results results = runs_with(all);
  const RunComparison comparison = compare_runs(results, group_runs(results));
  EXPECT_EQ(comparison.by.size(), 1000U);
  EXPECT_EQ(comparison.by.front(), "own_0_0");
  EXPECT_EQ(comparison.groups.size(), 2U) << "whose attributes come first, and all others";
}

const LayerStatistics& layer_of(const RunGroup& group, const std::string& name) {
  return *std::ranges::find(group.last, name, &LayerStatistics::layer);
}

TEST(Compare, TakesEachRunsOwnLastLayer) {
  Results results = test::results_of({checkpoint_of("shallow", 1, {true, true}),
                                      checkpoint_of("deep", 1, {true, true, true}),
                                      checkpoint_of("failed", 1, {true, true})});
  results.checkpoints[0].layers[1].name = "head";
  results.checkpoints[1].layers[2].name = "head";
  results.checkpoints[2].failed_layers = {{"head", 2}};
  RunGroup group = compare_runs(results, group_runs(results)).groups.at(0);
  EXPECT_THAT(group.deepest_layers, ElementsAre("head"));
  EXPECT_EQ(group.deepest.at(0).metric, "deep_nrc1");
  EXPECT_EQ(group.deepest.at(0).statistic.count, 2U) << "the third one is not known";
  EXPECT_EQ(group.last.back().layer, "head");
  EXPECT_EQ(layer_of(group, "head").position, 2U);
  EXPECT_EQ(layer_of(group, "l2").metrics.at(0).statistic.count, 2U);

  results.checkpoints[1].layers[2].name = "out";
  group = compare_runs(results, group_runs(results)).groups.at(0);
  EXPECT_THAT(group.deepest_layers, ElementsAre("head", "out"));
  EXPECT_EQ(group.deepest.at(0).statistic.count, 2U);
}

}  // namespace
}  // namespace collapscope
