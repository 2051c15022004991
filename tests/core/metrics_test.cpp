// Metrics of hand-made summaries: values by hand, the catalogue, choices, floors, notes, reasons.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "analysis/run_metrics.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "core/support.hpp"
#include "metrics/spectrum.hpp"

namespace collapscope {
namespace {

using test::eps;

Matrix diagonal(const std::vector<double>& values) {
  Matrix out(values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out(i, i) = values[i];
  }
  return out;
}

TargetSummary targets_by_hand(const std::vector<double>& values) {
  TargetSummary targets;
  targets.samples = 100;
  targets.spectrum = {values, diagonal(std::vector<double>(values.size(), 1.0))};
  targets.root = symmetric_root(targets.spectrum);
  targets.mean_square = targets.total_variance();
  targets.unit_roundoff = eps / 2;
  targets.model = ModelErrors{0.25, 0.5, diagonal(std::vector<double>(values.size(), 0.25))};
  targets.ufm = UfmStrengths{0.5, 0.2};
  return targets;
}

// Features with covariance diag(values) and mean (1, 0, ...), whose first n coordinates are the targets.
LayerSummary layer_by_hand(const std::vector<double>& values, std::size_t n) {
  LayerSummary layer;
  const std::size_t d = values.size();
  layer.samples = 100;
  layer.signal_dim = std::min(n, d);
  layer.mean_norm = 1;
  layer.unit_roundoff = eps / 2;
  layer.feature_mean.assign(d, 0.0);
  layer.feature_mean[0] = 1;
  layer.spectrum = {values, diagonal(std::vector<double>(d, 1.0))};
  for (const double value : values) {
    layer.total_variance += value;
  }
  layer.mean_square = layer.total_variance + 1;
  layer.affine_explained = layer.published_explained = 0.0;
  layer.uncentred = values;
  layer.uncentred[0] += 1;
  layer.cross_covariance = Matrix(d, n);
  double squares = 0;
  for (std::size_t j = 0; j < std::min(d, n); ++j) {
    layer.cross_covariance(j, j) = values[j];
    squares += values[j] * values[j];
  }
  layer.target_covariance_norm = layer.first_features_norm = std::sqrt(squares);
  layer.target_variance = 1;
  layer.hsic_xx = layer.hsic_xy = layer.hsic_yy = 1;
  layer.residuals = ResidualSums{};
  Matrix weight(n, d);
  for (std::size_t j = 0; j < std::min(d, n); ++j) {
    weight(j, j) = 1;
  }
  layer.weight = summarize_weight(weight, false, n);
  return layer;
}

double value_of(const MetricSet& set, const std::string& name) {
  const Metric* metric = set.find(name);
  EXPECT_NE(metric, nullptr) << name;
  return metric == nullptr ? test::nan : metric->number().value_or(test::nan);
}

std::vector<std::string> names_of(const MetricSet& set) {
  std::vector<std::string> names;
  for (const Metric& metric : set.all()) {
    names.push_back(metric.name);
  }
  return names;
}

TEST(Spectrum, SummariesByHand) {
  MetricSet set;
  const Eigenbasis values{{4, 2, 1, 1, 0}, diagonal(std::vector<double>(5, 1.0))};
  add_spectrum_summary(set, "x", values);
  add_dims(set, values);
  add_evr(set, values, 3);
  add_rankme(set, std::vector<double>{4, 1, 1e-13});
  EXPECT_NEAR(value_of(set, "x_stable_rank"), 2, 8 * eps);
  EXPECT_NEAR(value_of(set, "x_stable_rank_cov"), 22.0 / 16, 8 * eps);
  EXPECT_NEAR(value_of(set, "x_participation_ratio"), 64.0 / 22, 16 * eps);
  EXPECT_NEAR(value_of(set, "x_effective_rank"), std::exp2(1.75), 32 * eps);  // 1/2, 1/4, 1/8, 1/8: 1.75 bits
  EXPECT_EQ(value_of(set, "feature_dims_90"), 4);
  EXPECT_EQ(value_of(set, "feature_dims_99"), 4);
  EXPECT_EQ(std::get<std::vector<double>>(set.find("evr")->value), (std::vector<double>{0.5, 0.25, 0.125}));
  // Singular values 2 and 1; the third is 1.6e-7 of the first and left out.
  EXPECT_NEAR(value_of(set, "feature_rankme"), 3 / std::cbrt(4), 32 * eps);
}

TEST(Spectrum, ExactSharesCountAsReached) {
  MetricSet set;
  add_dims(set, {{90, 5, 4, 1}, diagonal({1, 1, 1, 1})});
  EXPECT_EQ(value_of(set, "feature_dims_90"), 1);
  EXPECT_EQ(value_of(set, "feature_dims_95"), 2);
  EXPECT_EQ(value_of(set, "feature_dims_99"), 3);
}

// The same covariance with its `count` largest pairs only.
Eigenbasis truncated(const Eigenbasis& full, std::size_t count) {
  Eigenbasis few{{full.values.begin(), full.values.begin() + static_cast<std::ptrdiff_t>(count)},
                 test::rows_of(full.vectors, 0, count)};
  double squares = 0;
  for (std::size_t j = count; j < full.size(); ++j) {
    few.rest_trace += full.values[j];
    squares += full.values[j] * full.values[j];
  }
  few.rest_norm = std::sqrt(squares);
  return few;
}

void expect_same_or_undefined(const MetricSet& few, const MetricSet& all,
                              const std::vector<std::string>& undefined) {
  ASSERT_EQ(names_of(few), names_of(all));
  for (const Metric& metric : all.all()) {
    SCOPED_TRACE(metric.name);
    const Metric& found = *few.find(metric.name);
    if (std::find(undefined.begin(), undefined.end(), metric.name) != undefined.end()) {
      EXPECT_FALSE(found.defined());
      EXPECT_EQ(found.note, "needs more eigenpairs");
      continue;
    }
    EXPECT_EQ(found.note, metric.note);
    ASSERT_EQ(found.number().has_value(), metric.number().has_value());
    if (metric.number()) {
      EXPECT_NEAR(*found.number(), *metric.number(), 16 * eps * std::abs(*metric.number()));
    }
    ASSERT_EQ(found.floor.has_value(), metric.floor.has_value());
    if (metric.floor) {
      EXPECT_NEAR(*found.floor, *metric.floor, 16 * eps * *metric.floor);
    }
    if (const auto* list = std::get_if<std::vector<double>>(&metric.value)) {
      EXPECT_LE(test::largest_difference(std::get<std::vector<double>>(found.value), *list), 16 * eps);
    }
  }
}

TEST(LayerMetrics, OfTheLargestPairsAreTheSame) {
  const TargetSummary targets = targets_by_hand({2, 1});
  LayerSummary layer = layer_by_hand({4, 3, 2, 1e-3, 1e-9, 1e-10, 0}, 2);
  layer.residuals->signal = {600, 20, 300, 30};
  const MetricSet all = layer_metrics(layer, targets, 3);
  const Eigenbasis full = layer.spectrum;
  layer.spectrum = truncated(full, 3);
  expect_same_or_undefined(layer_metrics(layer, targets, 3), all, {"feature_effective_rank"});
  layer.spectrum = truncated(full, 4);
  expect_same_or_undefined(layer_metrics(layer, targets, 3), all, {"feature_effective_rank"});
  layer.spectrum = truncated(full, 3);
  layer.spectrum.rest_trace += 0.9;  // 90 % are in three pairs, 95 % are not
  const MetricSet less = layer_metrics(layer, targets, 3);
  EXPECT_EQ(value_of(less, "feature_dims_90"), 3);
  EXPECT_EQ(less.find("feature_dims_95")->note, "needs more eigenpairs");
  EXPECT_EQ(less.find("feature_dims_99")->note, "needs more eigenpairs");
}

TEST(LayerMetrics, WhatNeedsMorePairsIsUndefined) {
  const TargetSummary targets = targets_by_hand({2, 1});
  LayerSummary layer = layer_by_hand({4, 3, 2, 1}, 2);
  const MetricSet all = layer_metrics(layer, targets, 2);
  const std::vector<std::string> always{"feature_effective_rank", "feature_dims_90", "feature_dims_95",
                                        "feature_dims_99"};
  std::vector<std::string> undefined = always;
  for (const char* name : {"nrc1", "nrc1_unnormalized", "nrc1_centered", "deep_nrc1", "deep_nrc1_squared",
                           "deep_nrc2_signal", "deep_nrc3", "deep_nrc3_cosines"}) {
    undefined.emplace_back(name);
  }
  const Eigenbasis full = layer.spectrum;
  layer.spectrum = truncated(full, 2);  // the signal, but not what lies behind it
  for (const char* name : {"nrc2", "nrc2_unnormalized", "deep_nrc4", "linear_mse"}) {
    EXPECT_EQ(value_of(layer_metrics(layer, targets, 2), name), value_of(all, name));
  }
  for (const std::string& name : undefined) {
    EXPECT_EQ(layer_metrics(layer, targets, 2).find(name)->note, "needs more eigenpairs") << name;
  }
  layer.spectrum = truncated(full, 0);
  undefined.insert(undefined.end(), {"evr", "feature_stable_rank", "feature_stable_rank_cov"});
  const MetricSet none = layer_metrics(layer, targets, 2);
  for (const std::string& name : undefined) {
    EXPECT_EQ(none.find(name)->note, "needs more eigenpairs") << name;
  }
  for (const char* name : {"deep_nrc2", "feature_participation_ratio"}) {
    EXPECT_NEAR(value_of(none, name), value_of(all, name), 16 * eps) << name;
  }
  // Without a second look the remainders are differences of eigenvalues.
  layer.residuals.reset();
  layer.spectrum = truncated(full, 3);
  layer.affine_explained.reset();
  layer.published_explained.reset();
  layer.uncentred.clear();
  const MetricSet one_look = layer_metrics(layer, targets, 2);
  for (const char* name : {"nrc1_unnormalized", "nrc2_unnormalized", "deep_nrc4", "linear_mse",
                           "linear_excess", "feature_rankme"}) {
    EXPECT_EQ(one_look.find(name)->note, "needs more eigenpairs") << name;
  }
  EXPECT_DOUBLE_EQ(value_of(one_look, "deep_nrc1"), 0.3);  // (2 + 1) / 10
}

TEST(LayerMetrics, ByHand) {
  const TargetSummary targets = targets_by_hand({2, 1});
  LayerSummary layer = layer_by_hand({4, 3, 2, 1}, 2);
  layer.residuals->signal = {600, 20, 300, 30};
  layer.residuals->affine = 50;
  const MetricSet set = layer_metrics(layer, targets, 10);
  EXPECT_DOUBLE_EQ(value_of(set, "nrc1"), 0.2);
  EXPECT_DOUBLE_EQ(value_of(set, "nrc1_unnormalized"), 6);
  EXPECT_DOUBLE_EQ(value_of(set, "nrc1_centered"), 0.3);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc1"), 0.3);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc1_squared"), 5.0 / 30);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc2"), 25 / std::sqrt(30.0) / 5);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc2_signal"), 1);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc2_published"), 1);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc3"), 1);
  EXPECT_DOUBLE_EQ(value_of(set, "linear_mse"), 50.0 / 200);
  EXPECT_DOUBLE_EQ(value_of(set, "linear_share"), 0.5);  // of 1/2, the mean variance of a target
  EXPECT_DOUBLE_EQ(value_of(set, "linear_excess"), 0);
  EXPECT_DOUBLE_EQ(value_of(set, "weight_stable_rank"), 2);
  EXPECT_DOUBLE_EQ(value_of(set, "weight_condition"), 1);
  EXPECT_EQ(value_of(set, "weight_rank"), 2);
  // W W^T = I against T = sqrt(0.4) (diag(sqrt 2, 1) - sqrt(0.1) I).
  const double t0 = std::sqrt(0.4) * (std::sqrt(2.0) - std::sqrt(0.1));
  const double t1 = std::sqrt(0.4) * (1 - std::sqrt(0.1));
  EXPECT_NEAR(value_of(set, "ufm_gram_error"), std::hypot(1 - t0, 1 - t1) / std::hypot(t0, t1), 32 * eps);
}

