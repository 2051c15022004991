// The report for a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "collapscope/report/report.hpp"
#include "report/terminal_text.hpp"
#include "results/sample_results.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using test::checkpoint_of;
using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const Results& results, std::size_t width = 100) {
  return report_text(results, {}, width);
}

TEST(ReportText, SaysWhatCollapsedWhereAndSinceWhen) {
  Results results =
      test::results_of({checkpoint_of("wd0", 1, {true, false}), checkpoint_of("wd1", 1, {false, true}),
                        checkpoint_of("wd1", 9, {true, true})});
  results.checkpoints[0].attributes = {{"weight_decay", 0.0}, {"model", "mlp"}};
  results.checkpoints[1].attributes =
      results.checkpoints[2].attributes = {{"weight_decay", 0.1}, {"model", "mlp"}};
  for (const std::size_t i : {1U, 2U}) {
    results.checkpoints[i].layers[1].metrics.add({"feature_dims_99", std::int64_t{2}});
    results.checkpoints[i].targets.add({"target_rank", std::int64_t{3}});
  }
  EXPECT_EQ(text_of(results), R"(Neural collapse: 2 runs, 3 checkpoints
collapsed means: deep_nrc1 < 0.05, deep_nrc2 > 0.9, deep_nrc3 > 0.9
all runs: model mlp

wd0: 1 checkpoint, step 1, weight_decay 0
  collapsed    nothing: l2 has deep_nrc1 0.500

wd1: 2 checkpoints, step 1 to step 9, weight_decay 0.1
  collapsed    from l1 on, all 2 layers
  when         l1 since step 9, l2 since step 1
  dimension    2 components hold 99 % of the variance of l2; the targets have rank 3

last checkpoints by weight_decay; mean ± sample standard deviation over runs, of the last layer;
    from: where collapse begins
  weight_decay  runs  from  layer  deep_nrc1  deep_nrc2  deep_nrc3  dims_99  model_mse
             0     1  none     l2      0.500      0.970      0.990        -          -
           0.1     1    l1     l2    0.00100      0.970      0.990        2          -
)");
}

TEST(ReportText, SaysWhatWasNotMeasured) {
  const Results results =
      test::results_of({checkpoint_of("r", 1, {false, true, true}), checkpoint_of("r", 2, {false, true}),
                        checkpoint_of("r", 3, {false, true, true})});
  const std::string text = text_of(results);
  EXPECT_THAT(text, HasSubstr("when         l2 since step 1, l3 since step 3 (not measured at step 2)\n"));
  EXPECT_THAT(text, HasSubstr("measured     l3 at 2 of 3 checkpoints, not at step 2\n"));
  EXPECT_THAT(collapse_text(results, default_criteria(), 200),
              HasSubstr("l3 since step 3 (not measured at step 2)"));
  EXPECT_THAT(text_of(test::results_of({checkpoint_of("r", 1, {true}), checkpoint_of("r", 2, {true})})),
              Not(HasSubstr("measured")));
}

TEST(ReportText, GroupsOverSeedsWithMeanAndSpread) {
  Results results =
      test::results_of({checkpoint_of("a", 1, {true, true}), checkpoint_of("b", 1, {false, true})});
  results.checkpoints[0].targets.add({"model_mse", 1.0});
  results.checkpoints[1].targets.add({"model_mse", 2.0});
  const std::string text = text_of(results);
  EXPECT_THAT(text, HasSubstr("1.50 ± 0.707"));
  EXPECT_THAT(text, HasSubstr("l1 to l2"));
}

// Of an array of jobs, some of which are not done.
TEST(ReportText, SaysThatRunsEndAtDifferentSteps) {
  const Results results = test::results_of(
      {checkpoint_of("a", 30, {true}), checkpoint_of("b", 10, {true}), checkpoint_of("c", 30, {true})});
  EXPECT_THAT(text_of(results), HasSubstr("; runs that end at step 10 to 30 are taken together"));
  const Results alike = test::results_of({checkpoint_of("a", 30, {true}), checkpoint_of("b", 30, {true})});
  EXPECT_THAT(text_of(alike), Not(HasSubstr("taken together")));
}

