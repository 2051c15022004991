// How metrics go over depth, and the weights of layers that follow one another.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "analysis/next_weight.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"

namespace collapscope {
namespace {

using test::Random;

// Layers with this deep_nrc1; nullopt: not measured.
MetricSet law_of(const std::vector<std::optional<Metric>>& layers) {
  std::vector<MetricSet> sets(layers.size());
  std::vector<const MetricSet*> in_order;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i]) {
      sets[i].add(*layers[i]);
    }
    in_order.push_back(layers[i] ? &sets[i] : nullptr);
  }
  return depth_metrics(in_order, false);
}

Metric share(double value, std::optional<double> floor = std::nullopt) {
  return {"deep_nrc1", value, floor, {}};
}

TEST(Depth, AStraightLineDown) {
  const MetricSet set = law_of({share(0.5), share(0.05), share(0.005), share(0.0005)});
  EXPECT_NEAR(set.number("deep_nrc1_depth_slope").value_or(0), -1, 1e-14);
  EXPECT_NEAR(set.number("deep_nrc1_depth_pearson").value_or(0), -1, 1e-14);
  EXPECT_EQ(set.number("deep_nrc1_depth_layers"), 4);
}

TEST(Depth, LayersThatDoNotCountKeepTheirPlaces) {
  const Metric undefined{"deep_nrc1", std::monostate{}, std::nullopt, "zero variance"};
  const MetricSet set =
      law_of({share(1), std::nullopt, share(0.01), undefined, share(1e-4), share(1e-15, 1e-14), share(0)});
  EXPECT_NEAR(set.number("deep_nrc1_depth_slope").value_or(0), -1, 1e-14);
  EXPECT_EQ(set.number("deep_nrc1_depth_layers"), 3);
}

TEST(Depth, UndefinedForTwoLayersAndForALevelLine) {
  const MetricSet two = law_of({share(0.5), share(0.25), share(1e-15, 1e-14)});
  for (const char* name : {"deep_nrc1_depth_slope", "deep_nrc1_depth_pearson", "linear_share_depth_slope"}) {
    EXPECT_FALSE(two.find(name)->defined());
    EXPECT_EQ(two.find(name)->note, "fewer than 3 layers are above their floors");
  }
  EXPECT_EQ(two.number("deep_nrc1_depth_layers"), 2);
  EXPECT_EQ(two.number("linear_share_depth_layers"), 0);
  const Metric no_look{"deep_nrc1", std::monostate{}, std::nullopt, "needs a second look"};
  EXPECT_EQ(law_of({no_look, std::nullopt, no_look}).find("deep_nrc1_depth_slope")->note, no_look.note);
  EXPECT_EQ(law_of({no_look, share(0.5)}).find("deep_nrc1_depth_slope")->note,
            "fewer than 3 layers are above their floors");
  const MetricSet level = law_of({share(0.3), share(0.3), share(0.3)});
  EXPECT_NEAR(level.number("deep_nrc1_depth_slope").value_or(1), 0, 1e-15);
  EXPECT_EQ(level.find("deep_nrc1_depth_pearson")->note, "the same at all layers");
}

TEST(Depth, ClassificationHasTheLawOfDataSeparation) {
  EXPECT_NE(depth_metrics({}, true).find("nc1_trace_depth_slope"), nullptr);
  EXPECT_EQ(depth_metrics({}, true).find("linear_share_depth_slope"), nullptr);
  EXPECT_EQ(depth_metrics({}, false).find("nc1_trace_depth_slope"), nullptr);
}

TEST(Depth, AskingForALawTakesItsMetricAlong) {
  const MetricChoice choice("linear_share_depth_slope,nrc1");
  EXPECT_TRUE(choice.wants("linear_share"));
  EXPECT_FALSE(choice.shows("linear_share"));
  EXPECT_TRUE(choice.shows("linear_share_depth_slope"));
  EXPECT_FALSE(choice.wants("linear_share_depth_pearson"));
  EXPECT_FALSE(choice.wants("deep_nrc1"));
  EXPECT_FALSE(choice.wants("linear"));
}

Balancedness naive(const Matrix& weight, const Matrix& next) {
  long double difference = 0;
  long double of_next = 0;
  long double of_weight = 0;
  for (std::size_t i = 0; i < weight.rows(); ++i) {
    for (std::size_t j = 0; j < weight.rows(); ++j) {
      long double a = 0;
      long double b = 0;
      for (std::size_t k = 0; k < next.rows(); ++k) {
        a += static_cast<long double>(next(k, i)) * next(k, j);
      }
      for (std::size_t k = 0; k < weight.cols(); ++k) {
        b += static_cast<long double>(weight(i, k)) * weight(j, k);
      }
      difference += (a - b) * (a - b);
      of_next += a * a;
      of_weight += b * b;
    }
  }
  return {static_cast<double>(std::sqrt(difference)),
          static_cast<double>((std::sqrt(of_next) + std::sqrt(of_weight)) / 2)};
}

TEST(Balance, IsTheDifferenceOfGramMatrices) {
  struct Shape {
    std::size_t d, m, p;
  };
  for (const auto& [d, m, p] :
       {Shape{3, 1, 1}, Shape{5, 4, 9}, Shape{7, 256, 3}, Shape{6, 300, 11}, Shape{2, 513, 4}}) {
    SCOPED_TRACE(m);
    Random random(m);
    const Matrix weight = test::random_matrix(m, d, random);
    const Matrix next = test::random_matrix(p, m, random);
    const Balancedness found = balancedness(weight, next);
    const Balancedness right = naive(weight, next);
    EXPECT_NEAR(found.difference, right.difference, 1e-13 * right.difference);
    EXPECT_NEAR(found.size, right.size, 1e-13 * right.size);
  }
}

TEST(Balance, BalancedWeightsAreBelowTheFloor) {
  Random random(5);
  const Matrix weight = test::random_matrix(40, 20, random);
  const Matrix rotation = test::random_orthonormal(20, 20, random);
  const Matrix next = linalg::product(rotation, linalg::Transpose::no, weight, linalg::Transpose::yes);
  const Balancedness found = balancedness(weight, next);
  EXPECT_LE(found.difference, found.rounding);
  EXPECT_LT(found.rounding, 1e-14 * found.size);
}

TEST(Balance, SaysWhyThereIsNone) {
  Random random(6);
  const auto reason = [&](const Matrix& own, const Matrix& next) {
    LayerWeight weight{own, false, own.empty() ? "no weight" : ""};
    compare_with_next(weight, next);
    return weight.balance ? "there is one" : weight.no_balance;
  };
  const Matrix own = test::random_matrix(4, 3, random);
  EXPECT_EQ(reason(own, test::random_matrix(2, 4, random)), "there is one");
  EXPECT_EQ(reason(own, test::random_matrix(2, 5, random)), "the next weight has 5 columns, this one 4 rows");
  EXPECT_EQ(reason(own, {}), "the next layer has no weight");
  EXPECT_EQ(reason({}, own), "no weight");
}

}  // namespace
}  // namespace collapscope
