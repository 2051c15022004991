// Float32 products: what they lose is within what they say, on hundreds of random, collapsed and shifted
// layers, and what they say is not far above it; metrics of planted layers are right to their floors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/synth/synth.hpp"
#include "core/product_rounding.hpp"
#include "core/support.hpp"
#include "support/test_backend.hpp"

namespace collapscope {
namespace {

using test::Random;

using Fill = std::function<void(Matrix&, Random&)>;

void each(Matrix& x, const std::function<double(double, std::size_t)>& change) {
  for (std::size_t i = 0; i < x.rows(); ++i) {
    for (std::size_t j = 0; j < x.cols(); ++j) {
      x(i, j) = change(x(i, j), j);
    }
  }
}

// Rank one, and a share of noise.
void collapse(Matrix& x, double noise, Random& random) {
  for (std::size_t i = 0; i < x.rows(); ++i) {
    const double along = random.normal();
    for (std::size_t j = 0; j < x.cols(); ++j) {
      x(i, j) = along * (1 + 0.37 * static_cast<double>(j)) + noise * x(i, j);
    }
  }
}

// Few distinct rows: every product is rounded alike, again and again.
void repeat(Matrix& x, std::size_t distinct) {
  for (std::size_t i = distinct; i < x.rows(); ++i) {
    std::copy_n(&x(i % distinct, 0), x.cols(), &x(i, 0));
  }
}

const std::vector<std::pair<const char*, Fill>> kinds{
    {"normal", [](Matrix&, Random&) {}},
    {"collapsed", [](Matrix& x, Random& random) { collapse(x, 0, random); }},
    {"nearly collapsed", [](Matrix& x, Random& random) { collapse(x, 3e-5, random); }},
    {"two rows", [](Matrix& x, Random&) { repeat(x, 2); }},
    {"five rows", [](Matrix& x, Random&) { repeat(x, 5); }},
    {"graded",
     [](Matrix& x, Random&) {
       each(x,
            [](double value, std::size_t j) { return value * std::pow(10.0, -static_cast<double>(j % 12)); });
     }},
    {"heavy tails",
     [](Matrix& x, Random&) { each(x, [](double value, std::size_t) { return value * value * value; }); }},
    {"rectified",
     [](Matrix& x, Random&) {
       each(x, [](double value, std::size_t j) { return j % 5 == 4 ? 0 : std::max(0.0, value); });
     }},
    {"integers",
     [](Matrix& x, Random&) { each(x, [](double value, std::size_t) { return std::round(100 * value); }); }},
};

class FastOnBackend : public test::OnBackend {
 protected:
  void SetUp() override {
    test::OnBackend::SetUp();
    path_ = test::temporary_path("_fast.h5");
  }
  void TearDown() override {
    std::filesystem::remove(path_);
    test::OnBackend::TearDown();
  }

  [[nodiscard]] MetricSet analyzed(Looks looks, Precision precision) {
    AnalysisOptions options;
    options.looks = looks;
    options.precision = precision;
    options.memory = std::uint64_t{1} << 30U;
    const auto progress = make_quiet_progress();
    const Results results =
        analyze(arrange_checkpoints(index_dump(path_, {}).checkpoints, false), backend(), options, *progress);
    EXPECT_TRUE(results.failures.empty());
    EXPECT_EQ(results.provenance.precision, precision == Precision::fast ? "fast" : "float64");
    return results.checkpoints.at(0).layers.at(0).metrics;
  }

