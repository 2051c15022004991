// Runs, where collapse begins in them, and what the last layer has learned.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collapscope/runs/runs.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using test::checkpoint_of;
using test::results_of;
using ::testing::ElementsAre;

constexpr bool yes = true;
constexpr bool no = false;
constexpr std::nullopt_t unknown = std::nullopt;

std::optional<std::size_t> begin_of(std::initializer_list<std::optional<bool>> layers) {
  return checkpoint_collapse(checkpoint_of("r", 1, layers), default_criteria()).from;
}

TEST(Collapse, BeginsAtTheShallowestLayerBelowWhichAllAreCollapsed) {
  EXPECT_EQ(begin_of({no, no, yes, yes}), 2U);
  EXPECT_EQ(begin_of({yes, yes, yes}), 0U);
  EXPECT_EQ(begin_of({yes, no, yes}), 2U) << "l1 is collapsed, but l2 behind it is not";
  EXPECT_EQ(begin_of({yes, yes, no}), std::nullopt);
  EXPECT_EQ(begin_of({no}), std::nullopt);
  EXPECT_EQ(begin_of({}), std::nullopt);
}

TEST(Collapse, NothingIsClaimedBeyondALayerThatIsUnknown) {
  EXPECT_EQ(begin_of({yes, unknown, yes}), 2U);
  EXPECT_EQ(begin_of({yes, yes, unknown}), std::nullopt);
}

TEST(Collapse, NothingIsClaimedBeyondALayerThatFailed) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {yes, yes});
  checkpoint.layers[1].metrics.add({"feature_dims_99", std::int64_t{3}});
  const auto begin_with = [&](std::size_t position) {
    checkpoint.failed_layers = {{"lost", position}};
    return checkpoint_collapse(checkpoint, default_criteria()).from;
  };
  EXPECT_EQ(begin_with(0), 0U);
  EXPECT_EQ(begin_with(1), 1U);
  EXPECT_TRUE(intrinsic_dimension(checkpoint).has_value());
  EXPECT_EQ(begin_with(2), std::nullopt);
  EXPECT_EQ(checkpoint.last_layer(), nullptr);
  EXPECT_FALSE(intrinsic_dimension(checkpoint).has_value()) << "l2 is not the last layer";
}

TEST(Runs, AreOrderedByStepWhateverTheOrderOfTheFiles) {
  const Results results = results_of({checkpoint_of("b", 10, {no}), checkpoint_of("a", 5, {no}),
                                      checkpoint_of("b", std::nullopt, {no}), checkpoint_of("b", 9, {no})});
  const auto runs = group_runs(results);
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0].name, "b");
  EXPECT_THAT(runs[0].checkpoints, ElementsAre(3, 0, 2));
  EXPECT_THAT(runs[1].checkpoints, ElementsAre(1));
}

TEST(Runs, AreOfOneSplit) {
  Results results =
      results_of({checkpoint_of("r", 1, {yes}), checkpoint_of("r", 1, {no}), checkpoint_of("r", 2, {yes}),
                  checkpoint_of("r", 2, {no}), checkpoint_of("s", 1, {no})});
  for (std::size_t i = 0; i < 4; ++i) {
    results.checkpoints[i].attributes = {{"split", i % 2 == 0 ? "train" : "test"}};
  }
  results.checkpoints[4].attributes = {{"split", "test"}};
  const auto runs = group_runs(results);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].name, "r (train)");
  EXPECT_THAT(runs[0].checkpoints, ElementsAre(0, 2));
  EXPECT_EQ(runs[1].name, "r (test)");
  EXPECT_EQ(runs[2].name, "s") << "no other split of it is there";
}

TEST(Runs, WithoutAttributeAFileIsARunAndALoneCheckpointStandsAlone) {
  Results results = results_of({checkpoint_of("", 1, {no}), checkpoint_of("", 2, {no}),
                                checkpoint_of("", 3, {no}), checkpoint_of("", 4, {no})});
  results.checkpoints[0].path = results.checkpoints[1].path = "many.h5";
  results.checkpoints[0].id = "a";
  results.checkpoints[1].id = "b";
  results.checkpoints[2].path = "x.h5";
  results.checkpoints[3].path = "y.h5";
  const auto runs = group_runs(results);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].name, "many.h5");
  EXPECT_EQ(runs[0].checkpoints.size(), 2U);
  EXPECT_EQ(runs[1].name, "x.h5");
  EXPECT_EQ(runs[2].name, "y.h5");
}

