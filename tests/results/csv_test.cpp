// CSV: rows, exact numbers, cells that a spreadsheet must not run.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "collapscope/results/results_file.hpp"
#include "core/utf8.hpp"
#include "results/csv_parser.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using Row = std::vector<std::string>;

TEST(Csv, SmallDocumentIsAsWrittenDown) {
  EXPECT_EQ(results_csv(test::small_results()),
            "path,run,step,layer,index,metric,value\n"
            "dumps/toy.h5,toy,10,,,target_dim,2\n"
            "dumps/toy.h5,toy,10,,,model_mse,\n"
            "dumps/toy.h5,toy,10,fc1,0,features,8\n"
            "dumps/toy.h5,toy,10,fc1,0,nrc1,0.5\n"
            "dumps/toy.h5,toy,10,fc1,0,nrc2,\n"
            "dumps/toy.h5,toy,10,fc1,0,evr[1],0.75\n"
            "dumps/toy.h5,toy,10,fc1,0,evr[2],0.25\n"
            "dumps/toy.h5,toy,10,head,,nrc1,0.10000000000000001\n");
}

TEST(Csv, PrecisionIsAColumnWhenItIsNotFloat64) {
  Results results = test::small_results();
  results.provenance.precision = "fast";
  const auto rows = test::parse_csv(results_csv(results));
  EXPECT_EQ(rows.at(0), (Row{"path", "run", "step", "layer", "index", "metric", "value", "precision"}));
  EXPECT_EQ(rows.at(1), (Row{"dumps/toy.h5", "toy", "10", "", "", "target_dim", "2", "fast"}));
  for (const Row& row : rows) {
    EXPECT_EQ(row.size(), 8U);
  }
}

TEST(Csv, HeaderOnlyWithoutCheckpoints) {
  EXPECT_EQ(results_csv({}), "path,run,step,layer,index,metric,value\n");
}

TEST(Csv, CheckpointsInsideAFileAreTold) {
  Results results = test::small_results();
  results.checkpoints[0].id = "epoch_3";
  results.checkpoints[0].step = std::nullopt;
  const auto rows = test::parse_csv(results_csv(results));
  EXPECT_EQ(rows.at(1), (Row{"dumps/toy.h5:/checkpoints/epoch_3", "toy", "", "", "", "target_dim", "2"}));
}

TEST(Csv, NumbersReadBackBitForBit) {
  std::vector<double> values = {-0.0, 1e22, 5, 5e-324, 1e308, 0.1, -3.5};
  std::mt19937_64 random(3);
  while (values.size() < 2000) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
  }
  LayerResult layer{"fc", std::nullopt, "", {}};
  layer.metrics.add({"evr", values});
  const auto rows = test::parse_csv(results_csv(test::results_with(layer)));
  ASSERT_EQ(rows.size(), values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(rows[i + 1][5], "evr[" + std::to_string(i + 1) + "]");
    const double read = std::strtod(rows[i + 1][6].c_str(), nullptr);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(read), std::bit_cast<std::uint64_t>(values[i]));
  }
}

TEST(Csv, NumbersThatAreNotFiniteAreEmpty) {
  LayerResult layer{"fc", std::nullopt, "", {}};
  layer.metrics.add({"nrc1", std::numeric_limits<double>::quiet_NaN()});
  EXPECT_EQ(test::parse_csv(results_csv(test::results_with(layer))).at(1).at(6), "");
}

TEST(Csv, NegativeNumbersKeepTheirSign) {
  LayerResult layer{"fc", -1, "", {}};
  layer.metrics.add({"linear_excess", -0.5});
  EXPECT_EQ(test::parse_csv(results_csv(test::results_with(layer))).at(1),
            (Row{"one.h5", "", "", "fc", "-1", "linear_excess", "-0.5"}));
}

TEST(Csv, HostileCellsAreNeverFormulasAndKeepTheTable) {
  for (const std::string& name : test::hostile_names()) {
    const std::string text = results_csv(test::results_named(name));
    ASSERT_TRUE(is_utf8(text)) << name;
    const auto rows = test::parse_csv(text);
    ASSERT_EQ(rows.size(), 1U + 2 * 5) << name;
    for (const Row& row : rows) {
      ASSERT_EQ(row.size(), 7U) << name;
      for (const std::size_t cell : {0U, 1U, 3U, 5U}) {
        EXPECT_NE(row[cell].find_first_of("=+-@\t\r\n"), 0U) << name;
        EXPECT_FALSE(row[cell].starts_with("\xef\xbc\x9d"));
        EXPECT_EQ(row[cell].find('\x1b'), std::string::npos);
        EXPECT_EQ(row[cell].find('\0'), std::string::npos);
      }
    }
  }
}

TEST(Csv, TextReadsBackBehindItsApostrophe) {
  const auto layer_cell = [](const std::string& name) {
    return test::parse_csv(results_csv(test::results_named(name))).at(2).at(3);
  };
  EXPECT_EQ(layer_cell("comma, \"quote\""), "comma, \"quote\"");
  EXPECT_EQ(layer_cell("line\nbreak"), "line\nbreak");
  EXPECT_EQ(layer_cell("=1+1"), "'=1+1");
  EXPECT_EQ(layer_cell("\t=1"), "'\t=1");
  EXPECT_EQ(layer_cell("层级"), "层级");
  EXPECT_EQ(layer_cell("fc\xff"), "fc\\xff");
}

}  // namespace
}  // namespace collapscope
