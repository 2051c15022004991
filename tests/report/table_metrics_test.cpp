// The table shows what was asked for; green is what the criteria say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "collapscope/report/report.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string table_with(const Results& results, std::string_view metrics, std::size_t width = 100) {
  return results_table(results, {width, false, MetricChoice(metrics)});
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

LayerResult layer_of(const std::string& name, std::vector<double> ratios) {
  LayerResult layer{name, std::nullopt, "", {}};
  layer.metrics.add({"nrc1_centered", 0.25});
  layer.metrics.add({"evr", std::move(ratios)});
  layer.metrics.add({"linear_mse", 0.01});
  return layer;
}

TEST(TableMetrics, AskedForAreShownInCatalogueOrder) {
  const std::vector<std::string> lines = split(
      table_with(test::results_with(layer_of("fc1", {0.75, 0.2, 0.05})), "linear_mse,evr,nrc1_centered"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1], "  layer  nrc1_centered  evr[1]  evr[2]  evr[3]  linear_mse");
  EXPECT_EQ(lines[2], "  fc1            0.250   0.750   0.200  0.0500      0.0100");
}

TEST(TableMetrics, ShortListsLeaveCellsEmpty) {
  Results results = test::results_with(layer_of("fc1", {0.75, 0.25}));
  results.checkpoints[0].layers.push_back(layer_of("fc2", {1}));
  const std::vector<std::string> lines = split(table_with(results, "evr"));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[1], "  layer  evr[1]  evr[2]");
  EXPECT_EQ(lines[2], "  fc1     0.750   0.250");
  EXPECT_EQ(lines[3], "  fc2      1.00       -");
}

TEST(TableMetrics, AListHasItsNoteOnce) {
  Results results = test::results_with(layer_of("fc1", {0.75, 0.25}));
  results.checkpoints[0].layers[0].metrics.all()[1].note = "ill-conditioned";
  const std::string table = table_with(results, "evr");
  EXPECT_THAT(table, HasSubstr("0.750*   0.250*"));
  EXPECT_THAT(table, HasSubstr("* ill-conditioned: evr of fc1\n"));
}

// Every column is in the heading or named below, whatever the width.
TEST(TableMetrics, WhatDoesNotFitIsNamed) {
  std::vector<double> ratios(40, 0.025);
  Results results = test::results_with(layer_of("fc1", ratios));
  for (const char* name : {"deep_nrc1", "deep_nrc1_squared", "deep_nrc2", "deep_nrc2_debiased"}) {
    results.checkpoints[0].layers[0].metrics.add({name, 0.5});
  }
  for (std::size_t width = 30; width <= 420; width += 5) {
    SCOPED_TRACE(width);
    const std::string table = std::regex_replace(table_with(results, "evr,deep_nrc[12]*,linear_mse", width),
                                                 std::regex("\n  "), " ");
    const std::string heading = table.substr(0, table.find("fc1")) + " ";
    const std::string below = table.substr(table.find("fc1")) + " ";
    for (const std::string name :
         {"deep_nrc1", "deep_nrc1_squared", "deep_nrc2", "deep_nrc2_debiased", "linear_mse"}) {
      const std::regex word(name + "[, \n]");
      EXPECT_EQ(std::regex_search(heading, word) + std::regex_search(below, word), 1) << name;
    }
    const std::size_t shown = count_of(heading, "evr[");
    EXPECT_GE(shown, 1U) << "asked for by its name";
    if (shown < 39) {
      EXPECT_THAT(below, HasSubstr("evr[" + std::to_string(shown + 1) + "] to evr[40]"));
    } else if (shown == 39) {
      EXPECT_THAT(below, HasSubstr(" evr[40]"));
    } else {
      EXPECT_THAT(below, Not(HasSubstr("left out")));
    }
  }
}

TEST(TableMetrics, UndefinedAndMissingOnesAreNamed) {
  Results results = test::results_with(layer_of("fc1", {1}));
  results.checkpoints[0].layers[0].metrics.add(
      {"deep_nrc3_cosines", std::monostate{}, std::nullopt, "no weight"});
  EXPECT_THAT(table_with(results, "nrc1_centered,deep_nrc3_cosines,weight_rank"),
              HasSubstr("not defined in any layer: deep_nrc3_cosines (no weight); weight_rank"));
}

