// Several results files as one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/results/results_file.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using test::checkpoint_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ResultsFile file_of(const std::string& path, const std::string& started,
                    std::vector<CheckpointResult> checkpoints) {
  ResultsFile file{path, test::results_of(std::move(checkpoints))};
  file.results.provenance.started = started;
  return file;
}

RunReport plain_report() {
  RunReport report;
  report.title = "t";
  return report;
}

TEST(MergeResults, NeitherTheOrderNorTheSplittingOfFilesMatters) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 100; ++round) {
    const Results whole = test::random_results(random, 8);
    const MergedResults expected = merge_results({{"whole.json", whole}});
    std::vector<ResultsFile> parts;
    for (const char* name : {"a.json", "b.json", "c.json"}) parts.push_back({name, {}});
    for (const CheckpointResult& checkpoint : whole.checkpoints) {
      parts[random() % 3].results.checkpoints.push_back(checkpoint);
    }
    for (ResultsFile& part : parts) {
      part.results.provenance = whole.provenance;
      part.results.failures = whole.failures;
      std::ranges::shuffle(part.results.checkpoints, random);
    }
    std::ranges::shuffle(parts, random);
    const MergedResults merged = merge_results(parts);
    ASSERT_EQ(merged.results.checkpoints, expected.results.checkpoints);
    ASSERT_EQ(merged.warnings, expected.warnings);
    ASSERT_EQ(report_json(merged.results, plain_report()), report_json(expected.results, plain_report()));
  }
}

// Of an Accumulator or a Meter: what tells them apart is the file.
TEST(MergeResults, CheckpointsOfNoDumpStandAlone) {
  const auto of_no_dump = [](bool collapsed) {
    CheckpointResult checkpoint = checkpoint_of("", std::nullopt, {collapsed});
    checkpoint.path.clear();
    return checkpoint;
  };
  const ResultsFile a = file_of("a.json", "1", {of_no_dump(true)});
  const ResultsFile b = file_of("b.json", "1", {of_no_dump(false)});
  const MergedResults merged = merge_results({a, b});
  ASSERT_EQ(merged.results.checkpoints.size(), 2U);
  EXPECT_THAT(merged.warnings, IsEmpty());
  EXPECT_EQ(merged.results.checkpoints[1].path, "b.json");
  EXPECT_EQ(group_runs(merged.results).size(), 2U);
  // In a file that has both, and in its own: once.
  const MergedResults again = merge_results({a, file_of("both.json", "1", merged.results.checkpoints)});
  EXPECT_EQ(again.results.checkpoints, merged.results.checkpoints);
}

TEST(MergeResults, WorkThatWasDoneElsewhereIsThatOfAllFiles) {
  ResultsFile a = file_of("a.json", "1", {checkpoint_of("x", 1, {true})});
  a.results.provenance.fallbacks.add(Fallback{"layer", "cpu", "out of memory", 2});
  ResultsFile b = file_of("b.json", "1", {checkpoint_of("x", 2, {true})});
  b.results.provenance.fallbacks.add(Fallback{"eigenbasis", "cpu", "the GPU gave no answer", 3});
  b.results.provenance.fallbacks.add(Fallback{"layer", "cpu", "out of memory"});
  b.results.provenance.fallbacks.rejected_eigenbases = 3;
  const auto merged_of = [](const std::vector<ResultsFile>& files) {
    return merge_results(files).results.provenance.fallbacks;
  };
  const Fallbacks both = merged_of({a, b});
  EXPECT_EQ(both.count("layer", "cpu"), 3U);
  EXPECT_EQ(both.count("eigenbasis", "cpu"), 3U);
  EXPECT_EQ(both.rejected_eigenbases, 3U);
  EXPECT_TRUE(merged_of({b, a}) == both);
  EXPECT_TRUE(merged_of({b}) == b.results.provenance.fallbacks);
}

TEST(MergeResults, RunsAreInNaturalOrderAndStepsInTheirs) {
  const MergedResults merged = merge_results(
      {file_of("b.json", "1", {checkpoint_of("wd10", 2, {true}), checkpoint_of("wd9", 10, {true})}),
       file_of("a.json", "1",
               {checkpoint_of("wd9", 9, {true}), checkpoint_of("wd9", std::nullopt, {true})})});
  std::vector<std::string> paths;
  for (const CheckpointResult& checkpoint : merged.results.checkpoints) paths.push_back(checkpoint.path);
  EXPECT_THAT(paths, ElementsAre("wd9/9.000000.h5", "wd9/10.000000.h5", "wd9/last.h5", "wd10/2.000000.h5"));
  EXPECT_THAT(merged.warnings, IsEmpty());
}

TEST(MergeResults, OfTheSameCheckpointTheNewerAnalysisStaysWithAWarning) {
  const ResultsFile old = file_of("new-name.json", "2026-01-01T00:00:00Z", {checkpoint_of("r", 1, {false})});
  const ResultsFile young = file_of("a.json", "2026-01-02T00:00:00Z", {checkpoint_of("r", 1, {true})});
  for (const auto& files : {std::vector{old, young}, std::vector{young, old}}) {
    const MergedResults merged = merge_results(files);
    EXPECT_EQ(merged.results.checkpoints, young.results.checkpoints);
    ASSERT_EQ(merged.warnings.size(), 1U);
    EXPECT_THAT(merged.warnings[0], HasSubstr("taken from a.json"));
    EXPECT_THAT(merged.warnings[0], HasSubstr("not from new-name.json"));
  }
}

