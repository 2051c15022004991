// The table: widths, cells, footnotes, harmless names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <sstream>

#include "collapscope/report/report.hpp"
#include "report/table_cells.hpp"
#include "report/terminal_text.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void expect_no_wider(const std::string& table, std::size_t width) {
  for (const std::string& line : lines_of(table)) {
    EXPECT_LE(display_width(line), width) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
}

// A table of one layer with one metric.
std::string table_of(Metric metric) {
  LayerResult layer{"fc1", std::nullopt, "", {}};
  layer.metrics.add(std::move(metric));
  return results_table(test::results_with(layer), {80, false});
}

TEST(Table, PrecisionIsToldWhenItIsNotFloat64) {
  Results results = test::small_results();
  EXPECT_THAT(results_table(results, {80, false}), Not(HasSubstr("precision")));
  results.provenance.precision = "fast";
  EXPECT_EQ(lines_of(results_table(results, {80, false})).at(0), "precision: fast");
}

TEST(TableCells, NumbersHaveThreeDigits) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.5), "0.500");
  EXPECT_EQ(short_number(0.9999), "1.00");
  EXPECT_EQ(short_number(-0.0123456), "-0.0123");
  EXPECT_EQ(short_number(0.001), "0.00100");
  EXPECT_EQ(short_number(0.00099), "9.9e-04");
  EXPECT_EQ(short_number(3.21e-5), "3.2e-05");
  EXPECT_EQ(short_number(5e-324), "4.9e-324");
  EXPECT_EQ(short_number(12.345), "12.3");
  EXPECT_EQ(short_number(999.7), "1000");
  EXPECT_EQ(short_number(12345), "12345");
  EXPECT_EQ(short_number(99999.7), "1.0e+05");
  EXPECT_EQ(short_number(std::numeric_limits<double>::quiet_NaN()), "-");
}

TEST(TableCells, NumbersFitIntoSevenColumns) {
  std::mt19937 random(4);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::pow(10.0, std::uniform_real_distribution(-90.0, 90.0)(random));
    ASSERT_LE(short_number(value).size(), 7U) << value;
    ASSERT_NEAR(std::stod(short_number(value)) / value, 1, 0.051) << value;
  }
}

TEST(TableCells, FloorsAreRoundedUpToOneDigit) {
  EXPECT_EQ(short_floor(1e-7), "1e-07");
  EXPECT_EQ(short_floor(1.0001e-7), "2e-07");
  EXPECT_EQ(short_floor(9.4e-8), "1e-07");
  EXPECT_EQ(short_floor(0.95), "1");
  EXPECT_EQ(short_floor(0.02), "0.02");
  EXPECT_EQ(short_floor(0.0031), "0.004");
  EXPECT_EQ(short_floor(31), "40");
  EXPECT_EQ(short_floor(3e5), "3e+05");
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    const double floor = std::pow(10.0, std::uniform_real_distribution(-300.0, 8.0)(random));
    ASSERT_GE(std::stod(short_floor(floor)), floor);
    ASSERT_LE(std::stod(short_floor(floor)), 2.001 * floor);
  }
}

TEST(Table, ValuesBelowTheirFloorAreMarkedAndExplained) {
  const std::string table = table_of({"nrc1", 3e-9, 0.9e-7});
  EXPECT_THAT(table, HasSubstr("< 9e-08"));
  EXPECT_THAT(table, HasSubstr("< x: below the floor, rounding not collapse"));
  EXPECT_THAT(table_of({"nrc1", 0.25, 1e-7}), Not(HasSubstr("<")));
  EXPECT_THAT(table_of({"nrc1", 0.0, 0.0}), Not(HasSubstr("<")));
  EXPECT_THAT(table_of({"nrc1", 0.5, std::numeric_limits<double>::infinity()}), HasSubstr("0.500"));
}

TEST(Table, TwelveCheckpointsReadAsOneTable) {
  const Results results = test::training_results(3, 4, 6);
  const std::string table = results_table(results, {100, false});
  const std::vector<std::string> lines = lines_of(table);
  ASSERT_GE(lines.size(), 4U);
  EXPECT_EQ(lines[0], "run width-64: 20000 samples, 3 targets, weight_decay 0.001");
  EXPECT_THAT(lines[1], HasSubstr("layer    d  srank     nrc1     nrc2  deep_nrc1"));
  EXPECT_EQ(lines[2], "epoch 10, epoch_10.h5: model_mse 0.200, model_r2 0.800");
  std::size_t rows = 0;
  for (const std::string& line : lines) {
    if (!line.starts_with("  fc") && !line.starts_with("  head")) continue;
    EXPECT_EQ(line.size(), lines[1].size());  // right-aligned columns of one width
    ++rows;
  }
  EXPECT_EQ(rows, 72U);
  EXPECT_THAT(table, HasSubstr("- rank(W) = d: nrc2 of fc1"));
  EXPECT_THAT(table, HasSubstr("not defined in any layer: nrc3 (n = 1)"));
  EXPECT_THAT(table, HasSubstr("d: features, srank: feature_stable_rank"));
}

