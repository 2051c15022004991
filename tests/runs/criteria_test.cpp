// Criteria: their text, and their verdict in three values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/runs/runs.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using ::testing::HasSubstr;

LayerResult layer_with(Metric metric) {
  LayerResult layer{"l", std::nullopt, "", {}};
  layer.metrics.add(std::move(metric));
  return layer;
}

TEST(Criteria, AreReadFromText) {
  const Criteria criteria = parse_criteria(" deep_nrc1<0.01, deep_nrc3 >= .95,linear_excess<=-1e-3,nrc3>0");
  ASSERT_EQ(criteria.size(), 4U);
  EXPECT_EQ(criteria[0].metric, "deep_nrc1");
  EXPECT_EQ(criteria[0].comparison, Comparison::less);
  EXPECT_EQ(criteria[0].threshold, 0.01);
  EXPECT_EQ(criteria[1].comparison, Comparison::greater_equal);
  EXPECT_EQ(criteria[1].threshold, 0.95);
  EXPECT_EQ(criteria[2].comparison, Comparison::less_equal);
  EXPECT_EQ(criteria[2].threshold, -1e-3);
  EXPECT_EQ(criteria[3].comparison, Comparison::greater);
  EXPECT_EQ(criteria_text(criteria),
            "deep_nrc1 < 0.01, deep_nrc3 >= 0.95, linear_excess <= -0.001, nrc3 > 0");
}

TEST(Criteria, TheirTextReadsBack) {
  const std::string text = criteria_text(default_criteria());
  EXPECT_EQ(criteria_text(parse_criteria(text)), text);
}

