// What metrics say beside their values: floors, ill-conditioned subspaces, reasons for what is undefined.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "collapscope/metrics/metrics.hpp"
#include "core/support.hpp"
#include "metrics/floors.hpp"
#include "metrics/metric_range.hpp"

namespace collapscope {
namespace {

using test::eps;

Matrix identity(std::size_t size) {
  Matrix out(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    out(i, i) = 1;
  }
  return out;
}

TargetSummary make_targets(const std::vector<double>& values) {
  TargetSummary targets;
  targets.samples = 50;
  targets.spectrum = {values, identity(values.size())};
  targets.root = symmetric_root(targets.spectrum);
  targets.mean_square = 1;
  return targets;
}

// A layer without weight and predictions, seen twice.
LayerSummary make_layer(const std::vector<double>& values, std::size_t n) {
  LayerSummary layer;
  layer.samples = 50;
  layer.signal_dim = std::min(n, values.size());
  layer.feature_mean.assign(values.size(), 0.0);
  layer.spectrum = {values, identity(values.size())};
  for (const double value : values) {
    layer.total_variance += value;
  }
  layer.mean_square = layer.total_variance;
  layer.affine_explained = layer.published_explained = 0.0;
  layer.uncentred = values;
  layer.cross_covariance = Matrix(values.size(), n);
  layer.target_covariance_norm = layer.target_variance = layer.first_features_norm = 1;
  layer.hsic_xx = layer.hsic_xy = layer.hsic_yy = 1;
  layer.residuals = ResidualSums{};
  return layer;
}

double floor_of(const LayerSummary& layer, const char* name) {
  const MetricSet set = layer_metrics(layer, make_targets({1, 0.5}), 10);
  const Metric* metric = set.find(name);
  return metric != nullptr && metric->floor ? *metric->floor : -1;
}

TEST(Range, RoundingDoesNotLeaveItAndAWrongNumberStays) {
  const auto in_range = [](const char* name, Value value) {
    std::vector<Metric> metrics{{name, std::move(value)}};
    round_into_range(metrics);
    return metrics[0].value;
  };
  EXPECT_EQ(in_range("target_cca", 1 + eps), Value(1.0));
  EXPECT_EQ(in_range("nc1_vci", -eps), Value(0.0));
  EXPECT_EQ(in_range("nc3_cosine", -1 - eps), Value(-1.0));
  EXPECT_EQ(in_range("nrc3", 4 + 1e-12), Value(4.0));
  EXPECT_EQ(in_range("deep_nrc3_cosines", std::vector{1 + eps, 0.5}), Value(std::vector{1, 0.5}));
  EXPECT_EQ(in_range("deep_nrc1", 1e-14), Value(1e-14));
  EXPECT_EQ(in_range("target_cca", 1 + 1e-8), Value(1 + 1e-8));
  EXPECT_EQ(in_range("deep_nrc2_debiased", 1 + eps), Value(1 + eps));
  EXPECT_EQ(in_range("mine", -eps), Value(-eps));

  LayerSummary layer = make_layer({4, 2}, 1);
  layer.canonical = {.mean_square = 1 + eps, .rounding = eps};
  EXPECT_EQ(layer_metrics(layer, make_targets({1}), 10).number("target_cca"), 1.0);
}

TEST(Floors, PositiveAndLargerForCoarserInputAndFewerLooks) {
  LayerSummary layer = make_layer({4, 2, 1e-9, 1e-10}, 2);
  layer.weight = summarize_weight(test::rows_of(identity(4), 0, 2), false, 2);
  for (const char* name : {"nrc1", "nrc1_unnormalized", "nrc2", "nrc2_unnormalized", "deep_nrc1",
                           "linear_mse", "deep_nrc4", "deep_nrc1_squared"}) {
    SCOPED_TRACE(name);
    layer = make_layer({4, 2, 1e-9, 1e-10}, 2);
    layer.weight = summarize_weight(test::rows_of(identity(4), 0, 2), false, 2);
    const auto rounded_to = [&](double unit) {
      layer.unit_roundoff = unit;
      return floor_of(layer, name);
    };
    const double none = rounded_to(0);
    EXPECT_GT(none, 0);
    EXPECT_GE(rounded_to(0x1p-53), none);
    EXPECT_GT(rounded_to(0x1p-11), rounded_to(0x1p-24));
    EXPECT_GT(rounded_to(0x1p-8), rounded_to(0x1p-11));
    layer.unit_roundoff = 0;
    layer.normalized_moment = Matrix(4, 4);
    layer.residuals.reset();
    if (std::string(name) != "deep_nrc1_squared" && std::string(name) != "linear_mse" &&
        std::string(name) != "deep_nrc4") {
      EXPECT_GT(floor_of(layer, name), 100 * none) << "one look";
    } else {
      EXPECT_GE(floor_of(layer, name), none);
    }
  }
}

TEST(Floors, InputRoundingIsWhatTheSpecificationSays) {
  LayerSummary layer = make_layer({4, 2, 1, 1}, 2);
  layer.unit_roundoff = 0x1p-11;
  layer.mean_square = 80;  // ten times the variance: the mean is far from 0
  EXPECT_DOUBLE_EQ(floor_of(layer, "nrc1"), 0x1p-22 / 3);
  EXPECT_DOUBLE_EQ(floor_of(layer, "nrc1_unnormalized"), 0x1p-22 / 3 * 80);
  EXPECT_DOUBLE_EQ(floor_of(layer, "deep_nrc1"), 0x1p-22 / 3 * 10);
  EXPECT_EQ(floor_of(layer, "feature_stable_rank"), -1);  // no remainder, no floor
}

TEST(Floors, GrowWhereTheSubspaceIsUncertain) {
  const LayerSummary sure = make_layer({1, 0.5, 0.1}, 2);
  const LayerSummary unsure = make_layer({1, 0.5, 0.5 - 1e-7}, 2);
  const LayerSummary unknown = make_layer({1, 0.5, 0.5}, 2);
  const TargetSummary targets = make_targets({1, 0.5});
  EXPECT_LT(Floors(sure, targets).normalized(), Floors(unsure, targets).normalized());
  EXPECT_EQ(Floors(unknown, targets).normalized(), 1);
}

TEST(Floors, GrowWhereTheSubspaceIsUncertainInOneLookToo) {
  for (const double behind : {0.5, 0.5 - 1e-15, 0.5 - 1e-10}) {
    LayerSummary layer = make_layer({1, 0.5, behind, 0.1}, 2);
    const double twice = floor_of(layer, "nrc1");
    layer.normalized_moment = Matrix(4, 4);
    layer.residuals.reset();
    EXPECT_GE(floor_of(layer, "nrc1"), twice) << behind;
    EXPECT_GE(floor_of(layer, "nrc1_unnormalized"), twice * layer.mean_square) << behind;
    EXPECT_LT(floor_of(layer, "deep_nrc1"), 1e-14) << behind;
  }
}

// Noise of 1e-11 in W's rows is a direction of its own, and 1e-5 of it is rounding.
TEST(Floors, GrowWhereTheRowSpaceOfAWeightIsUncertain) {
  const auto floor_with = [](double smallest) {
    LayerSummary layer = make_layer({4, 2, 1, 1}, 2);
    Matrix weight(2, 4);
    weight(0, 0) = 1;
    weight(1, 0) = 1;
    weight(1, 1) = smallest;
    layer.weight = summarize_weight(weight, false, 2);
    EXPECT_EQ(layer.weight->rank, 2U);
    return floor_of(layer, "nrc2");
  };
  EXPECT_LT(floor_with(0.1), 1e-27);
  const double turned = std::numeric_limits<double>::epsilon() / 1e-11;
  EXPECT_GT(floor_with(1e-11), turned * turned);
  EXPECT_LT(floor_with(1e-11), 1e4 * turned * turned);
}

// The share outside the best k directions, and what has nothing to do with them, are known all the same.
TEST(Floors, OfWhatDoesNotNeedTheSubspaceStayLowWhereItIsUncertain) {
  for (const double behind : {0.5, 0.5 - 1e-12, 0.0}) {
    LayerSummary layer = make_layer({1, behind, behind, behind}, 2);  // 0: collapsed beyond k
    layer.weight = summarize_weight(test::rows_of(identity(4), 0, 2), false, 2);
    EXPECT_GT(floor_of(layer, "nrc1"), 1e-8);
    EXPECT_LE(floor_of(layer, "deep_nrc1"), 20 * test::eps);
    EXPECT_LE(floor_of(layer, "nrc2"), 16 * test::eps * test::eps);
    EXPECT_LE(floor_of(layer, "linear_mse"), 1e-20);
    EXPECT_LE(floor_of(layer, "deep_nrc4"), 1e-20);
  }
}

TEST(Floors, BelowOrAbove) {
  Metric metric{"x", 1e-20, 1e-18, ""};
  EXPECT_TRUE(metric.below_floor());
  metric.value = 1e-18;
  EXPECT_TRUE(metric.below_floor());
  metric.value = 2e-18;
  EXPECT_FALSE(metric.below_floor());
  metric.floor.reset();
  EXPECT_FALSE(metric.below_floor());
}

TEST(Notes, IllConditionedSubspace) {
  const TargetSummary targets = make_targets({1, 0.5});
  const auto note = [&](const std::vector<double>& values, const char* name) {
    return layer_metrics(make_layer(values, 2), targets, 10).find(name)->note;
  };
  for (const char* name : {"nrc1", "nrc1_unnormalized", "nrc1_centered", "deep_nrc2_signal"}) {
    EXPECT_EQ(note({1, 0.5, 0.5}, name), "ill-conditioned subspace") << name;
    EXPECT_EQ(note({1, 0.5, 0.5 - 0.9e-8}, name), "ill-conditioned subspace") << name;
    EXPECT_EQ(note({1, 0.5, 0.5 - 1.1e-8}, name), "") << name;
    EXPECT_EQ(note({1, 1, 0.5}, name), "") << name;  // within the subspace it does not matter
    EXPECT_EQ(note({1, 1}, name), "") << name;       // nothing is outside
  }
}

// Every undefined value has a reason, every defined one is finite.
void expect_explained(const MetricSet& set) {
  for (const Metric& metric : set.all()) {
    if (!metric.defined()) {
      EXPECT_FALSE(metric.note.empty()) << metric.name;
    } else if (const auto number = metric.number()) {
      EXPECT_TRUE(std::isfinite(*number)) << metric.name;
    }
  }
}

std::string reason(const MetricSet& set, const std::string& name) {
  const Metric* metric = set.find(name);
  return metric == nullptr ? "missing" : metric->defined() ? "defined" : metric->note;
}

TEST(Undefined, WithoutWeightAndPredictions) {
  const TargetSummary targets = make_targets({1, 0.5});
  const MetricSet set = layer_metrics(make_layer({2, 1, 0.5}, 2), targets, 10);
  expect_explained(set);
  for (const char* name :
       {"nrc2", "nrc2_unnormalized", "nrc3", "nrc3_gamma", "nrc3_ufm", "deep_nrc3", "deep_nrc3_cosines",
        "weight_rank", "weight_stable_rank", "weight_condition", "ufm_gram_error"}) {
    EXPECT_EQ(reason(set, name), "no weight") << name;
  }
  EXPECT_EQ(reason(set, "linear_excess"), "no predictions");
  EXPECT_EQ(reason(set, "nrc1"), "defined");
  const MetricSet of_targets = target_metrics(targets);
  expect_explained(of_targets);
  EXPECT_EQ(reason(of_targets, "model_r2"), "no predictions");
  EXPECT_EQ(reason(of_targets, "ufm_loss"), "no lambda_w, lambda_h");
}

TEST(Undefined, DebiasedCkaThatRoundingDecides) {
  LayerSummary layer = make_layer({4, 2, 1}, 2);
  const auto noted = [&](double value, double rounding) {
    layer.hsic_xy = value;
    layer.debiased_rounding = rounding;
    const MetricSet set = layer_metrics(layer, make_targets({1, 0.5}), 10);
    expect_explained(set);
    return reason(set, "deep_nrc2_debiased");
  };
  EXPECT_EQ(noted(0.5, 4e-9), "defined");
  EXPECT_EQ(noted(0.5, 6e-9), "one row outweighs all others: rounding");
  EXPECT_EQ(noted(1e-6, 9e-11), "defined");
  EXPECT_EQ(noted(1e-6, 2e-10), "one row outweighs all others: rounding");
  EXPECT_EQ(noted(0.5, test::nan), "one row outweighs all others: rounding");
}

TEST(Undefined, DebiasedParticipationRatioThatRoundingDecides) {
  LayerSummary layer = make_layer({4, 2, 1}, 2);
  layer.squared_variance = 3;
  layer.hsic_xx = 2;
  const auto found = [&] {
    return *layer_metrics(layer, make_targets({1, 0.5}), 10).find("feature_participation_ratio_debiased");
  };
  layer.participation_rounding = 0.9e-8;
  EXPECT_EQ(found().number(), 1.5);
  layer.participation_rounding = 1.1e-8;
  EXPECT_EQ(found().note, "one row outweighs all others: rounding");
  layer.participation_rounding = 0;
  layer.hsic_xx_rounding = 3e-4;
  EXPECT_EQ(found().note, "not in fast precision");
  layer.hsic_xx = layer.hsic_xx_rounding = 0;
  EXPECT_EQ(found().note, "HSIC <= 0");
  layer.samples = 3;
  EXPECT_EQ(found().note, "N <= 3");
}

TEST(Undefined, ConditionOfAWeightOfLowerRank) {
  const auto found = [](const Matrix& weight) {
    LayerSummary layer = make_layer({4, 2, 1}, 2);
    layer.weight = summarize_weight(weight, false, 2);
    return *layer_metrics(layer, make_targets({1, 0.5}), 10).find("weight_condition");
  };
  Matrix weight(2, 3);
  weight(0, 0) = 3;
  EXPECT_EQ(found(weight).note, "rank(W) = 1 < 2");
  weight(1, 1) = 0.5;
  EXPECT_EQ(found(weight).number(), 6);
  weight(1, 1) = 3e-9;
  EXPECT_EQ(found(weight).note, "ill-conditioned: right to about 1e-06");
  EXPECT_EQ(found(Matrix(2, 3)).note, "weight is 0");
}

TEST(Undefined, ConstantFeatures) {
  LayerSummary layer = make_layer({0, 0, 0}, 2);
  layer.hsic_xx = 0;
  const MetricSet set = layer_metrics(layer, make_targets({1, 0.5}), 10);
  expect_explained(set);
  for (const char* name : {"nrc1", "nrc1_centered", "evr", "deep_nrc1", "deep_nrc1_squared", "deep_nrc2",
                           "deep_nrc2_debiased", "feature_stable_rank", "feature_effective_rank",
                           "feature_dims_90", "target_cca", "feature_participation_ratio_debiased"}) {
    EXPECT_EQ(reason(set, name), "zero variance") << name;
  }
}

TEST(Undefined, OneTargetFewSamplesAndConstantTargets) {
  LayerSummary layer = make_layer({2, 1}, 1);
  layer.samples = 3;
  layer.weight = summarize_weight(test::rows_of(identity(2), 0, 1), false, 1);
  const MetricSet set = layer_metrics(layer, make_targets({1}), 10);
  expect_explained(set);
  EXPECT_EQ(reason(set, "nrc3"), "n = 1");
  EXPECT_EQ(reason(set, "ufm_gram_error"), "n = 1");
  EXPECT_EQ(reason(set, "deep_nrc2_debiased"), "N <= 3");
  layer.target_covariance_norm = layer.target_variance = 0;
  TargetSummary constant = make_targets({0});
  constant.model = ModelErrors{0, 0, Matrix(1, 1)};
  expect_explained(target_metrics(constant));
  EXPECT_EQ(reason(target_metrics(constant), "model_r2"), "zero target variance");
  for (const char* name : {"deep_nrc2", "linear_share", "target_cca"}) {
    EXPECT_EQ(reason(layer_metrics(layer, constant, 10), name), "zero target variance") << name;
  }
}

TEST(Undefined, WeightsThatDoNotFit) {
  const TargetSummary targets = make_targets({1, 0.5});
  LayerSummary layer = make_layer({2, 1}, 2);
  layer.weight = summarize_weight(identity(2), false, 2);
  EXPECT_EQ(reason(layer_metrics(layer, targets, 10), "nrc2"), "rank(W) = d");
  EXPECT_EQ(reason(layer_metrics(layer, targets, 10), "nrc3"), "defined");
  layer.weight = summarize_weight(identity(2), true, 2);
  EXPECT_EQ(reason(layer_metrics(layer, targets, 10), "nrc3"), "convolution");
  layer.weight = summarize_weight(test::rows_of(identity(2), 0, 1), false, 2);
  EXPECT_EQ(reason(layer_metrics(layer, targets, 10), "nrc3"), "rows(W) != n");
  layer.weight = summarize_weight(Matrix(2, 2), false, 2);
  const MetricSet set = layer_metrics(layer, targets, 10);
  expect_explained(set);
  for (const char* name : {"nrc3", "deep_nrc3", "deep_nrc3_cosines", "weight_stable_rank"}) {
    EXPECT_EQ(reason(set, name), "weight is 0") << name;
  }
}

TEST(Undefined, OneLookHasNoCentredNrc1) {
  LayerSummary layer = make_layer({2, 1, 1e-3}, 2);
  layer.residuals.reset();
  const TargetSummary targets = make_targets({1, 0.5});
  EXPECT_EQ(reason(layer_metrics(layer, targets, 10), "nrc1"), "not summed");
  layer.normalized_moment = identity(3);
  for (double& value : layer.normalized_moment->products.values()) {
    value /= 3;
  }
  const MetricSet set = layer_metrics(layer, targets, 10);
  expect_explained(set);
  EXPECT_EQ(reason(set, "nrc1_centered"), "needs a second look at the rows");
  EXPECT_NEAR(set.find("nrc1")->number().value_or(-1), 1.0 / 3, 8 * eps);
  EXPECT_NEAR(set.find("nrc1_unnormalized")->number().value_or(-1), 1e-3, 8 * eps);
}

TEST(Undefined, OverflowIsNeverANumber) {
  LayerSummary layer = make_layer({2, 1, 1}, 2);
  layer.residuals->signal.plain = test::infinity;
  layer.mean_norm = test::nan;
  const MetricSet set = layer_metrics(layer, make_targets({1, 0.5}), 10);
  expect_explained(set);
  EXPECT_EQ(reason(set, "nrc1_unnormalized"), "overflow");
  EXPECT_EQ(reason(set, "feature_mean_norm"), "overflow");
}

}  // namespace
}  // namespace collapscope