TEST(Runs, KeepTheAttributesThatStayTheSame) {
  Results results = results_of({checkpoint_of("r", 1, {no}), checkpoint_of("r", 2, {no})});
  results.checkpoints[0].attributes = {
      {"width", std::int64_t{64}}, {"loss", 0.5}, {"step_unit", "epoch"}, {"run", "r"}, {"first", true}};
  results.checkpoints[1].attributes = {
      {"width", std::int64_t{64}}, {"loss", 0.25}, {"step_unit", "epoch"}, {"run", "r"}};
  const auto run = group_runs(results).at(0);
  EXPECT_EQ(run.attributes, (Attributes{{"width", std::int64_t{64}}}));
  EXPECT_EQ(run.step_unit, "epoch");
}

TEST(Runs, GiveTheSeriesOfAMetric) {
  Results results = results_of(
      {checkpoint_of("r", 2, {no, yes}), checkpoint_of("r", 1, {no, no}), checkpoint_of("r", 3, {no})});
  const auto run = group_runs(results).at(0);
  EXPECT_THAT(layer_series(results, run, "l2", "deep_nrc1"), ElementsAre(0.5, 0.001, std::nullopt));
  EXPECT_THAT(layer_series(results, run, "l1", "evr"), ElementsAre(std::nullopt, std::nullopt, std::nullopt));
}

TEST(Runs, KnowSinceWhenALayerIsAndStaysCollapsed) {
  const Results results = results_of(
      {checkpoint_of("r", 1, {no, yes, no, no}), checkpoint_of("r", 2, {no, no, yes, yes}),
       checkpoint_of("r", 3, {no, yes, unknown, yes}), checkpoint_of("r", 4, {no, yes, yes, yes})});
  const RunCollapse collapse = run_collapse(results, group_runs(results).at(0), default_criteria());
  ASSERT_EQ(collapse.layers.size(), 4U);
  EXPECT_EQ(collapse.layers[0].checkpoint, std::nullopt);
  EXPECT_EQ(collapse.layers[1].checkpoint, 2U) << "collapsed before, but not ever after";
  EXPECT_EQ(collapse.layers[2].checkpoint, 3U) << "unknown at the third";
  EXPECT_EQ(collapse.layers[3].checkpoint, 1U);
  EXPECT_EQ(collapse.checkpoints[0].from, std::nullopt);
  EXPECT_EQ(collapse.checkpoints[1].from, 2U);
  EXPECT_EQ(collapse.checkpoints[2].from, 3U);
  EXPECT_EQ(collapse.checkpoints[3].from, 1U);
}

TEST(Runs, ALayerThatACheckpointLacksIsUnknownThere) {
  const Results results = results_of(
      {checkpoint_of("r", 1, {no, yes}), checkpoint_of("r", 2, {no}), checkpoint_of("r", 3, {no, yes})});
  const RunCollapse collapse = run_collapse(results, group_runs(results).at(0), default_criteria());
  EXPECT_EQ(collapse.layers.at(1).checkpoint, 2U);
  EXPECT_EQ(collapse.layers.at(1).before, BeforeSince::not_measured);
}

TEST(Runs, KnowWhatTheCheckpointBeforeLeavesOpen) {
  const auto before = [](std::optional<bool> collapsed, const std::string& lost = "") {
    Results results = results_of({checkpoint_of("r", 1, {collapsed}), checkpoint_of("r", 2, {yes})});
    if (!lost.empty()) {
      std::erase_if(results.checkpoints[0].layers[0].metrics.all(),
                    [&](const Metric& metric) { return metric.name == lost; });
    }
    return run_collapse(results, group_runs(results).at(0), default_criteria()).layers.at(0).before;
  };
  EXPECT_EQ(before(no), BeforeSince::not_collapsed);
  EXPECT_EQ(before(yes), BeforeSince::not_collapsed) << "nothing is before it";
  EXPECT_EQ(before(yes, "deep_nrc2"), BeforeSince::not_measured);
  EXPECT_EQ(before(no, "deep_nrc2"), BeforeSince::not_collapsed) << "another criterion says so";
  Results results = results_of({checkpoint_of("r", 1, {yes}), checkpoint_of("r", 2, {yes})});
  for (Metric& metric : results.checkpoints[0].layers[0].metrics.all()) {
    if (metric.name == "deep_nrc2") metric.value = std::monostate{};
  }
  EXPECT_EQ(run_collapse(results, group_runs(results).at(0), default_criteria()).layers.at(0).before,
            BeforeSince::unknown);
}

