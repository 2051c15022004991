// The dumps in the repository show what the papers found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string dumps = COLLAPSCOPE_SOURCE_DIR "/examples/arm/dumps";

class Example : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const TempFolder folder;
    results_ = analyzed(folder, {dumps});
  }

  // The position of a run's last checkpoint.
  static std::size_t last_of(double weight_decay) {
    std::size_t last = results_.at("checkpoints").size();
    for (std::size_t i = 0; i < results_.at("checkpoints").size(); ++i) {
      if (results_["checkpoints"][i]["attributes"]["weight_decay"] == weight_decay) {
        last = i;
      }
    }
    return last;
  }

  static inline Json results_;
};

TEST_F(Example, HasThreeRunsInOrder) {
  ASSERT_EQ(results_.at("checkpoints").size(), 12U);
  EXPECT_EQ(results_.at("failures"), Json::array());
  for (std::size_t first : {0U, 4U, 8U}) {
    std::vector<double> steps;
    for (std::size_t i = first; i < first + 4; ++i) {
      const Json& checkpoint = results_["checkpoints"][i];
      EXPECT_EQ(checkpoint.at("run"), results_["checkpoints"][first].at("run"));
      steps.push_back(checkpoint.at("step"));
      EXPECT_THAT(layer_names(results_, i), ElementsAre("fc1", "fc2", "fc3", "fc4", "fc5", "fc6"));
      EXPECT_EQ(checkpoint.at("samples"), 1024);
    }
    EXPECT_THAT(steps, ElementsAre(100, 1000, 4000, 12000));
  }
}

TEST_F(Example, CollapsesWithWeightDecay) {
  for (const double weight_decay : {0.01, 0.02}) {
    const std::size_t last = last_of(weight_decay);
    ASSERT_LT(last, 12U);
    EXPECT_LT(layer_metric(results_, "fc6", "deep_nrc1", last), 1e-6);
    EXPECT_LT(layer_metric(results_, "fc6", "nrc1", last), 1e-3);
    EXPECT_LT(layer_metric(results_, "fc6", "nrc2", last), 1e-3);
    EXPECT_LT(layer_metric(results_, "fc5", "deep_nrc1", last), 1e-2);
    EXPECT_GT(layer_metric(results_, "fc6", "deep_nrc2", last), 0.95);
    EXPECT_GT(layer_metric(results_, "fc6", "deep_nrc3", last), 0.999);
    EXPECT_GT(layer_metric(results_, "fc6", "deep_nrc1", last - 3), 0.1) << "it collapses while it learns";
  }
}

TEST_F(Example, DoesNotCollapseWithout) {
  const std::size_t last = last_of(0);
  ASSERT_LT(last, 12U);
  EXPECT_GT(layer_metric(results_, "fc5", "deep_nrc1", last), 0.1);
  EXPECT_GT(layer_metric(results_, "fc6", "deep_nrc1", last), 0.1);
  EXPECT_GT(layer_metric(results_, "fc6", "nrc2", last), 0.5);
  EXPECT_GT(target_metric(results_, "model_r2", last), 0.99) << "it has learned all the same";
}

TEST_F(Example, HasTheFinalGammaOfEachRun) {
  for (std::size_t i = 0; i < 12; ++i) {
    const double best = layer_metric(results_, "fc6", "nrc3", i);
    EXPECT_GE(layer_metric(results_, "fc6", "nrc3_final_gamma", i), best - 1e-12);
    if (i % 4 == 3) {
      EXPECT_NEAR(layer_metric(results_, "fc6", "nrc3_final_gamma", i), best, 1e-12);
    }
    EXPECT_EQ(layer_of(results_, "fc5", i).at("metrics").at("nrc3_final_gamma"), nullptr);
  }
}

TEST_F(Example, IsATableThatAPersonCanRead) {
  const TempFolder folder;
  const std::string table = expect_status(0, folder, {"analyze", dumps}).out;
  for (const char* words :
       {"run arm_wd0.01", "run arm_wd0.02", "run arm_wd0:", "epoch 12000", "fc6", "deep_nrc1"}) {
    EXPECT_THAT(table, HasSubstr(words));
  }
}

}  // namespace
}  // namespace collapscope::cli