TEST(TargetMetrics, ByHand) {
  const MetricSet set = target_metrics(targets_by_hand({2, 1}));
  EXPECT_EQ(value_of(set, "target_dim"), 2);
  EXPECT_DOUBLE_EQ(value_of(set, "model_r2"), 1 - 0.5 / 3);
  EXPECT_DOUBLE_EQ(value_of(set, "residual_whiteness"), 0);
  EXPECT_DOUBLE_EQ(value_of(set, "ufm_c"), 0.1);
  EXPECT_EQ(value_of(set, "ufm_rank"), 2);
  EXPECT_DOUBLE_EQ(value_of(set, "ufm_loss"),
                   0.1 + std::sqrt(0.1) * (std::sqrt(2.0) + 1 - 2 * std::sqrt(0.1)));
}

// Two classes of features of order d.
LayerSummary classes_by_hand(std::size_t d) {
  LayerSummary layer = layer_by_hand(std::vector<double>(d, 1.0), 1);
  layer.residuals.reset();
  layer.target_covariance_norm = 0.5;
  ClassSums sums;
  sums.numbers = {0, 1};
  sums.counts = {50, 50};
  sums.pilot = layer.feature_mean;
  sums.sums = Matrix(2, d);
  sums.sums(0, 0) = 25;
  sums.sums(1, 0) = -25;
  sums.squares = {100, 100};
  layer.classes = summarize_classes(sums, layer.feature_mean, diagonal(std::vector<double>(d, 1.0)));
  return layer;
}

