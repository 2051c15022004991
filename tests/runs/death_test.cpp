// Runs that ended in nothing: told from collapsed ones, and left out of means.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collapscope/runs/runs.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using test::checkpoint_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string nan_message = "found NaN or Inf, first in row 0; expected finite numbers";

// The last layer's features do not vary.
CheckpointResult flat(const std::string& run, double step) {
  CheckpointResult checkpoint = checkpoint_of(run, step, {true, true});
  checkpoint.layers[1].metrics.add({"total_variance", 0.0});
  return checkpoint;
}

CheckpointResult alive(const std::string& run, double step) {
  CheckpointResult checkpoint = checkpoint_of(run, step, {true, true});
  checkpoint.layers[1].metrics.add({"total_variance", 2.0});
  return checkpoint;
}

Failure failure_of(const std::string& run, double step, const std::string& object) {
  return {run + ".h5", object, nan_message, run, step};
}

std::optional<Death> death_in(const Results& results) { return group_runs(results).at(0).death; }

TEST(Death, IsFromWhereOnTheLastLayerDoesNotVary) {
  EXPECT_EQ(death_in(test::results_of({alive("r", 1), alive("r", 2)})), std::nullopt);
  const auto death = death_in(test::results_of({alive("r", 1), flat("r", 4), flat("r", 9)}));
  ASSERT_TRUE(death.has_value());
  EXPECT_EQ(death->step, 4);
  EXPECT_EQ(death->alive, 1U);
  EXPECT_THAT(death->reason, HasSubstr("do not vary"));
  EXPECT_EQ(death_in(test::results_of({flat("r", 1), alive("r", 2)})), std::nullopt) << "it came back";
}

TEST(Death, IsSeenByTheReasonWhereTheVarianceWasNotAskedFor) {
  CheckpointResult checkpoint = checkpoint_of("r", 1, {true});
  checkpoint.layers[0].metrics.add({"nrc1", std::monostate{}, std::nullopt, "zero variance"});
  EXPECT_EQ(death_in(test::results_of({checkpoint}))->alive, 0U);
}

TEST(Death, IsWhereNothingIsLeftOfACheckpointButNaN) {
  Results results = test::results_of({alive("r", 1), alive("r", 2), alive("other", 3)});
  results.failures = {failure_of("r", 5, "/layers/l1/activations"),
                      failure_of("r", 3, "/layers/l1/activations")};
  const auto death = death_in(results);
  ASSERT_TRUE(death.has_value());
  EXPECT_EQ(death->step, 3);
  EXPECT_EQ(death->alive, 2U);
  EXPECT_EQ(death->reason, "NaN or Inf");
  EXPECT_EQ(group_runs(results).at(1).death, std::nullopt) << "of another run";
}

TEST(Death, IsNotANaNThatIsMeant) {
  Results results = test::results_of({alive("r", 1), alive("r", 2)});
  // A mask of an attention is -Inf at every checkpoint.
  results.failures = {failure_of("r", 1, "/layers/mask/activations"),
                      failure_of("r", 2, "/layers/mask/activations")};
  EXPECT_EQ(death_in(results), std::nullopt);
  results.failures.push_back(failure_of("r", 2, "/predictions"));
  EXPECT_EQ(death_in(results)->step, 2);
  results.failures.pop_back();
  results.checkpoints[1].layers.pop_back();  // its deepest layer is the one with NaN
  results.failures.push_back(failure_of("r", 2, "/layers/l2/activations"));
  EXPECT_EQ(death_in(results)->step, 2);
}

TEST(Death, IsOfTheLastLayerEvenWhereThatFailedFromTheBeginning) {
  Results results = test::results_of({alive("r", 1), alive("r", 2)});
  results.checkpoints[0].failed_layers = {{"head", results.checkpoints[0].layers.size()}};
  results.failures = {{"r.h5", "/layers/head/activations", "found 3 samples, expected 4", "r", 1},
                      failure_of("r", 2, "/layers/head/activations")};
  EXPECT_EQ(death_in(results)->step, 2);
}

TEST(Death, IsNotAMaskOfLogits) {
  Results results = test::results_of({alive("r", 1), alive("r", 2)});
  results.failures = {failure_of("r", 1, "/predictions"), failure_of("r", 2, "/predictions")};
  EXPECT_EQ(death_in(results), std::nullopt) << "they are Inf from the beginning";
  results.checkpoints[1] = flat("r", 2);
  EXPECT_EQ(death_in(results)->alive, 0U);
}