TEST(ReportText, SaysWhichLayerFailed) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {true, true});
  const auto said = [&](std::vector<MissingLayer> failed) {
    checkpoint.failed_layers = std::move(failed);
    return text_of(test::results_of({checkpoint}));
  };
  EXPECT_THAT(said({{"lost", 0}}),
              HasSubstr("from l1 on, the last 2 of 3 layers; above unknown: lost failed\n"));
  EXPECT_THAT(said({{"lost", 1}}),
              HasSubstr("from l2 on, the last 1 of 3 layers; above unknown: lost failed\n"));
  EXPECT_THAT(said({{"lost", 1}, {"head", 2}}), HasSubstr("collapsed    unknown: head failed\n"));
}

TEST(ReportText, MeansSayHowManyRunsTheyAreOf) {
  Results results = test::results_of(
      {checkpoint_of("a", 1, {true}), checkpoint_of("b", 1, {true}), checkpoint_of("c", 1, {std::nullopt})});
  for (CheckpointResult& checkpoint : results.checkpoints) checkpoint.targets.add({"model_mse", 0.5});
  const std::string all =
      text_of(test::results_of({checkpoint_of("a", 1, {true}), checkpoint_of("b", 1, {true})}));
  EXPECT_EQ(all.find("(n "), std::string::npos);
  EXPECT_EQ(all.find("; n:"), std::string::npos);
  const std::string text = text_of(results);
  EXPECT_THAT(text, HasSubstr("  0.990 ± 0 (n 2)"));
  EXPECT_THAT(text, HasSubstr("0.500 ± 0\n")) << "all three runs have model_mse";
  EXPECT_EQ(text.find("(n "), text.rfind("(n ")) << "only deep_nrc3 is missing";
  EXPECT_THAT(text, HasSubstr("n: runs that have the value"));
}

TEST(ReportText, RunsAreInTheOrderOfTheirDecaysAsNumbers) {
  const std::vector<std::string> names = {"first", "second", "third", "fourth"};
  const std::vector<std::pair<AttributeValue, AttributeValue>> decays = {
      {0.1, "0.1"}, {0.02, "0.02"}, {2e-3, "2e-3"}, {0.01, "0.01"}};
  for (const bool as_text : {false, true}) {
    SCOPED_TRACE(as_text);
    Results results;
    for (std::size_t i = 0; i < names.size(); ++i) {
      results.checkpoints.push_back(checkpoint_of(names[i], 1, {true}));
      results.checkpoints[i].attributes = {{"weight_decay", as_text ? decays[i].second : decays[i].first}};
    }
    const std::string text = text_of(results);
    EXPECT_LT(text.find("third: 1 checkpoint"), text.find("fourth: 1 checkpoint"));
    EXPECT_LT(text.find("fourth: 1 checkpoint"), text.find("second: 1 checkpoint"));
    EXPECT_LT(text.find("second: 1 checkpoint"), text.find("first: 1 checkpoint"));
    const std::string table = text.substr(text.find("last checkpoints"));
    EXPECT_LT(table.find(as_text ? "2e-3" : "0.002"), table.find("0.01 "));
    EXPECT_LT(table.find("0.01 "), table.find("0.02 "));
    EXPECT_LT(table.find("0.02 "), table.find("0.1 "));
  }
}

TEST(ReportText, SaysWhyNothingIsKnown) {
  EXPECT_THAT(text_of(test::results_of({checkpoint_of("a", 1, {true, std::nullopt})})),
              HasSubstr("unknown: l2 has deep_nrc3 undefined (no weight)"));
  EXPECT_THAT(text_of(test::results_of({checkpoint_of("a", 1, {std::nullopt, true})})),
              HasSubstr("from l2 on, the last 1 of 2 layers; above unknown: l1 has deep_nrc3 undefined"));
  RunReport report;
  report.criteria = parse_criteria("nrc1<0.1");
  EXPECT_THAT(report_text(test::results_of({checkpoint_of("a", 1, {true})}), report, 80),
              HasSubstr("l1 has no nrc1 among the results"));
  Results floored = test::results_of({checkpoint_of("a", 1, {true})});
  floored.checkpoints[0].layers[0].metrics.all()[0].floor = 0.5;
  EXPECT_THAT(text_of(floored), HasSubstr("deep_nrc1 anywhere up to its floor of 0.500"));
}