TEST(TableMetrics, OfTargetsStandInTheTitle) {
  Results results = test::results_with(layer_of("fc1", {1}));
  MetricSet& targets = results.checkpoints[0].targets;
  targets.add({"target_dim", std::int64_t{3}});
  targets.add({"target_rank", std::int64_t{2}});
  targets.add({"model_mae", 0.125});
  targets.add({"ufm_c", std::monostate{}, std::nullopt, "no lambda_w"});
  targets.add({"ufm_rank", std::monostate{}, std::nullopt, "no lambda_w"});
  EXPECT_EQ(split(table_with(results, "target_*,model_mae,ufm_c,ufm_rank"))[0].substr(0, 39),
            "one.h5: 0 samples, 3 targets, target_ra");
  const std::string table = table_with(results, "target_rank,model_mae,ufm_c,ufm_rank", 120);
  EXPECT_THAT(table, HasSubstr("target_rank 2, model_mae 0.125, ufm_c, ufm_rank undefined (no lambda_w)\n"));
  EXPECT_THAT(table, HasSubstr("only metrics of the targets were asked for"));
  EXPECT_THAT(table_with(results, "model_mse,evr"), HasSubstr("model_mse undefined\n"));
  EXPECT_THAT(table_with(results, "evr"), Not(HasSubstr("model_")));
}

TEST(TableMetrics, OfTargetsThatARunSharesAreToldOnce) {
  Results results = test::training_results(1, 3, 2);
  for (CheckpointResult& checkpoint : results.checkpoints)
    checkpoint.targets.add({"target_rank", std::int64_t{2}});
  const std::string table = table_with(results, "target_rank,model_mse,nrc1");
  EXPECT_EQ(count_of(table, "target_rank 2"), 1U);
  EXPECT_EQ(count_of(table, "model_mse 0."), 3U);
  EXPECT_EQ(count_of(table, "model_r2"), 0U);
}

TEST(TableMetrics, NothingAskedForIsTheUsualTable) {
  const Results results = test::training_results(2, 2, 4);
  EXPECT_EQ(table_with(results, ""), results_table(results, {100, false}));
}

TEST(TableCriteria, GreenIsWhatMeetsThem) {
  LayerResult met = layer_of("fc1", {1});
  LayerResult failed = layer_of("fc2", {1});
  failed.metrics.all()[2].value = 0.6;
  Results results = test::results_with(met);
  results.checkpoints[0].layers.push_back(failed);
  const std::string table = results_table(results, {100, true, MetricChoice("nrc1_centered,linear_mse"),
                                                    parse_criteria("nrc1_centered<0.3,linear_mse<=0.01")});
  EXPECT_EQ(split(table)[2],
            "  \x1b[32mfc1\x1b[0m    \x1b[32m        0.250\x1b[0m  \x1b[32m    0.0100\x1b[0m");
  EXPECT_EQ(split(table)[3], "  fc2    \x1b[32m        0.250\x1b[0m       0.600");
  EXPECT_THAT(
      table, HasSubstr("green: collapsed (nrc1_centered < 0.3, linear_mse <= 0.01; a layer where all hold)"));
}

TEST(TableCriteria, ALayersNameIsGreenWhereItIsCollapsed) {
  const Results results = test::training_results(2, 3, 6);
  std::size_t collapsed = 0;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers)
      collapsed += is_collapsed(layer, default_criteria()) == true;
  }
  ASSERT_GT(collapsed, 0U);
  const std::string table = results_table(results, {100, true});
  EXPECT_EQ(count_of(table, "\n  \x1b[32m"), collapsed);
}

TEST(TableCriteria, WhatOnlyAFloorIsKnownOfIsGreenByTheFloor) {
  LayerResult layer{"fc1", std::nullopt, "", {}};
  layer.metrics.add({"deep_nrc1", 1e-3, 0.06});
  EXPECT_THAT(results_table(test::results_with(layer), {80, true}), Not(HasSubstr("\x1b[32m")));
  layer.metrics.all()[0].floor = 0.04;
  EXPECT_THAT(results_table(test::results_with(layer), {80, true}), HasSubstr("\x1b[32m   < 0.04\x1b[0m"));
}

TEST(TableCriteria, WithoutAnyNothingIsGreen) {
  const std::string table = results_table(test::training_results(1, 2, 4), {100, true, {}, Criteria{}});
  EXPECT_THAT(table, Not(HasSubstr("\x1b[32m")));
  EXPECT_THAT(table, Not(HasSubstr("green")));
}

}  // namespace
}  // namespace collapscope