TEST(MergeResults, PathsAreComparedWithoutDetours) {
  CheckpointResult detour = checkpoint_of("r", 1, {false});
  detour.path = "./x/../" + detour.path;
  const MergedResults merged = merge_results(
      {file_of("a.json", "1", {checkpoint_of("r", 1, {true})}), file_of("b.json", "2", {detour})});
  EXPECT_EQ(merged.results.checkpoints.size(), 1U);
}

TEST(MergeResults, TheSameNumbersTwiceAreNoMatter) {
  const CheckpointResult checkpoint = checkpoint_of("r", 1, {true});
  const MergedResults merged =
      merge_results({file_of("a.json", "1", {checkpoint, checkpoint}), file_of("b.json", "2", {checkpoint})});
  EXPECT_EQ(merged.results.checkpoints.size(), 1U);
  EXPECT_THAT(merged.warnings, IsEmpty());
}

TEST(MergeResults, TheSameNumbersOfAFileNamedInOtherWordsAreNoMatter) {
  CheckpointResult detour = checkpoint_of("r", 1, {true});
  detour.path = "./" + detour.path;
  const MergedResults merged = merge_results(
      {file_of("a.json", "1", {checkpoint_of("r", 1, {true})}), file_of("b.json", "1", {detour})});
  EXPECT_EQ(merged.results.checkpoints.size(), 1U);
  EXPECT_THAT(merged.warnings, IsEmpty());
}

TEST(MergeResults, SeveralSignalDimensionsAreSaid) {
  const auto with_k = [](const std::string& run, double k) {
    CheckpointResult checkpoint = checkpoint_of(run, 1, {true});
    for (LayerResult& layer : checkpoint.layers) {
      layer.metrics.add({"signal_dim", k, std::nullopt, ""});
    }
    return checkpoint;
  };
  const auto merged = [&](double a, double b) {
    return merge_results(
        {file_of("a.json", "1", {with_k("r", a)}), file_of("b.json", "1", {with_k("s", b)})});
  };
  EXPECT_THAT(merged(2, 2).warnings, IsEmpty());
  ASSERT_EQ(merged(2, 1).warnings.size(), 1U);
  EXPECT_THAT(merged(2, 1).warnings[0], HasSubstr("signal dimension 2 in a.json, 1 in b.json"));
}

TEST(MergeResults, OtherOptionsAreSaid) {
  using Options = std::vector<std::pair<std::string, std::string>>;
  const auto warnings = [&](const Options& a, const Options& b) {
    std::vector<ResultsFile> files{file_of("a.json", "1", {checkpoint_of("r", 1, {true})}),
                                   file_of("b.json", "1", {checkpoint_of("s", 1, {true})})};
    files[0].results.provenance.options = a;
    files[1].results.provenance.options = b;
    return merge_results(std::move(files)).warnings;
  };
  EXPECT_THAT(warnings({{"top", "3"}, {"pool", "last"}}, {{"pool", "last"}, {"top", "9"}}), IsEmpty());
  EXPECT_THAT(warnings({}, {{"pool", "last"}}), IsEmpty());  // of a Meter
  EXPECT_THAT(warnings({{"pool", "mean"}}, {{"top", "9"}}), IsEmpty());
  const auto pools = warnings({{"pool", "last"}}, {{"top", "9"}});
  ASSERT_EQ(pools.size(), 1U);
  EXPECT_THAT(pools[0], HasSubstr("--pool: found last in a.json and none in b.json"));
}

TEST(MergeResults, DifferentNumbersOfTheSameTimeAreRefused) {
  EXPECT_THROW((void)merge_results({file_of("a.json", "1", {checkpoint_of("r", 1, {true})}),
                                    file_of("b.json", "1", {checkpoint_of("r", 1, {false})})}),
               InputError);
}

TEST(MergeResults, AnotherFileAtTheSameStepIsKeptWithAWarning) {
  CheckpointResult other = checkpoint_of("r", 1, {true});
  other.path = "elsewhere.h5";
  const MergedResults merged =
      merge_results({file_of("a.json", "1", {checkpoint_of("r", 1, {true}), other})});
  EXPECT_EQ(merged.results.checkpoints.size(), 2U);
  ASSERT_EQ(merged.warnings.size(), 1U);
  EXPECT_THAT(merged.warnings[0], HasSubstr("both step 1 of run r"));
}

TEST(MergeResults, FinalGammaIsKeptOnlyBesideTheRunsLastCheckpoint) {
  const auto with_gamma = [](double step) {
    CheckpointResult checkpoint = checkpoint_of("r", step, {true});
    checkpoint.layers[0].metrics.add({"nrc3_final_gamma", 0.25});
    return checkpoint;
  };
  const MergedResults merged = merge_results({file_of("a.json", "1", {with_gamma(1), with_gamma(2)}),
                                              file_of("b.json", "1", {with_gamma(3), with_gamma(4)})});
  const auto gamma = [&](std::size_t i) {
    return *merged.results.checkpoints.at(i).layers[0].metrics.find("nrc3_final_gamma");
  };
  EXPECT_FALSE(gamma(0).defined());
  EXPECT_THAT(gamma(1).note, HasSubstr("without the run's last checkpoint"));
  EXPECT_EQ(gamma(2).number(), 0.25);
  EXPECT_EQ(gamma(3).number(), 0.25);
}

TEST(MergeResults, FailuresAreKeptOnce) {
  ResultsFile a = file_of("a.json", "1", {});
  a.results.failures = {{"x.h5", "", "bad"}, {"a.h5", "fc1", "bad"}};
  ResultsFile b = file_of("b.json", "2", {});
  b.results.failures = {{"x.h5", "", "bad"}};
  const std::vector<Failure> failures = merge_results({a, b}).results.failures;
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_EQ(failures[0].path, "a.h5");
}

}  // namespace
}  // namespace collapscope