TEST(ReportText, TellsThatCheckpointsWithoutRunStandAlone) {
  EXPECT_THAT(text_of(test::results_of({checkpoint_of("", 1, {true}), checkpoint_of("", 2, {true})})),
              HasSubstr("2 checkpoints name no run"));
}

TEST(ReportText, IsSafeAndFitsTheTerminalWhateverTheNames) {
  for (const std::string& name : test::hostile_names()) {
    RunReport report;
    report.title = name;
    const std::string text = report_text(test::results_named(name), report, 60);
    EXPECT_FALSE(test::has_raw_controls(text)) << name;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 60U) << line;
  }
}

TEST(ReportText, TellsTheDeadFromTheOthersAndLeavesThemOutOfMeans) {
  Results results = test::results_of(
      {checkpoint_of("a", 1, {true}), checkpoint_of("b", 1, {true}), checkpoint_of("c", 1, {true})});
  for (CheckpointResult& checkpoint : results.checkpoints) checkpoint.targets.add({"model_mse", 0.5});
  results.checkpoints[2].layers[0].metrics.add({"total_variance", 0.0});
  const std::string text = text_of(results);
  EXPECT_THAT(
      text,
      HasSubstr("  collapsed    dead since step 1 (the last layer's features do not vary): not compared"));
  EXPECT_THAT(text, HasSubstr("2 + 1 dead  l1 / dead"));
  EXPECT_THAT(text, HasSubstr("0.500 ± 0\n"));
  EXPECT_THAT(text, HasSubstr("without the dead"));
  EXPECT_EQ(text.find("(n "), std::string::npos) << "all runs that live have the value";
}

TEST(ReportText, SaysHowMetricsGoOverDepth) {
  Results results = test::results_of({checkpoint_of("a", 1, {true, true, true})});
  results.checkpoints[0].depth.add({"deep_nrc1_depth_slope", -0.5});
  results.checkpoints[0].depth.add({"deep_nrc1_depth_pearson", -0.99});
  results.checkpoints[0].depth.add({"deep_nrc1_depth_layers", std::int64_t{3}});
  results.checkpoints[0].depth.add({"linear_share_depth_slope", std::monostate{}, std::nullopt, "too few"});
  EXPECT_THAT(text_of(results),
              HasSubstr("  depth        deep_nrc1 slope -0.500 pearson -0.990 (3 layers)\n"));
}

TEST(ReportText, EachTaskHasItsCriteria) {
  Results results = test::results_of({checkpoint_of("reg", 1, {true}), checkpoint_of("cls", 1, {true})});
  CheckpointResult& classifier = results.checkpoints[1];
  classifier.task = "classification";
  classifier.layers[0].metrics.add({"nc1", 0.5});
  const std::string text = text_of(results, 200);
  EXPECT_THAT(text, HasSubstr("collapsed means: of regression deep_nrc1 < 0.05"));
  EXPECT_THAT(text, HasSubstr("; of classification nc1 < 0.05"));
  EXPECT_THAT(text, HasSubstr("from l1 on, the only layer"));
  EXPECT_THAT(text, HasSubstr("nothing: l1 has nc1 0.500"));
  EXPECT_THAT(text, HasSubstr("model_mse  model_accuracy"));
}

TEST(ReportText, ComparesWhatWasAskedFor) {
  Results results = test::results_of({checkpoint_of("a", 1, {true}), checkpoint_of("b", 1, {true})});
  for (CheckpointResult& checkpoint : results.checkpoints) {
    checkpoint.layers[0].metrics = {};
    checkpoint.layers[0].metrics.add({"target_cca", 0.75});
    checkpoint.layers[0].metrics.add({"features", std::int64_t{16}});
  }
  const std::string text = text_of(results);
  const std::string table = text.substr(text.find("last checkpoints"));
  EXPECT_THAT(table, HasSubstr("target_cca"));
  EXPECT_THAT(table, HasSubstr("0.750 ± 0"));
  EXPECT_EQ(table.find("deep_nrc1"), std::string::npos);
}

