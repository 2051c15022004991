// Classification, as a user runs it: what is read as labels, what is refused, and what does not change bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// `labels` is a Python expression of N; more goes before the file is closed.
std::string classes(const std::string& labels, const std::string& more = "", int rows = 60) {
  return "def edit(f):\n"
         "    N = " +
         std::to_string(rows) +
         "\n"
         "    del f['targets']\n"
         "    f['targets'] = " +
         labels +
         "\n"
         "    " +
         (more.empty() ? "pass" : more) +
         "\n"
         "dump('a.h5', task='classification', N=" +
         std::to_string(rows) + ", n=4, edit=edit)";
}

class Classification : public ::testing::Test {
 protected:
  nlohmann::json analyzed(Arguments arguments, int status = 0) {
    arguments.insert(arguments.begin(), {"analyze", "a.h5"});
    arguments.insert(arguments.end(), {"-o", "-"});
    const Finished finished = expect_status(status, folder_, arguments);
    told_ = finished.err;
    return nlohmann::json::parse(finished.out);
  }
  void expect_refused(Arguments arguments, const std::vector<std::string>& words) {
    arguments.insert(arguments.begin(), {"analyze", "a.h5"});
    const Finished finished = expect_status(2, folder_, arguments);
    for (const std::string& word : words) {
      EXPECT_THAT(finished.err, HasSubstr(word));
    }
  }

  TempFolder folder_;
  std::string told_;
};

TEST_F(Classification, MetricsAreThoseOfTheTask) {
  make_dumps(folder_, classes("np.arange(N) % 4"));
  const nlohmann::json checkpoint = analyzed({}).at("checkpoints").at(0);
  EXPECT_EQ(checkpoint.at("task"), "classification");
  EXPECT_EQ(checkpoint.at("targets").at("classes"), 4);
  EXPECT_FALSE(checkpoint.at("targets").contains("target_dim"));
  const nlohmann::json& metrics = checkpoint.at("layers").at(0).at("metrics");
  EXPECT_TRUE(metrics.at("nc1").is_number());
  EXPECT_TRUE(metrics.at("nc4_disagreement").is_number());
  EXPECT_EQ(metrics.at("signal_dim"), 3);
  EXPECT_FALSE(metrics.contains("nrc1"));
  EXPECT_FALSE(metrics.contains("nrc3_final_gamma"));
}

// What nobody asked for is not computed: of W its singular values, of predictions their cross entropy.
TEST_F(Classification, AMetricAloneIsThatOfAll) {
  make_dumps(folder_, classes("np.arange(N) % 4"));
  const nlohmann::json all = analyzed({}).at("checkpoints").at(0);
  for (const char* name : {"nc1", "nc1_unit", "nc1_vci", "nc2_etf", "nc2_weight_etf", "nc3_self_duality",
                           "nc3_etf", "nc3_cosine", "nc4_disagreement", "ncc_accuracy", "deep_nrc1",
                           "deep_nrc3", "weight_rank", "weight_condition"}) {
    SCOPED_TRACE(name);
    const nlohmann::json alone = analyzed({"--metrics", name}).at("checkpoints").at(0);
    EXPECT_FALSE(alone.at("targets").contains("model_accuracy"));
    const nlohmann::json& layers = all.at("layers");
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const nlohmann::json& expected = layers[i].at("metrics").at(name);
      const nlohmann::json& found = alone.at("layers").at(i).at("metrics").at(name);
      ASSERT_EQ(found.is_null(), expected.is_null());
      if (expected.is_number()) {
        EXPECT_NEAR(found.get<double>(), expected.get<double>(),
                    1e-10 + 1e-9 * std::abs(expected.get<double>()));
      }
    }
  }
  const nlohmann::json model = analyzed({"--metrics", "model_cross_entropy"}).at("checkpoints").at(0);
  EXPECT_EQ(model.at("targets").at("model_cross_entropy"), all.at("targets").at("model_cross_entropy"));
}

TEST_F(Classification, RegressionHasNoneOfItsMetrics) {
  make_dumps(folder_, "dump('a.h5')");
  const nlohmann::json checkpoint = analyzed({}).at("checkpoints").at(0);
  EXPECT_FALSE(checkpoint.at("targets").contains("classes"));
  EXPECT_FALSE(checkpoint.at("layers").at(0).at("metrics").contains("nc1"));
}