TEST(Catalogue, ListsWhatIsMeasuredInOrder) {
  const TargetSummary targets = targets_by_hand({2, 1});
  CheckpointResult regression;
  regression.targets = target_metrics(targets);
  regression.layers.push_back(
      {"head", std::nullopt, "", layer_metrics(layer_by_hand({4, 3, 2, 1}, 2), targets, 10)});
  TargetSummary labels;
  labels.classes = ClassTargets{{3, 7}, {50, 50}, 0, {}, {}, {}};
  CheckpointResult classification;
  classification.task = "classification";
  classification.targets = target_metrics(labels);
  classification.layers.push_back({"head", std::nullopt, "", layer_metrics(classes_by_hand(4), labels, 10)});
  std::vector<CheckpointResult> checkpoints{regression, classification};
  add_final_gamma(checkpoints, {RunMember{"run", {}}, RunMember{"other", {}}});
  std::set<std::string> of_any;
  for (const CheckpointResult& checkpoint : checkpoints) {
    SCOPED_TRACE(checkpoint.task);
    std::vector<std::string> measured = names_of(checkpoint.targets);
    for (const std::string& name : names_of(checkpoint.layers[0].metrics)) {
      measured.push_back(name);
    }
    for (const std::string& name : names_of(depth_metrics({}, checkpoint.task == "classification"))) {
      measured.push_back(name);
    }
    std::vector<std::string> listed;
    for (const MetricInfo& info : metric_catalogue()) {
      if (std::find(measured.begin(), measured.end(), info.name) != measured.end()) {
        listed.emplace_back(info.name);
      }
    }
    EXPECT_EQ(measured, listed);
    of_any.insert(measured.begin(), measured.end());
  }
  for (const MetricInfo& info : metric_catalogue()) {
    EXPECT_TRUE(of_any.contains(std::string(info.name))) << info.name;
    EXPECT_FALSE(info.summary.empty());
  }
}