TEST(ReportText, CutsNothingWhereLinesNeedNotFit) {
  const std::string long_name = "model.encoder.layers.11.attention.self.output.dense.projection";
  Results results =
      test::results_of({checkpoint_of("a", 1, {true, false}), checkpoint_of("b", 1, {true, true})});
  for (CheckpointResult& checkpoint : results.checkpoints) {
    checkpoint.layers[0].name = long_name + ".a";
    checkpoint.layers[1].name = long_name + ".b";
  }
  const std::string whole = report_text(results, {}, 80, false);
  const std::string table = whole.substr(whole.find("last checkpoints"));
  EXPECT_THAT(table, HasSubstr(long_name + ".b"));
  EXPECT_EQ(table.find("too narrow"), std::string::npos);
  const std::string cut = report_text(results, {}, 80);
  EXPECT_THAT(cut, HasSubstr("a / none      b"));
  EXPECT_THAT(cut, HasSubstr("names of layers without\n    " + long_name + ".\n"));
}

TEST(ReportText, NamesFailures) {
  Results results = test::results_of({checkpoint_of("a", 1, {true})});
  results.failures = {{"bad.h5", "fc1", "truncated"}};
  EXPECT_THAT(text_of(results), HasSubstr("bad.h5"));
}

// What a terminal has no room for, a file has.
TEST(ReportText, CutsNamesOnlyWhereItIsAsked) {
  const std::string run = "a_run_" + std::string(80, 'x') + "_and_its_end";
  const std::string note =
      "no lambda_w, lambda_h; expected both as attributes of the checkpoint, numbers from 0 on";
  Results results = test::results_of({checkpoint_of(run, 1, {true}), checkpoint_of(run, 2, {true})});
  for (CheckpointResult& checkpoint : results.checkpoints) {
    checkpoint.targets.add({"ufm_c", {}, std::nullopt, note});
    checkpoint.attributes = {{"data", "of_" + std::string(80, 'y') + "_images"}};
  }
  const std::string whole = report_text(results, {}, 2000, false);
  EXPECT_THAT(whole, HasSubstr(run));
  EXPECT_THAT(whole, HasSubstr("not known (" + note + ")"));
  EXPECT_THAT(whole, testing::Not(HasSubstr("…")));
  EXPECT_THAT(collapse_text(results, default_criteria(), 2000, false), HasSubstr(run));
  const std::string cut = report_text(results, {}, 2000);
  EXPECT_THAT(cut, testing::Not(HasSubstr(run)));
  EXPECT_THAT(cut, HasSubstr("not known (" + note + ")"));  // no name: it wraps
}

TEST(CollapseText, IsALineForEachRunOfSeveralCheckpoints) {
  const Results results = test::results_of(
      {checkpoint_of("long", 1, {false, false, false}), checkpoint_of("long", 2, {false, true, true}),
       checkpoint_of("none", 1, {true, false}), checkpoint_of("none", 2, {true, false}),
       checkpoint_of("single", 1, {true})});
  EXPECT_EQ(collapse_text(results, default_criteria(), 100),
            "where collapse begins (deep_nrc1 < 0.05, deep_nrc2 > 0.9, deep_nrc3 > 0.9):\n"
            "  long, step 2: from l2 on, the last 2 of 3 layers (l2 to l3 since step 2)\n"
            "  none, step 2: nothing: l2 has deep_nrc1 0.500\n");
}

TEST(CollapseText, IsEmptyWhereItHasNothingToSay) {
  EXPECT_EQ(collapse_text(test::results_of({checkpoint_of("r", 1, {true})}), default_criteria(), 80), "");
  const Results without =
      test::results_of({checkpoint_of("r", 1, {std::nullopt}), checkpoint_of("r", 2, {std::nullopt})});
  EXPECT_EQ(collapse_text(without, default_criteria(), 80), "") << "deep_nrc3 was not computed";
  EXPECT_THAT(collapse_text(without, parse_criteria("deep_nrc1<0.1"), 80), HasSubstr("the only layer"));
}

}  // namespace
}  // namespace collapscope
