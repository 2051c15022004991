// Dumps whose metrics are known beforehand, made and measured by the program.
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <string>
#include <tuple>

#include "results.hpp"

namespace collapscope::cli {
namespace {

struct Ufm {
  int targets;
  int features;
  double lambda_w;
  double lambda_h;
};

class UfmMinimum : public ::testing::TestWithParam<Ufm> {};

TEST_P(UfmMinimum, HasEveryKnownValue) {
  const auto& [n, d, lambda_w, lambda_h] = GetParam();
  const double c = lambda_w * lambda_h;
  const TempFolder folder;
  expect_status(0, folder,
                {"synth", "ufm", "-o", "u.h5", "-n", std::to_string(n), "-d", std::to_string(d), "--lambda-w",
                 std::to_string(lambda_w), "--lambda-h", std::to_string(lambda_h)});
  const Json results = analyzed(folder, {"u.h5"});
  ASSERT_EQ(layer_names(results), std::vector<std::string>{"head"});
  const auto of_layer = [&](const char* name) { return layer_metric(results, "head", name); };
  const auto of_targets = [&](const char* name) { return target_metric(results, name); };
  for (const char* zero : {"nrc1", "nrc1_unnormalized", "deep_nrc1"}) {
    EXPECT_NEAR(of_layer(zero), 0, 1e-12) << zero;
  }
  EXPECT_NEAR(of_layer("deep_nrc3"), 1, 1e-12);
  EXPECT_NEAR(of_layer("linear_mse"), 0, 1e-12);
  EXPECT_NEAR(of_layer("linear_excess"), -c, 1e-12);
  EXPECT_EQ(of_layer("weight_rank"), n);
  if (n < d) {
    EXPECT_NEAR(of_layer("nrc2"), 0, 1e-12);
    EXPECT_NEAR(of_layer("nrc2_unnormalized"), 0, 1e-12);
  } else {
    EXPECT_EQ(layer_of(results, "head").at("metrics").at("nrc2"), nullptr);
    EXPECT_TRUE(layer_of(results, "head").at("notes").contains("nrc2"));
  }
  if (n > 1) {
    EXPECT_NEAR(of_layer("nrc1_centered"), 0, 1e-12);  // for n = 1 a row is at the mean and has no direction
    EXPECT_NEAR(of_layer("ufm_gram_error"), 0, 1e-12);
    EXPECT_NEAR(of_layer("nrc3"), 0, 1e-12);
    EXPECT_NEAR(of_layer("nrc3_ufm"), 0, 1e-12);
    EXPECT_NEAR(of_layer("nrc3_gamma"), c, 1e-8 * c);
    EXPECT_NEAR(of_layer("nrc3_gamma_over_lambda_min"), c * n, 1e-8 * c * n);
    EXPECT_NEAR(of_targets("residual_whiteness"), 0, 1e-12);
  } else {
    for (const char* trivial : {"nrc3", "nrc3_gamma", "nrc3_ufm"}) {
      EXPECT_EQ(layer_of(results, "head").at("metrics").at(trivial), nullptr) << trivial;
      EXPECT_TRUE(layer_of(results, "head").at("notes").contains(trivial)) << trivial;
    }
    EXPECT_TRUE(std::isnan(of_targets("residual_whiteness")));
  }
  double loss = n * c / 2;  // the targets' eigenvalues are 1, 1/2, 1/3, ...
  for (int j = 1; j <= n; ++j) {
    loss += std::sqrt(c) * (1 / std::sqrt(j) - std::sqrt(c));
  }
  EXPECT_NEAR(of_targets("ufm_loss"), loss, 1e-12 * loss);
  EXPECT_NEAR(of_targets("ufm_c"), c, 1e-12 * c);
  EXPECT_NEAR(of_targets("ufm_residual_variance"), c, 1e-12 * c);
  EXPECT_NEAR(of_targets("model_mse"), c, 1e-12);
  EXPECT_EQ(of_targets("ufm_rank"), n);
  EXPECT_EQ(of_targets("target_dim"), n);
  EXPECT_NEAR(of_targets("target_lambda_min"), 1.0 / n, 1e-12);
}

INSTANTIATE_TEST_SUITE_P(Sizes, UfmMinimum,
                         ::testing::Values(Ufm{1, 8, 0.1, 0.1}, Ufm{2, 2, 0.05, 0.2}, Ufm{3, 16, 0.1, 0.1},
                                           Ufm{3, 16, 0.001, 0.01}, Ufm{5, 40, 0.4, 0.4},
                                           Ufm{10, 64, 0.2, 0.3}));

double attribute(const std::string& file, const std::string& object, const char* name) {
  const hid_t handle = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t found = H5Aopen_by_name(handle, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT);
  double value = std::nan("");
  EXPECT_GE(H5Aread(found, H5T_NATIVE_DOUBLE, &value), 0) << object << " " << name;
  H5Aclose(found);
  H5Fclose(handle);
  return value;
}

constexpr double shares[] = {0.5, 0.1, 1e-3};

// The metrics of a planted dump made with `extra` options, within relative * value + absolute.
Json planted(const TempFolder& folder, const Arguments& extra, double relative, double absolute) {
  Arguments make{"synth", "planted", "-o", "p.h5", "-N", "3000", "--noise", "0.5,0.1,1e-3"};
  make.insert(make.end(), extra.begin(), extra.end());
  expect_status(0, folder, make);
  Json results = analyzed(folder, {"p.h5"});
  for (std::size_t i = 0; i < std::size(shares); ++i) {
    const std::string layer = "layer" + std::to_string(i + 1);
    const double kernel = attribute(folder.path() / "p.h5", "/layers/" + layer, "expected_deep_nrc2");
    EXPECT_NEAR(layer_metric(results, layer, "deep_nrc1"), shares[i], relative * shares[i] + absolute)
        << layer;
    EXPECT_NEAR(layer_metric(results, layer, "deep_nrc2"), kernel, relative * kernel + absolute) << layer;
    EXPECT_NEAR(layer_metric(results, layer, "deep_nrc3"), 1, relative + absolute) << layer;
  }
  return results;
}

TEST(Planted, Float64IsExactInEveryStorage) {
  const TempFolder folder;
  const Json contiguous = planted(folder, {}, 1e-10, 0);
  expect_same_metrics(planted(folder, {"--storage", "chunked"}, 1e-10, 0), contiguous, 0, 0);
  expect_same_metrics(planted(folder, {"--storage", "chunked", "--chunk", "7", "5"}, 1e-10, 0), contiguous, 0,
                      0);
  expect_same_metrics(planted(folder, {"--storage", "gzip"}, 1e-10, 0), contiguous, 0, 0);
  expect_same_metrics(planted(folder, {"--storage", "gzip", "--chunk", "1000", "3"}, 1e-10, 0), contiguous, 0,
                      0);
}

TEST(Planted, OtherShapesAreExact) {
  const TempFolder folder;
  planted(folder, {"-n", "1", "-d", "4"}, 1e-10, 0);
  planted(folder, {"-n", "8", "-d", "100"}, 1e-10, 0);
}

TEST(Planted, FarMeansLoseNoDigits) {
  const TempFolder folder;
  const Json results = planted(folder, {"--offset", "1e4"}, 1e-8, 0);
  EXPECT_GT(layer_metric(results, "layer1", "feature_mean_norm"), 0.9e4);
}

TEST(Planted, NarrowTypesKeepWhatTheyCanHold) {
  const TempFolder folder;
  for (const auto& [type, roundoff] : {std::tuple{"float32", 6e-8}, {"float16", 5e-4}, {"bfloat16", 4e-3}}) {
    SCOPED_TRACE(type);
    const Json results = planted(folder, {"--dtype", type}, roundoff, roundoff * roundoff);
    // The type's rounding is visible: the dump was not stored wider than asked.
    EXPECT_GT(std::abs(layer_metric(results, "layer3", "deep_nrc1") - 1e-3), roundoff * roundoff / 30);
    EXPECT_GT(layer_of(results, "layer3").at("floors").at("deep_nrc1").get<double>(),
              roundoff * roundoff / 10);
  }
}

}  // namespace
}  // namespace collapscope::cli