TEST_F(Classification, IntegersWithoutATaskAreARegressionWithALine) {
  make_dumps(folder_,
             "def edit(f):\n"
             "    del f['targets']\n"
             "    f['targets'] = np.arange(60) % 4\n"
             "dump('a.h5', edit=edit)");
  EXPECT_TRUE(analyzed({}).at("checkpoints").at(0).at("targets").contains("target_dim"));
  EXPECT_THAT(told_, HasSubstr("task = \"classification\""));
}

TEST_F(Classification, BooleansAreLabelsAndOneHotRows) {
  const std::string labels = "(np.arange(N) % 3 == 0)";
  make_dumps(folder_, classes(labels + ".astype(np.uint8)"));
  const std::string digest = analyzed({}).at("provenance").at("digest");
  for (const std::string& booleans : {labels, "np.stack([~" + labels + ", " + labels + "], axis=1)"}) {
    make_dumps(folder_, classes(booleans));
    const nlohmann::json found = analyzed({});
    EXPECT_EQ(found.at("checkpoints").at(0).at("targets").at("classes"), 2);
    EXPECT_EQ(found.at("provenance").at("digest"), digest) << booleans;
    EXPECT_EQ(analyzed({"--trust"}).at("provenance").at("digest"), digest);
  }
  make_dumps(folder_,
             classes(labels,
                     "del f['layers/fc1/activations']; f['layers/fc1/activations'] = np.ones((N, 5), bool)"));
  (void)analyzed({}, 1);
  EXPECT_THAT(told_, HasSubstr("/layers/fc1/activations: found an enumeration"));
}

TEST_F(Classification, LabelsOfShardsThatDifferInTypeAreNamed) {
  make_dumps(folder_, classes("np.arange(N) % 4") + "\nimport shutil; shutil.copy('a.h5', 'b.h5')\n" +
                          "with h5py.File('b.h5', 'a') as f:\n"
                          "    del f['targets']; f['targets'] = (np.arange(60) % 4).astype(np.int32)");
  expect_refused({"b.h5", "--shards"},
                 {"b.h5: /targets: found int32 labels of shape [60]; expected the type and the "
                  "columns of the first shard: int64 labels of shape [60] in ",
                  "a.h5"});
}

TEST_F(Classification, AnIgnoredLabelWithoutLabelsIsTold) {
  make_dumps(folder_, "dump('a.h5')");
  (void)analyzed({"--ignore-label", "-100"});
  EXPECT_THAT(told_,
              HasSubstr("--ignore-label: no dump has task = \"classification\", so nothing is left out"));
  make_dumps(folder_, classes("np.arange(N) % 4"));
  (void)analyzed({"--ignore-label", "-100"});
  EXPECT_THAT(told_, Not(HasSubstr("--ignore-label")));
}

TEST_F(Classification, TableCsvAndInspectKnowIt) {
  make_dumps(folder_, classes("np.arange(N) % 4"));
  EXPECT_THAT(expect_status(0, folder_, {"inspect", "a.h5"}).out,
              HasSubstr("classes: 4, labels 0 to 3, 15 to 15 samples each"));
  EXPECT_THAT(expect_status(0, folder_, {"analyze", "a.h5", "--metrics", "nc1,ncc_accuracy"}).out,
              HasSubstr("fc1"));
  expect_status(0, folder_, {"analyze", "a.h5", "-o", "a.csv"});
  EXPECT_THAT(folder_.read("a.csv"), HasSubstr("nc2_etf"));
  EXPECT_THAT(folder_.read("a.csv"), Not(HasSubstr(",nrc1,")));
}

TEST_F(Classification, WhatIsNoLabelIsNamed) {
  make_dumps(folder_, classes("np.where(np.arange(N) == 17, 1.5, np.arange(N) % 3)"));
  expect_refused({}, {"a.h5", "/targets", "found 1.5, first in row 17", "whole numbers"});
  make_dumps(folder_, classes("np.where(np.arange(N) == 9, np.nan, np.arange(N) % 3)"));
  expect_refused({}, {"/targets", "nan", "row 9"});
  make_dumps(folder_, classes("np.full((N, 4), 0.25)"));
  expect_refused({}, {"found 0.25 in column 0, first in row 0", "one-hot"});
  make_dumps(folder_, classes("np.arange(N)[:, None] % 3 + np.zeros((N, 5), int)"));
  expect_refused({}, {"one-hot", "labels of shape [N]"});
  make_dumps(folder_, classes("np.where(np.arange(N) == 5, 2**63, 1).astype(np.uint64)"));
  expect_refused({}, {"9223372036854775808", "row 5"});
  make_dumps(folder_, classes("np.zeros((N, 2, 2), int)"));
  expect_refused({}, {"[60, 2, 2]", "labels of shape [N]"});
  make_dumps(folder_, classes("np.full(N, -100)"));
  expect_refused({"--ignore-label", "-100"}, {"every sample has the ignored label -100"});
  expect_refused({"--ignore-label", "none"}, {"--ignore-label", "'none'"});
}