TEST(Table, KeepsTheOrderGiven) {
  Results results = test::training_results(2, 2, 1);
  std::swap(results.checkpoints[0], results.checkpoints[3]);
  const std::string table = results_table(results, {100, false});
  const std::vector<std::string> lines = lines_of(table);
  EXPECT_EQ(lines[0].substr(0, 33), "width-128, epoch 20, epoch_20.h5:");
  EXPECT_LT(table.find("width-128, epoch 20"), table.find("width-64, epoch 20"));
  EXPECT_LT(table.find("width-64, epoch 20"), table.find("width-128, epoch 10"));
}

TEST(Table, ASingleCheckpointHasOneTitle) {
  const std::string table = results_table(test::small_results(), {100, false});
  EXPECT_EQ(lines_of(table)[0], "toy, epoch 10, toy.h5: 200 samples, 2 targets, weight_decay 0.01");
  EXPECT_THAT(table, HasSubstr("0.100*"));
  EXPECT_THAT(table, HasSubstr("* ill-conditioned subspace: nrc1 of head"));
  EXPECT_THAT(table, HasSubstr("1 failure:\n  dumps/bad.h5: truncated file\n"));
}

TEST(Table, WithoutARunThePathTellsCheckpointsApart) {
  Results results = test::small_results();
  results.checkpoints[0].run.clear();
  results.checkpoints[0].step = std::nullopt;
  results.checkpoints[0].id = "7";
  EXPECT_THAT(results_table(results, {100, false}), testing::StartsWith("dumps/toy.h5:7: 200 samples"));
}

TEST(Table, ReasonsNameTheLayersTheyHoldFor) {
  Results results = test::training_results(1, 1, 8);
  for (std::size_t i = 0; i < 8; ++i) {
    for (Metric& metric : results.checkpoints[0].layers[i].metrics.all()) {
      if (metric.name == "deep_nrc3" && i < 7)
        metric = {"deep_nrc3", std::monostate{}, std::nullopt, "no weight"};
      if (metric.name == "nrc2" && i < 7) metric = {"nrc2", std::monostate{}, std::nullopt, "no weight"};
      if (metric.name == "deep_nrc4" && i % 2 == 0)
        metric = {"deep_nrc4", std::monostate{}, std::nullopt, "odd"};
    }
  }
  const std::string table = results_table(results, {140, false});
  EXPECT_THAT(table, HasSubstr("- no weight: nrc2, deep_nrc3 of all layers but head"));
  EXPECT_THAT(table, HasSubstr("- odd: deep_nrc4 of fc1, fc3, fc5, fc7"));
}

TEST(Table, LeavesOutColumnsThatDoNotFitAndSaysSo) {
  const Results results = test::training_results(1, 2, 3);
  EXPECT_THAT(results_table(results, {140, false}), Not(HasSubstr("left out")));
  const std::string narrow = results_table(results, {40, false});
  EXPECT_THAT(narrow, HasSubstr("left out in this width:"));
  EXPECT_THAT(lines_of(narrow).at(2), HasSubstr("nrc1"));
  EXPECT_THAT(lines_of(narrow).at(2), HasSubstr("deep_nrc1"));
  EXPECT_THAT(lines_of(narrow).at(2), Not(HasSubstr("linear_mse")));
}

TEST(Table, IsNeverWiderThanTheTerminal) {
  Results results = test::training_results(2, 2, 4);
  results.checkpoints[1].layers[2].name = "model.layers.31.self_attn.query_key_value_projection";
  results.checkpoints[2].layers[1].name = "日本語のとても長いレイヤーの名前、まだまだ続きます";
  results.failures = {{"dumps/a.h5", "/layers/fc9/activations", std::string(300, 'x') + " and some words"}};
  for (std::size_t width = 20; width <= 160; ++width) {
    expect_no_wider(results_table(results, {width, false}), width);
  }
  expect_no_wider(results_table(results, {0, false}), 20);
}

