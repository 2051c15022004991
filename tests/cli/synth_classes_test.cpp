// Dumps of classifiers with known answers: what the program measures of them is what they were made to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class SynthClasses : public ::testing::Test {
 protected:
  // The first checkpoint's results.
  Json measured(Arguments synth, const Arguments& analyze = {}) {
    synth.insert(synth.begin(), "synth");
    synth.insert(synth.end(), {"-o", "s.h5"});
    expect_status(0, folder_, synth);
    Arguments arguments{"analyze", "s.h5", "-q", "-o", "-"};
    arguments.insert(arguments.end(), analyze.begin(), analyze.end());
    return Json::parse(expect_status(0, folder_, arguments).out).at("checkpoints").at(0);
  }
  static void expect_near(const Json& metrics, const char* name, double value, double tolerance = 1e-10) {
    ASSERT_TRUE(metrics.at(name).is_number()) << name;
    EXPECT_NEAR(metrics.at(name).get<double>(), value, tolerance * (1 + std::abs(value))) << name;
  }

  TempFolder folder_;
};

TEST_F(SynthClasses, AnEtfHasCollapsed) {
  for (const char* features : {"9", "10", "30"}) {
    const Json found = measured({"etf", "-K", "10", "-n", "7", "-d", features});
    const Json& metrics = found.at("layers").at(0).at("metrics");
    for (const char* zero :
         {"nc1", "nc1_trace", "nc2_equinorm", "nc2_equiangular", "nc2_max_angle", "nc2_etf", "nc2_weight_etf",
          "nc3_self_duality", "nc3_etf", "nc4_disagreement", "nc2_seli"}) {
      expect_near(metrics, zero, 0);
    }
    expect_near(metrics, "nc2_mean_cosine", -1.0 / 9);
    expect_near(metrics, "nc3_cosine", 1);
    expect_near(metrics, "nc2_condition", 1);
    expect_near(metrics, "ncc_accuracy", 1);
    expect_near(found.at("targets"), "model_accuracy", 1);
    expect_near(found.at("targets"), "class_imbalance", 1);
  }
}

// A second look is spared where the differences of moments have eight digits, and only there.
TEST_F(SynthClasses, ASecondLookIsSparedWhereOneIsRight) {
  constexpr std::size_t layers = 10;
  const std::string names = "within_variance,nc1,nc1_trace,nc1_quotient,nc1_cdnv";
  for (const char* imbalance : {"1", "7"}) {
    expect_status(0, folder_,
                  {"synth", "classes", "-o", "s.h5", "-K", "10", "-n", "300", "-d", "64", "--nc1",
                   "1,1e-1,1e-2,1e-3,1e-4,1e-5,1e-6,1e-7,1e-8,1e-9", "--imbalance", imbalance});
    const auto with_looks = [&](const char* looks) {
      return Json::parse(
          expect_status(0, folder_,
                        {"analyze", "s.h5", "-q", "-o", "-", "--metrics", names, "--looks", looks})
              .out);
    };
    const Json chosen = with_looks("auto");
    const Json one = with_looks("1");
    const Json two = with_looks("2");
    std::size_t spared = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      const auto metrics = [&](const Json& results) {
        return results.at("checkpoints").at(0).at("layers").at(layer).at("metrics");
      };
      const Json found = metrics(chosen);
      const Json all = metrics(two);
      spared += found == metrics(one) ? 1 : 0;
      for (const auto& [name, value] : all.items()) {
        const double expected = value.get<double>();
        EXPECT_NEAR(found.at(name).get<double>(), expected, 1e-8 * expected)
            << name << " of layer " << layer << ", imbalance " << imbalance;
      }
    }
    EXPECT_GE(spared, 4U);
    EXPECT_LE(spared, 7U);
  }
}

TEST_F(SynthClasses, PlantedNoiseIsFoundInEachLayer) {
  for (const char* imbalance : {"1", "7"}) {
    const Json found = measured(
        {"classes", "-K", "5", "-n", "12", "-d", "8", "--nc1", "2,0.1,1e-12,0", "--imbalance", imbalance});
    const std::vector<double> expected{2, 0.1, 1e-12, 0};
    for (std::size_t layer = 0; layer < expected.size(); ++layer) {
      const Json& metrics = found.at("layers").at(layer).at("metrics");
      const double nc1 = metrics.at("nc1").get<double>();
      EXPECT_NEAR(nc1, expected[layer], 1e-10 * expected[layer] + 1e-28);
      // An orthonormal simplex of 5 classes: tr Sigma_B = 4/5, tr(Sigma_W Sigma_B^+)/K = tr Sigma_W.
      expect_near(metrics, "within_variance", expected[layer]);
      expect_near(metrics, "nc1_quotient", expected[layer] * 5 / 4);
      expect_near(metrics, "nc2_etf", 0);
    }
    expect_near(found.at("targets"), "class_imbalance", std::stod(imbalance));
    EXPECT_EQ(found.at("samples"), imbalance == std::string("1") ? 60 : 12 * (3 * 7 + 2));
  }
}