TEST(Criteria, WrongOnesAreRefusedWithTheReason) {
  const auto error_of = [](const char* text) -> std::string {
    try {
      (void)parse_criteria(text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  for (const char* text : {"", ",", "deep_nrc1", "deep_nrc1<", "<0.1", "deep_nrc1<0.1,", "deep_nrc1<<1",
                           "deep_nrc1=1", "deep_nrc1=<1", "deep_nrc1<nan", "deep_nrc1<inf", "deep_nrc1<0.1x",
                           "deep_nrc1<1 2", "deep_nrc1<1>0", "deep_nrc1 < 0,1 deep_nrc2"}) {
    EXPECT_THAT(error_of(text), HasSubstr("expected METRIC<NUMBER")) << text;
  }
  EXPECT_THAT(error_of("deep_nrc9<1"), HasSubstr("no metric is called 'deep_nrc9'"));
  EXPECT_THAT(error_of("model_mse<1"), HasSubstr("model_mse is a metric of the targets"));
  EXPECT_THAT(error_of("evr>0.9"), HasSubstr("evr is a list"));
  EXPECT_THAT(error_of("\x1b[31m<1"), HasSubstr("\\x1b[31m"));
}

TEST(Criteria, EachComparisonIsItself) {
  const LayerResult layer = layer_with({"nrc3", 0.5});
  const auto met = [&](Comparison comparison, double threshold) {
    return meets(layer, {"nrc3", comparison, threshold});
  };
  EXPECT_EQ(met(Comparison::less, 0.5), false);
  EXPECT_EQ(met(Comparison::less, 0.6), true);
  EXPECT_EQ(met(Comparison::less_equal, 0.5), true);
  EXPECT_EQ(met(Comparison::less_equal, 0.4), false);
  EXPECT_EQ(met(Comparison::greater, 0.5), false);
  EXPECT_EQ(met(Comparison::greater, 0.4), true);
  EXPECT_EQ(met(Comparison::greater_equal, 0.5), true);
  EXPECT_EQ(met(Comparison::greater_equal, 0.6), false);
}

TEST(Criteria, CountsAreNumbers) {
  EXPECT_EQ(meets(layer_with({"feature_dims_99", std::int64_t{3}}), {"feature_dims_99", Comparison::less, 4}),
            true);
}

TEST(Criteria, WhatIsMissingUndefinedOrAListIsUnknown) {
  const Criterion criterion{"nrc1", Comparison::less, 0.1};
  EXPECT_EQ(meets(layer_with({"nrc2", 0.0}), criterion), std::nullopt);
  EXPECT_EQ(meets(layer_with({"nrc1", std::monostate{}}), criterion), std::nullopt);
  EXPECT_EQ(meets(layer_with({"nrc1", std::vector<double>{0.0}}), criterion), std::nullopt);
}

TEST(Criteria, BelowTheFloorOnlyTheFloorIsKnown) {
  const Criterion small{"nrc1", Comparison::less, 0.1};
  EXPECT_EQ(meets(layer_with({"nrc1", 1e-9, 1e-3}), small), true) << "whatever it is, it is small";
  EXPECT_EQ(meets(layer_with({"nrc1", 1e-9, 0.2}), small), std::nullopt) << "it may be 0.15";
  EXPECT_EQ(meets(layer_with({"nrc1", 0.15, 0.2}), small), std::nullopt) << "it may be 0";
  const Criterion large{"nrc1", Comparison::greater, 0.1};
  EXPECT_EQ(meets(layer_with({"nrc1", 0.15, 0.2}), large), std::nullopt);
  EXPECT_EQ(meets(layer_with({"nrc1", 1e-9, 1e-3}), large), false) << "whatever it is, it is not large";
  EXPECT_EQ(meets(layer_with({"nrc1", 0.05, 0.04}), small), true) << "above its floor it counts";
}

TEST(Criteria, OneThatFailsDecidesBeforeOneThatIsUnknown) {
  LayerResult layer = test::layer_that("l", std::nullopt);
  EXPECT_EQ(is_collapsed(layer, default_criteria()), std::nullopt);
  EXPECT_EQ(is_collapsed(layer, parse_criteria("deep_nrc3>0.9,deep_nrc2>0.98")), false);
  EXPECT_EQ(is_collapsed(layer, parse_criteria("deep_nrc2>0.9")), true);
  EXPECT_EQ(is_collapsed(test::layer_that("l", true), default_criteria()), true);
  EXPECT_EQ(is_collapsed(test::layer_that("l", false), default_criteria()), false);
}

TEST(MetricInfo, RangesAndTrendsFitTheMetrics) {
  for (const MetricInfo& info : metric_catalogue()) {
    EXPECT_EQ(find_metric_info(info.name), &info);
    if (info.range.minimum && info.range.maximum) {
      EXPECT_LT(*info.range.minimum, *info.range.maximum) << info.name;
    }
    EXPECT_FALSE(info.logarithmic && !(info.range.minimum >= 0.0)) << info.name;
  }
  EXPECT_EQ(find_metric_info("deep_nrc2")->trend, MetricTrend::high);
  EXPECT_EQ(find_metric_info("nrc1")->trend, MetricTrend::low);
  EXPECT_EQ(find_metric_info("nothing"), nullptr);
}

LayerResult classifier_that(double nc1, double duality) {
  LayerResult layer{"l", std::nullopt, "", {}};
  for (const auto& [name, value] :
       {std::pair{"nc1", nc1}, std::pair{"nc2_equiangular", 0.01}, std::pair{"nc3_self_duality", duality},
        std::pair{"nc4_disagreement", 0.0}}) {
    layer.metrics.add({name, value});
  }
  return layer;
}

TEST(Criteria, ThoseOfTheClassifierAreAskedOfTheLastLayerOnly) {
  const Criteria criteria = default_class_criteria();
  EXPECT_EQ(criteria_text(criteria),
            "nc1 < 0.05, nc2_equiangular < 0.1, nc3_self_duality < 0.45, nc4_disagreement < 0.01");
  EXPECT_EQ(criteria_text(parse_criteria(criteria_text(criteria))), criteria_text(criteria));
  EXPECT_EQ(is_collapsed(classifier_that(0.01, 1.3), criteria), false);
  EXPECT_EQ(is_collapsed(classifier_that(0.01, 1.3), criteria, false), true);
  EXPECT_EQ(is_collapsed(classifier_that(0.2, 1.3), criteria, false), false);
  EXPECT_EQ(is_collapsed(classifier_that(0.01, 0.1), criteria), true);
  // Where nothing is asked, nothing is known.
  EXPECT_EQ(is_collapsed(classifier_that(0.01, 0.1), parse_criteria("nc3_self_duality<0.5"), false),
            std::nullopt);
  CheckpointResult checkpoint;
  checkpoint.layers = {classifier_that(0.2, 1.3), classifier_that(0.01, 1.3), classifier_that(0.01, 0.1)};
  EXPECT_EQ(checkpoint_collapse(checkpoint, criteria).from, 1U);
}

TEST(Criteria, AreThoseOfEachTask) {
  Results results;
  const TaskCriteria criteria;
  EXPECT_EQ(criteria_text(criteria, results), criteria_text(default_criteria()));
  results.checkpoints.resize(2);
  results.checkpoints[0].task = results.checkpoints[1].task = "classification";
  EXPECT_EQ(criteria_text(criteria, results), criteria_text(default_class_criteria()));
  EXPECT_EQ(criteria.of(results.checkpoints[0]), default_class_criteria());
  results.checkpoints[1].task = "regression";
  EXPECT_EQ(criteria.of(results.checkpoints[1]), default_criteria());
  EXPECT_EQ(criteria_text(criteria, results), "of regression " + criteria_text(default_criteria()) +
                                                  "; of classification " +
                                                  criteria_text(default_class_criteria()));
  EXPECT_EQ(criteria_text(TaskCriteria(parse_criteria("deep_nrc1<0.1")), results), "deep_nrc1 < 0.1")
      << "those that are given are for both";
}

}  // namespace
}  // namespace collapscope