TEST(Table, CutNamesStayDistinct) {
  Results results = test::training_results(1, 1, 8);
  for (std::size_t i = 0; i < 8; ++i) {
    results.checkpoints[0].layers[i].name =
        "model.layers." + std::to_string(i / 2) + ".mlp." + (i % 2 == 0 ? "down_proj" : "up_proj");
  }
  for (const std::size_t width : {60U, 70U, 80U, 90U}) {
    std::set<std::string> names;
    for (const std::string& line : lines_of(results_table(results, {width, false}))) {
      if (line.starts_with("  m")) names.insert(line.substr(0, line.find(' ', 2)));
    }
    EXPECT_EQ(names.size(), 8U) << width;
  }
}

TEST(Table, ColourMarksWhatMeetsTheCriteriaOnly) {
  LayerResult layer{"fc1", std::nullopt, "", {}};
  layer.metrics.add({"nrc1", 0.005});
  layer.metrics.add({"nrc2", 0.05});
  layer.metrics.add({"deep_nrc1", 1e-9, 1e-7});
  layer.metrics.add({"deep_nrc2", 0.99});
  layer.metrics.add({"deep_nrc3", 0.9});
  layer.metrics.add({"linear_mse", 1e-9});
  const std::string table = results_table(test::results_with(layer), {100, true});
  EXPECT_THAT(table, HasSubstr("  0.00500  ")) << "no criterion is about nrc1";
  EXPECT_THAT(table, HasSubstr("\x1b[32m  < 1e-07\x1b[0m"));
  EXPECT_THAT(table, HasSubstr("\x1b[32m    0.990\x1b[0m"));
  EXPECT_THAT(table, HasSubstr("  0.0500  "));
  EXPECT_THAT(table, HasSubstr("      0.900     1.0e-09\n"));
  EXPECT_THAT(table, HasSubstr("\n  fc1  ")) << "deep_nrc3 is not greater than 0.9";
  EXPECT_THAT(table, HasSubstr("green: collapsed (deep_nrc1 < 0.05, deep_nrc2 > 0.9, deep_nrc3 > 0.9;"));
}

TEST(Table, PlainAndColouredTablesHaveTheSameText) {
  const Results results = test::training_results(2, 2, 4);
  std::string coloured = results_table(results, {100, true});
  for (std::size_t at = 0; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  const std::string plain = results_table(results, {100, false});
  EXPECT_EQ(coloured.substr(0, coloured.find("d: features")), plain.substr(0, plain.find("d: features")));
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
}

TEST(Table, HostileNamesAreHarmless) {
  for (const std::string& name : test::hostile_names()) {
    for (const std::size_t width : {20U, 60U, 100U, 200U}) {
      const std::string table = results_table(test::results_named(name), {width, false});
      EXPECT_FALSE(test::has_raw_controls(table)) << name;
      for (const std::string& line : lines_of(table)) EXPECT_LE(display_width(line), width) << line;
      EXPECT_LT(table.size(), 100'000U);
    }
  }
}

TEST(Table, HugeNamesAndManyLayersStayFast) {
  Results results = test::results_with({});
  results.checkpoints[0].layers.clear();
  for (int i = 0; i < 150; ++i) {
    LayerResult layer{std::string(60'000, 'x') + std::to_string(i) + std::string(5000, 'y'), i, "", {}};
    layer.metrics.add({"nrc1", 0.5});
    results.checkpoints[0].layers.push_back(layer);
  }
  expect_no_wider(results_table(results, {80, false}), 80);
}

TEST(Table, NothingToShow) {
  EXPECT_EQ(results_table({}, {80, false}), "no checkpoints\n");
  Results failed;
  failed.failures = {{"a.h5", "/targets", "missing"}, {"b.h5", "", "truncated"}};
  EXPECT_EQ(results_table(failed, {80, false}),
            "no checkpoints\n\n2 failures:\n  a.h5: /targets: missing\n  b.h5: truncated\n");
  Results empty = test::results_with({});
  EXPECT_THAT(results_table(empty, {80, false}), HasSubstr("no metric of this table was computed"));
  empty.checkpoints[0].layers.clear();
  EXPECT_THAT(results_table(empty, {80, false}), HasSubstr("no layers"));
}

TEST(Table, LongListsOfFailuresAreCut) {
  Results results;
  for (int i = 0; i < 100; ++i) results.failures.push_back({std::to_string(i) + ".h5", "", "truncated"});
  const std::string table = results_table(results, {80, false});
  EXPECT_THAT(table, HasSubstr("100 failures:"));
  EXPECT_THAT(table, HasSubstr("  19.h5: truncated\n"));
  EXPECT_THAT(table, Not(HasSubstr("  20.h5")));
  EXPECT_THAT(table, HasSubstr("and 80 more: see the JSON"));
}

}  // namespace
}  // namespace collapscope