TEST(Death, IsNotAnyOtherFailure) {
  Results results = test::results_of({alive("r", 1)});
  results.failures = {{"r.h5", "/layers/l2/activations", "found 3 samples, expected 4", "r", 2}};
  EXPECT_EQ(death_in(results), std::nullopt);
  results.failures = {{"r.h5", "/layers/l2/activations", nan_message}};
  EXPECT_EQ(death_in(results), std::nullopt) << "of an unknown run";
}

TEST(Death, AtEveryCheckpointIsNamed) {
  Results results = test::results_of({alive("b", 1)});
  results.failures = {{"a.h5", "/layers/l1/activations", nan_message, "a", 1},
                      {"a.h5", "/layers/l2/activations", nan_message, "a", 1},
                      {"b.h5", "/layers/l1/activations", nan_message, "b", 1},
                      {"c.h5", "/layers/l1/activations", "found 3 samples, expected 4", "c", 1}};
  EXPECT_THAT(runs_never_alive(results), ElementsAre("a"));
}

CheckpointResult measured_on(const std::string& split, double step) {
  CheckpointResult checkpoint = alive("r", step);
  checkpoint.path = split + checkpoint.path;
  if (!split.empty()) checkpoint.attributes = {{"split", split}};
  return checkpoint;
}

Failure failure_on(const std::string& split, double step) {
  Failure failure = failure_of("r", step, "/layers/l2/activations");
  failure.split = split;
  return failure;
}

TEST(Death, OnTestSamplesIsNotOneOnTrainSamples) {
  Results results = test::results_of(
      {measured_on("train", 1), measured_on("train", 2), measured_on("test", 1), measured_on("", 1)});
  results.failures = {failure_on("test", 2)};
  auto runs = group_runs(results);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].death, std::nullopt);
  EXPECT_EQ(runs[1].death.value().step, 2);
  EXPECT_EQ(runs[2].death, std::nullopt);
  results.failures = {failure_on("", 2)};
  runs = group_runs(results);
  EXPECT_EQ(runs[0].death, std::nullopt);
  EXPECT_EQ(runs[2].death.value().step, 2);
}

// Results of early versions do not say which.
TEST(Death, OfUnknownSamplesIsThatOfAllSplits) {
  Results results = test::results_of({measured_on("train", 1), measured_on("test", 1)});
  results.failures = {failure_on("", 2)};
  for (const auto& run : group_runs(results)) EXPECT_EQ(run.death.value().step, 2);
}

TEST(Death, AtEveryCheckpointIsNamedWithItsSplit) {
  Results results = test::results_of({measured_on("test", 1)});
  results.failures = {failure_on("test", 2), failure_on("train", 1), failure_on("train", 2)};
  EXPECT_THAT(runs_never_alive(results), ElementsAre("r (train)"));
  results.failures = {failure_on("", 1)};
  EXPECT_THAT(runs_never_alive(results), ElementsAre());
  results.checkpoints.clear();
  results.failures = {failure_on("test", 2), failure_on("train", 1)};
  EXPECT_THAT(runs_never_alive(results), ElementsAre("r (test)", "r (train)"));
  results.failures.pop_back();
  EXPECT_THAT(runs_never_alive(results), ElementsAre("r"));
}

TEST(Death, IsNoPartOfAMean) {
  Results results = test::results_of({alive("a", 1), alive("b", 1), flat("c", 1)});
  const double errors[] = {1.0, 2.0, 100.0};
  for (std::size_t i = 0; i < 3; ++i) {
    results.checkpoints[i].attributes = {{"weight_decay", 0.1}, {"seed", static_cast<std::int64_t>(i)}};
    results.checkpoints[i].targets.add({"model_mse", errors[i]});
  }
  const RunComparison comparison = compare_runs(results, group_runs(results));
  ASSERT_EQ(comparison.groups.size(), 1U);
  EXPECT_THAT(comparison.groups[0].runs, ElementsAre(0, 1, 2));
  EXPECT_THAT(comparison.groups[0].dead, ElementsAre(2));
  EXPECT_DOUBLE_EQ(comparison.groups[0].targets.at(0).statistic.mean, 1.5);
  EXPECT_EQ(comparison.groups[0].targets.at(0).statistic.count, 2U);
}

}  // namespace
}  // namespace collapscope