TEST_F(SynthClasses, SeliBeatsTheEtfWhereClassesAreImbalanced) {
  const Json found =
      measured({"etf", "-K", "6", "-n", "10", "-d", "8", "--imbalance", "10", "--geometry", "seli"});
  const Json& metrics = found.at("layers").at(0).at("metrics");
  expect_near(metrics, "nc2_seli", 0);
  expect_near(metrics, "nc2_weight_seli", 0);
  expect_near(metrics, "nc3_etf", 0);  // W M^T is a simplex
  // Eigenvalues n_c of P D P: 100 twice, 10 twice, 55 once; the class means have their roots' inverses.
  const double trace = 2 / 10.0 + 2 / std::sqrt(10.0) + 1 / std::sqrt(55.0);
  const double square = 2 / 100.0 + 2 / 10.0 + 1 / 55.0;
  expect_near(metrics, "nc2_etf", std::sqrt(2 - 2 * trace / std::sqrt(5 * square)));
  const double weights = 2 * 10 + 2 * std::sqrt(10.0) + std::sqrt(55.0);
  expect_near(metrics, "nc3_self_duality", std::sqrt(2 - 2 * 5 / std::sqrt(trace * weights)));
  EXPECT_GT(metrics.at("nc2_etf").get<double>(), 0.3);
  expect_near(found.at("targets"), "model_accuracy", 1);
}

TEST_F(SynthClasses, MoreClassesThanFeaturesAreATightFrame) {
  const Json found = measured(
      {"classes", "-K", "4000", "-n", "5", "-d", "32", "--nc1", "0.001", "--storage", "gzip"},
      {"--metrics", "nc1,nc1_quotient,nc2_etf,nc2_mean_cosine,nc2_equinorm,nc3_self_duality,classes"});
  EXPECT_EQ(found.at("targets").at("classes"), 4000);
  const Json& metrics = found.at("layers").at(0).at("metrics");
  // Two directions of noise of 32, alike between the classes.
  expect_near(metrics, "nc1", 0.001);
  expect_near(metrics, "nc1_quotient", 0.001 * 4000 / 32);
  expect_near(metrics, "nc2_etf", std::sqrt(2 - 2 * std::sqrt(32.0 / 3999)), 1e-7);
  expect_near(metrics, "nc2_mean_cosine", -1.0 / 3999);
  expect_near(metrics, "nc2_equinorm", 0);
  expect_near(metrics, "nc3_self_duality", 0);
}

TEST_F(SynthClasses, TheLayersSayWhatIsExpectedOfThem) {
  (void)measured({"classes", "-K", "5", "-n", "9", "-d", "8", "--nc1", "0.5"});
  make_dumps(folder_,
             "with h5py.File('s.h5') as f:\n"
             "    a = f['layers/layer1'].attrs\n"
             "    assert abs(a['expected_nc1'] - 0.5) < 1e-15 and a['expected_nc2_etf'] < 1e-15, dict(a)\n"
             "    assert abs(a['expected_within_variance'] - 0.5) < 1e-12, dict(a)\n"
             "    assert f.attrs['task'] == b'classification' and f['targets'].dtype == 'int64'\n"
             "    assert f['predictions'].shape == (45, 5)");
}

TEST_F(SynthClasses, WhatCannotBeIsRefused) {
  const auto refused = [&](Arguments arguments, const char* words) {
    arguments.insert(arguments.begin(), "synth");
    arguments.insert(arguments.end(), {"-o", "s.h5"});
    EXPECT_THAT(expect_status(2, folder_, arguments).err, HasSubstr(words));
    EXPECT_FALSE(folder_.has("s.h5"));
  };
  refused({"etf", "-K", "20", "-d", "10"}, "a simplex of 20 classes needs 19 features, found 10");
  refused({"classes", "-K", "1"}, "at least 2 classes");
  refused({"classes", "-n", "2"}, "noise needs 3 rows of each class");
  refused({"classes", "--nc1", "-1"}, "nc1 is 0 or more");
  refused({"classes", "-n", "0"}, "each class needs a row");
}

}  // namespace
}  // namespace collapscope::cli