  std::string path_;
};

TEST_F(FastOnBackend, EntriesAreWithinTheirRoundingAndItIsTight) {
  for (const auto& [kind, fill] : kinds) {
    for (const std::size_t d : {1U, 2U, 3U, 16U, 50U}) {
      for (const std::size_t rows : {1U, 2U, 100U, 1500U, 5000U}) {
        for (const double offset : {0.0, 1e4}) {
          SCOPED_TRACE(testing::Message() << kind << ", " << rows << " x " << d << " at " << offset);
          Random random(rows * 64 + d);
          Matrix features = test::random_matrix(rows, d, random);
          fill(features, random);
          each(features, [&](double value, std::size_t) { return value + offset; });
          const Matrix targets = test::random_matrix(rows, 2, random);
          const Moments found = test::folded(backend(), features, targets, Precision::fast);
          const Moments expected = test::naive_moments(features, targets);
          test::expect_within_rounding(found, expected);
          if (HasFailure()) {
            return;
          }
          double off = 0;  // |E|_F
          for (std::size_t i = 0; i < found.feature_scatter.products.values().size(); ++i) {
            off = std::hypot(off, found.feature_scatter.products.values()[i] -
                                      expected.feature_scatter.products.values()[i]);
          }
          double trace = 0;
          for (std::size_t j = 0; j < d; ++j) {
            trace += expected.feature_scatter(j, j);
          }
          const bool exact = std::string(kind) == "integers" || std::string(kind) == "graded";
          if (d >= 16 && rows >= 100 && !exact) {
            EXPECT_LE(product_rounding(found) * trace, 1e3 * off);
          }
        }
      }
    }
  }
}

TEST_F(FastOnBackend, TheSameRowsGiveTheSameBits) {
  Random random(3);
  const Matrix features = test::random_matrix(9000, 20, random);
  const Matrix targets = test::random_matrix(9000, 2, random);
  const Moments once = test::folded(backend(), features, targets, Precision::fast);
  EXPECT_TRUE(test::same(test::folded(backend(), features, targets, Precision::fast), once));
}

TEST_F(FastOnBackend, RemaindersOfPlantedLayersAreRightToTheirFloors) {
  for (const ElementKind element : {ElementKind::float16, ElementKind::float32, ElementKind::float64}) {
    for (const double noise : {0.3, 1e-3, 1e-6, 1e-9}) {
      for (const double offset : {0.0, 1e4}) {
        PlantedSpec spec;
        spec.element = element;
        spec.noise = {noise};
        spec.offset = element == ElementKind::float16 ? offset * 1e-3 : offset;
        spec.samples = 2500;
        spec.features = 30;
        write_planted(path_, spec);
        const MetricSet exact = analyzed(Looks::two, Precision::float64);
        for (const Looks looks : {Looks::two, Looks::one}) {
          SCOPED_TRACE(testing::Message() << ElementType{element}.name() << ", noise " << noise << " at "
                                          << spec.offset << ", looks " << static_cast<int>(looks));
          const MetricSet fast = analyzed(looks, Precision::fast);
          for (const Metric& metric : fast.all()) {
            if (metric.floor) {
              EXPECT_LE(std::abs(std::sqrt(*metric.number()) - std::sqrt(*exact.find(metric.name)->number())),
                        std::sqrt(*metric.floor) + 1e-8)
                  << metric.name;
            }
          }
          const Metric& share = *fast.find("deep_nrc1");
          if (element == ElementKind::float64 && looks == Looks::two) {
            EXPECT_NEAR(*share.number(), noise, 1e-6 * noise + *share.floor);
            EXPECT_LT(*share.floor, 1e-10);
          }
        }
      }
    }
  }
}

TEST_F(FastOnBackend, ACollapsedLayerIsBelowItsFloors) {
  UfmSpec spec;
  spec.samples = 3000;
  write_ufm(path_, spec);
  const MetricSet fast = analyzed(Looks::two, Precision::fast);
  for (const char* name : {"nrc1", "nrc1_centered", "deep_nrc1", "deep_nrc1_squared", "linear_mse"}) {
    EXPECT_TRUE(fast.find(name)->below_floor()) << name;
    EXPECT_LT(*fast.find(name)->floor, 1e-8) << name;
  }
  EXPECT_FALSE(fast.find("feature_rankme")->defined());
  EXPECT_EQ(fast.find("feature_rankme")->note, "not in fast precision");
  ASSERT_TRUE(fast.find("linear_excess")->defined());
  EXPECT_NEAR(*fast.find("linear_excess")->number(), -0.01, 1e-6);
}

}  // namespace
}  // namespace collapscope