// h = +-1/2 along the first axis beside noise: tr S_W = 3.75, tr S_B = 1/4.
TEST(ClassMetrics, ByHand) {
  TargetSummary labels;
  labels.classes = ClassTargets{{3, 7}, {50, 50}, 0, {}, {}, {}};
  const MetricSet set = layer_metrics(classes_by_hand(4), labels, 10);
  EXPECT_DOUBLE_EQ(value_of(set, "within_variance"), 3.75);
  EXPECT_NEAR(value_of(set, "nc1"), 1.5, 1e-13);
  EXPECT_NEAR(value_of(set, "nc1_trace"), 3, 1e-13);
  EXPECT_DOUBLE_EQ(value_of(set, "nc1_quotient"), 15);
  EXPECT_DOUBLE_EQ(value_of(set, "nc1_cdnv"), 1.75);  // v = 2 - 1/4 in each, at a distance of 1
  EXPECT_DOUBLE_EQ(value_of(set, "nc2_mean_cosine"), -1);
  EXPECT_NEAR(value_of(set, "nc2_etf"), 0, 1e-14);
  EXPECT_DOUBLE_EQ(value_of(set, "deep_nrc2"), 0.125);
}

TEST(MetricChoice, NamesGlobsAndMistakes) {
  EXPECT_TRUE(MetricChoice().wants("nrc1"));
  const MetricChoice choice(" nrc3* ,deep_nrc1,,");
  EXPECT_TRUE(choice.wants("nrc3_gamma"));
  EXPECT_TRUE(choice.wants("deep_nrc1"));
  EXPECT_FALSE(choice.wants("deep_nrc1_squared"));
  EXPECT_FALSE(choice.wants("nrc1"));
  MetricSet set = target_metrics(targets_by_hand({2, 1}));
  MetricChoice("model_*,target_dim").filter(set);
  EXPECT_EQ(names_of(set), (std::vector<std::string>{"target_dim", "model_mse", "model_mae", "model_r2"}));
  for (const char* text : {"nrc9", "nrc1,nope", "nrc1 nrc2", "NRC1", "nrc1*x", ",", " , ", " "}) {
    EXPECT_THROW(MetricChoice{text}, UsageError) << text;
  }
}

}  // namespace
}  // namespace collapscope