TEST_F(Classification, IgnoredSamplesAreLeftOutOfEverything) {
  make_dumps(folder_, classes("np.where(np.arange(N) % 5 == 0, -100, np.arange(N) % 4)",
                              "f['layers/fc1/activations'][::5] = np.nan"));
  const nlohmann::json checkpoint =
      analyzed({"--ignore-label", "-100", "--layers", "fc1"}).at("checkpoints").at(0);
  EXPECT_EQ(checkpoint.at("samples"), 48);
  EXPECT_EQ(checkpoint.at("targets").at("samples_ignored"), 12);
  EXPECT_EQ(checkpoint.at("layers").at(0).at("metrics").at("samples"), 48);
  make_dumps(folder_, classes("np.where(np.arange(N) % 5 == 0, -100, np.arange(N) % 4)",
                              "f['layers/fc1/activations'][33] = np.nan"));
  expect_refused({"--ignore-label", "-100", "--layers", "fc1"}, {"found NaN or Inf, first in row 33"});
}

// Two dumps of the same rows: samples with T positions, and each position a sample.
constexpr const char* tokens =
    "rng = np.random.default_rng(5)\n"
    "N, T, d = 3000, 7, 6\n"
    "labels = rng.integers(0, 4, (N, T))\n"
    "h = rng.normal(size=(4, d))[labels] + 0.3 * rng.normal(size=(N, T, d))\n"
    "labels[rng.random((N, T)) < 0.3] = -100\n"
    "labels[5] = -100\n"
    "w = rng.normal(size=(4, d))\n"
    "def write(name, labels, h):\n"
    "    with h5py.File(name, 'w') as f:\n"
    "        f.attrs['task'] = 'classification'\n"
    "        f['targets'] = labels\n"
    "        f['layers/last/activations'] = h\n"
    "        f['layers/last/weight'] = w\n"
    "write('a.h5', labels, h)\n"
    "write('flat.h5', labels.reshape(-1), h.reshape(-1, d))\n";

TEST_F(Classification, LabelsOfPositionsAreThoseOfSamplesOneByOne) {
  make_dumps(folder_, tokens);
  const nlohmann::json found = analyzed({"--pool", "none", "--ignore-label", "-100"}).at("checkpoints").at(0);
  const nlohmann::json flat =
      nlohmann::json::parse(
          expect_status(0, folder_, {"analyze", "flat.h5", "--ignore-label", "-100", "-q", "-o", "-"}).out)
          .at("checkpoints")
          .at(0);
  EXPECT_EQ(found.at("samples"), flat.at("samples"));
  EXPECT_EQ(found.at("targets"), flat.at("targets"));
  EXPECT_LT(found.at("samples"), 21000);
  const nlohmann::json& expected = flat.at("layers").at(0).at("metrics");
  for (const auto& [name, value] : found.at("layers").at(0).at("metrics").items()) {
    if (value.is_number()) {
      EXPECT_NEAR(value.get<double>(), expected.at(name).get<double>(),
                  1e-9 * std::abs(expected.at(name).get<double>()) + 1e-13)
          << name;
    } else if (value.is_null()) {
      EXPECT_TRUE(expected.at(name).is_null()) << name;
    }
  }
}

TEST_F(Classification, LabelsOfPositionsThatDoNotFitAreRefused) {
  const std::string with_ignored = "-100";
  make_dumps(folder_, tokens);
  expect_refused({"--ignore-label", with_ignored}, {"/targets", "--pool none"});
  make_dumps(folder_,
             std::string(tokens) + "h[2, 3, 1] = np.nan; labels[2, 3] = 1\nwrite('a.h5', labels, h)");
  expect_refused({"--pool", "none", "--ignore-label", with_ignored}, {"found NaN or Inf, first in row 2"});
  make_dumps(folder_, std::string(tokens) + "write('a.h5', np.eye(7, dtype=int)[labels[:, 0] % 7], h)");
  expect_refused({"--pool", "none"}, {"one-hot rows of 7 numbers where the samples have 7 positions"});
  make_dumps(folder_, std::string(tokens) +
                          "write('a.h5', labels, h)\n"
                          "with h5py.File('a.h5', 'a') as f: f['layers/pooled/activations'] = h[:, 0]");
  const nlohmann::json found = analyzed({"--pool", "none", "--ignore-label", with_ignored}, 1);
  EXPECT_THAT(found.at("failures").at(0).at("message").get<std::string>(),
              HasSubstr("found 1 rows of a sample; expected 7, as many as its labels"));
}