TEST(Runs, KnowWhatOnlySomeCheckpointsHave) {
  Results results = results_of({checkpoint_of("r", 1, {no, yes}), checkpoint_of("r", 2, {no}),
                                checkpoint_of("r", 3, {no, yes}), checkpoint_of("r", 4, {})});
  results.checkpoints[0].targets.add({"model_mse", 1.0});
  results.checkpoints[2].targets.add({"model_mse", 1.0});
  for (LayerResult& layer : results.checkpoints[2].layers) {
    std::erase_if(layer.metrics.all(), [](const Metric& metric) { return metric.name == "deep_nrc2"; });
  }
  const auto found = not_measured(results, group_runs(results).at(0), default_criteria());
  ASSERT_EQ(found.size(), 4U);
  EXPECT_THAT(found[0].names, ElementsAre("l1"));
  EXPECT_THAT(found[0].checkpoints, ElementsAre(3));
  EXPECT_TRUE(found[0].are_layers);
  EXPECT_THAT(found[1].names, ElementsAre("l2"));
  EXPECT_THAT(found[1].checkpoints, ElementsAre(1, 3));
  EXPECT_EQ(found[1].of, 4U);
  EXPECT_THAT(found[2].names, ElementsAre("deep_nrc2"));
  EXPECT_THAT(found[2].checkpoints, ElementsAre(2));
  EXPECT_EQ(found[2].of, 3U) << "a checkpoint without layers says nothing of metrics";
  EXPECT_FALSE(found[2].are_layers);
  EXPECT_THAT(found[3].names, ElementsAre("model_mse"));
  EXPECT_THAT(found[3].checkpoints, ElementsAre(1));
  const Results whole = results_of({checkpoint_of("r", 1, {no, yes}), checkpoint_of("r", 2, {yes, yes})});
  EXPECT_TRUE(not_measured(whole, group_runs(whole).at(0), default_criteria()).empty());
}

TEST(LastLayer, HasLearnedAsManyDimensionsAsHold99Percent) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {no, yes});
  EXPECT_FALSE(intrinsic_dimension(checkpoint));
  checkpoint.layers[0].metrics.add({"feature_dims_99", std::int64_t{9}});
  EXPECT_FALSE(intrinsic_dimension(checkpoint)) << "that is another layer's";
  checkpoint.layers[1].metrics.add({"feature_dims_99", std::int64_t{2}});
  ASSERT_TRUE(intrinsic_dimension(checkpoint));
  EXPECT_EQ(intrinsic_dimension(checkpoint)->layer, "l2");
  EXPECT_EQ(intrinsic_dimension(checkpoint)->learned, 2);
  EXPECT_EQ(intrinsic_dimension(checkpoint)->targets_rank, std::nullopt);
  checkpoint.targets.add({"target_rank", std::int64_t{3}});
  EXPECT_EQ(intrinsic_dimension(checkpoint)->targets_rank, 3);
}

TEST(Collapse, OfARunWithoutCheckpointsIsNone) {
  EXPECT_TRUE(run_collapse(Results{}, {"empty", {}, {}, {}}, default_criteria()).layers.empty());
}

TEST(LastLayer, IsComparedWithTheUfmWhereThatPredictsAnything) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {yes});
  checkpoint.targets.add({"model_mse", 0.02});
  checkpoint.targets.add({"ufm_c", std::monostate{}, std::nullopt, "no lambda_w, lambda_h"});
  EXPECT_FALSE(ufm_distance(checkpoint)) << "the model's error alone is no comparison";
  checkpoint.targets.add({"ufm_residual_variance", 0.01});
  checkpoint.layers[0].metrics.add({"ufm_gram_error", 0.25});
  const std::optional<UfmDistance> distance = ufm_distance(checkpoint);
  ASSERT_TRUE(distance);
  const auto value = [&](const std::string& name) {
    for (const auto& [key, number] : distance->values) {
      if (key == name) return number;
    }
    ADD_FAILURE() << name;
    return std::optional<double>();
  };
  EXPECT_EQ(distance->layer, "l1");
  EXPECT_EQ(value("gram_error"), 0.25);
  EXPECT_EQ(value("residual_variance"), 0.01);
  EXPECT_EQ(value("model_mse"), 0.02);
  EXPECT_EQ(value("loss"), std::nullopt);
}

}  // namespace
}  // namespace collapscope