TEST_F(Classification, NaNLogitsCostTheModelOnly) {
  make_dumps(folder_, classes("np.arange(N) % 4", "f['predictions'] = np.full((N, 4), np.nan)"));
  const nlohmann::json checkpoint = analyzed({}, 1).at("checkpoints").at(0);
  EXPECT_TRUE(checkpoint.at("targets").at("model_accuracy").is_null());
  EXPECT_TRUE(checkpoint.at("layers").at(0).at("metrics").at("nc1").is_number());
}

TEST_F(Classification, LabelsBeyondTheWeightCostWhatNeedsIt) {
  make_dumps(folder_, classes("np.arange(N) % 7"));
  const nlohmann::json metrics = analyzed({}).at("checkpoints").at(0).at("layers").at(0).at("metrics");
  EXPECT_TRUE(metrics.at("nc3_self_duality").is_null());
  EXPECT_TRUE(metrics.at("nc4_disagreement").is_null());
  EXPECT_TRUE(metrics.at("nc2_etf").is_number());
}

TEST_F(Classification, PartsHaveTheBitsOfOneAnalysis) {
  make_dumps(folder_, classes("np.where(np.arange(N) % 7 == 3, -100, np.arange(N) % 4)",
                              "f['predictions'] = np.random.default_rng(3).normal(size=(N, 4))", 70000));
  const Arguments options{"--ignore-label", "-100"};
  const nlohmann::json whole = analyzed(options);
  const auto merged = [&](const Arguments& more) {
    Arguments arguments{"merge", "one.h5", "two.h5", "three.h5", "-q", "-o", "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(expect_status(0, folder_, arguments).out);
  };
  int number = 0;
  for (const std::string name : {"one", "two", "three"}) {
    const std::string part = std::to_string(++number) + "/3";
    expect_status(0, folder_,
                  {"analyze", "a.h5", "-q", "--ignore-label", "-100", "--part", part, "-o", name + ".h5"});
  }
  const nlohmann::json joined = merged({"--dumps", "."});
  EXPECT_EQ(joined.at("provenance").at("digest"), whole.at("provenance").at("digest"));
  EXPECT_EQ(joined.at("checkpoints").at(0).at("targets"), whole.at("checkpoints").at(0).at("targets"));

  const nlohmann::json without = merged({});
  const auto metric = [](const nlohmann::json& results, const char* name) {
    return results.at("checkpoints").at(0).at("layers").at(0).at("metrics").at(name);
  };
  for (const char* name : {"nc1_unit", "ncc_accuracy", "nc4_disagreement"}) {
    EXPECT_TRUE(metric(without, name).is_null());
    EXPECT_THAT(without.at("checkpoints").at(0).at("layers").at(0).at("notes").at(name).get<std::string>(),
                HasSubstr("collapscope merge --dumps"));
  }
  for (const char* name : {"nc1_vci", "nc2_etf", "nc3_self_duality", "deep_nrc2"}) {
    EXPECT_EQ(metric(without, name), metric(whole, name));
  }
  EXPECT_NEAR(metric(without, "nc1").get<double>(), metric(whole, "nc1").get<double>(),
              1e-9 * metric(whole, "nc1").get<double>());
}

TEST_F(Classification, SumsThatDoNotFitTheMemoryAreRefused) {
  make_dumps(folder_, classes("np.arange(N)", "", 40000));
  expect_refused({"--memory", "8MiB"}, {"sums of 40000 classes of 5 features", "--memory"});
}

TEST_F(Classification, HasTheSameBitsOnAnyNumberOfThreadsAndGoesOn) {
  make_dumps(folder_, classes("np.arange(N) % 4 * 3", "", 40000));
  const auto digest = [&](const Arguments& arguments) {
    return analyzed(arguments).at("provenance").at("digest").get<std::string>();
  };
  const std::string one = digest({"--threads", "1"});
  EXPECT_EQ(one, digest({"--threads", "2"}));
  EXPECT_EQ(one, digest({"--threads", "2", "--work", "work", "--save-every", "0"}));
  EXPECT_EQ(one, digest({"--threads", "2", "--work", "work"}));
}

}  // namespace
}  // namespace collapscope::cli
