// Results files read back: bit for bit, and refused with their place when they are not as they must be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/results/results_file.hpp"
#include "results/sample_results.hpp"
#include "runs/support.hpp"

namespace collapscope {
namespace {

using OrderedJson = nlohmann::ordered_json;
using ::testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    (void)parse_results(text, "r.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

// The error when a sample file was edited like this.
std::string error_after(const std::function<void(OrderedJson&)>& edit) {
  OrderedJson tree = OrderedJson::parse(results_json(test::small_results()));
  edit(tree);
  return error_of(tree.dump());
}

bool same_bits(const Value& a, const Value& b) {
  const auto bits = [](double x) { return std::bit_cast<std::uint64_t>(x); };
  if (a.index() != b.index()) return false;
  if (const auto* number = std::get_if<double>(&a)) return bits(*number) == bits(std::get<double>(b));
  if (const auto* list = std::get_if<std::vector<double>>(&a)) {
    return std::ranges::equal(*list, std::get<std::vector<double>>(b), {}, bits, bits);
  }
  return a == b;
}

void expect_same_bits(const MetricSet& a, const MetricSet& b) {
  ASSERT_EQ(a.all().size(), b.all().size());
  for (std::size_t i = 0; i < a.all().size(); ++i) {
    EXPECT_TRUE(same_bits(a.all()[i].value, b.all()[i].value)) << a.all()[i].name;
  }
}

TEST(ReadResults, GivesBackWhatWasWrittenBitForBit) {
  std::mt19937_64 random(20261121);
  for (int i = 0; i < 300; ++i) {
    const Results results = test::random_results(random, 1 + i % 4);
    const std::string text = results_json(results);
    const Results back = parse_results(text, "r.json");
    ASSERT_EQ(results_json(back), text);
    ASSERT_EQ(back.checkpoints, results.checkpoints);
    for (std::size_t j = 0; j < results.checkpoints.size(); ++j) {
      expect_same_bits(results.checkpoints[j].targets, back.checkpoints[j].targets);
      for (std::size_t k = 0; k < results.checkpoints[j].layers.size(); ++k) {
        expect_same_bits(results.checkpoints[j].layers[k].metrics, back.checkpoints[j].layers[k].metrics);
      }
    }
  }
}

TEST(ReadResults, WhatGoesOverDepthComesBack) {
  Results results = test::small_results();
  MetricSet& depth = results.checkpoints[0].depth;
  depth.add({"deep_nrc1_depth_slope", -0.1});
  depth.add({"deep_nrc1_depth_pearson", std::monostate{}, std::nullopt, "the same at all layers"});
  depth.add({"deep_nrc1_depth_layers", std::int64_t{5}});
  depth.add({"linear_share_depth_slope", -0.25});
  const std::string json = results_json(results);
  EXPECT_NE(json.find("\"depth\": {"), std::string::npos);
  EXPECT_TRUE(parse_results(json, "results.json").checkpoints[0].depth == depth);
  EXPECT_EQ(results_json(parse_results(json, "results.json")), json);
  const std::string csv = results_csv(results);
  EXPECT_NE(csv.find("dumps/toy.h5,toy,10,,,deep_nrc1_depth_layers,5\n"), std::string::npos);
  EXPECT_NE(csv.find("dumps/toy.h5,toy,10,,,deep_nrc1_depth_pearson,\n"), std::string::npos);
}

TEST(ReadResults, HostileNamesComeBackAsText) {
  for (const std::string& name : test::hostile_names()) {
    Results results = test::results_named(name);
    for (CheckpointResult& checkpoint : results.checkpoints) checkpoint.layers[1].name = "another";
    const std::string text = results_json(results);
    if (name == "another" || name == "step_unit") continue;
    EXPECT_EQ(results_json(parse_results(text, "r.json")), text) << name;
  }
}

TEST(ReadResults, PassesOverKeysThatItDoesNotKnow) {
  OrderedJson tree = OrderedJson::parse(results_json(test::small_results()));
  tree["later"] = {{"a", {1, 2}}};
  tree["checkpoints"][0]["later"] = nullptr;
  tree["checkpoints"][0]["layers"][0]["later"] = "x";
  EXPECT_EQ(parse_results(tree.dump(), "r.json").checkpoints, test::small_results().checkpoints);
}

TEST(ReadResults, EarlyFilesOfVersion1AreRead) {
  OrderedJson tree = OrderedJson::parse(results_json(test::small_results()));
  tree.erase("failures");
  tree["provenance"].erase("precision");
  tree["provenance"].erase("rejected_eigenbases");
  tree["provenance"].erase("fallbacks");
  tree["checkpoints"][0].erase("target_notes");
  const Results results = parse_results(tree.dump(), "r.json");
  EXPECT_EQ(results.provenance.precision, "float64");
  EXPECT_TRUE(results.provenance.fallbacks == Fallbacks{});
  EXPECT_TRUE(results.failures.empty());
}

TEST(ReadResults, ThreadsThatTheSystemDidNotGiveComeBack) {
  Results results = test::small_results();
  EXPECT_EQ(parse_results(results_json(results), "r.json").provenance.threads_wanted, 0U);
  EXPECT_TRUE(parse_results(results_json(results), "r.json").provenance.options.empty());
  results.provenance.options = {{"pool", "last"}, {"layers", "a \"b\", c"}};
  EXPECT_EQ(parse_results(results_json(results), "r.json").provenance.options, results.provenance.options);
  results.provenance.threads_wanted = 8;
  EXPECT_EQ(parse_results(results_json(results), "r.json").provenance.threads_wanted, 8U);
}

TEST(ReadResults, WorkThatWasDoneElsewhereComesBack) {
  Results results = test::small_results();
  results.provenance.fallbacks.add(Fallback{"layer", "cpu", "out of \"memory\"", 2});
  results.provenance.fallbacks.add(Fallback{"eigenbasis", "cpu", "the GPU gave no answer"});
  results.provenance.fallbacks.rejected_eigenbases = 1;
  const OrderedJson tree = OrderedJson::parse(results_json(results));
  EXPECT_EQ(tree["provenance"]["rejected_eigenbases"], 1);
  EXPECT_EQ(tree["provenance"]["fallbacks"][0],
            OrderedJson({{"work", "layer"}, {"to", "cpu"}, {"count", 2}, {"reason", "out of \"memory\""}}));
  EXPECT_TRUE(parse_results(tree.dump(), "r.json").provenance.fallbacks == results.provenance.fallbacks);
}

TEST(ReadResults, ErrorsNameFilePlaceFoundAndExpected) {
  EXPECT_EQ(
      error_after([](OrderedJson& t) { t["checkpoints"][0]["layers"][1]["metrics"]["nrc1"] = "0.5"; }),
      "r.json: checkpoints[0].layers[1].metrics.nrc1: found the text '0.5', expected a number, a list of "
      "numbers or null");
  EXPECT_EQ(
      error_after([](OrderedJson& t) { t["checkpoints"][0]["layers"][0]["metrics"]["evr"][1] = nullptr; }),
      "r.json: checkpoints[0].layers[0].metrics.evr[1]: found null, expected a number");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"][0].erase("samples"); }),
            "r.json: checkpoints[0]: lacks 'samples'");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"][0]["samples"] = -1; }),
            "r.json: checkpoints[0].samples: found the integer -1, expected a count");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"][0]["step"] = true; }),
            "r.json: checkpoints[0].step: found true, expected a number or null");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"][0]["run"] = 3; }),
            "r.json: checkpoints[0].run: found the integer 3, expected text");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"][0]["layers"][0]["index"] = 0.5; }),
            "r.json: checkpoints[0].layers[0].index: found the number 0.5, expected an integer or null");
  EXPECT_EQ(
      error_after([](OrderedJson& t) { t["checkpoints"][0]["attributes"]["seed"] = {1}; }),
      "r.json: checkpoints[0].attributes.seed: found a list of 1, expected a number, text, true or false");
  EXPECT_EQ(error_after([](OrderedJson& t) { t["checkpoints"] = OrderedJson::object(); }),
            "r.json: checkpoints: found an object, expected a list");
  EXPECT_THAT(error_after([](OrderedJson& t) { t["checkpoints"][0]["layers"][0]["floors"]["other"] = 1e-9; }),
              HasSubstr("checkpoints[0].layers[0].floors.other: no metric of this name"));
  EXPECT_THAT(error_after([](OrderedJson& t) { t["checkpoints"][0]["layers"][1]["name"] = "fc1"; }),
              HasSubstr("checkpoints[0].layers[1]: a second layer 'fc1'"));
  EXPECT_THAT(error_after([](OrderedJson& t) { t["checkpoints"][0]["path"] = nullptr; }),
              HasSubstr("expected text"));
  EXPECT_THAT(error_after([](OrderedJson& t) { t["checkpoints"][0]["attributes"]["\x1b[31m"] = nullptr; }),
              HasSubstr("attributes.\\x1b[31m"));
}

TEST(ReadResults, OtherFormatsAndVersionsAreRefused) {
  EXPECT_THAT(error_after([](OrderedJson& t) { t["format"] = "collapscope-report"; }),
              HasSubstr("format: found the text 'collapscope-report', expected collapscope-results"));
  EXPECT_THAT(error_after([](OrderedJson& t) { t["format_version"] = 2; }),
              HasSubstr("a newer collapscope wrote this"));
  EXPECT_THAT(error_after([](OrderedJson& t) { t["format_version"] = 0; }), HasSubstr("expected 1"));
  EXPECT_THAT(error_of("{}"), HasSubstr("lacks 'format'"));
  EXPECT_THAT(error_of("[]"), HasSubstr("found a list of 0, expected an object"));
}

TEST(ReadResults, EveryTruncationIsRefused) {
  const std::string text = results_json(test::small_results());
  for (std::size_t size = 0; size + 2 < text.size(); ++size) {
    const std::string error = error_of(text.substr(0, size));
    ASSERT_THAT(error, HasSubstr("r.json")) << size;
  }
  EXPECT_THAT(error_of(text.substr(0, text.size() / 2)), HasSubstr("truncated"));
}

TEST(ReadResults, WhatIsNoJsonIsRefusedWithItsPlace) {
  EXPECT_THAT(error_of("{\n  \"a\": nan\n}"), HasSubstr("line 2, column"));
  EXPECT_THAT(error_of("{\"a\": 1} x"), HasSubstr("no JSON"));
  EXPECT_THAT(error_of("{\"a\": 1e999}"), HasSubstr("beyond what double can hold"));
  EXPECT_THAT(error_of("{\"a\": 1, \"b\": 2, \"a\": 3}"), HasSubstr("the key 'a' twice"));
  EXPECT_THAT(error_of("{\"a\": \"\xff\"}"), HasSubstr("no JSON"));
}

TEST(ReadResults, NestingIsBounded) {
  for (const char* level : {"[", "{\"a\":"}) {
    std::string text = "{\"later\": ";
    for (int i = 0; i < 200000; ++i) text += level;
    EXPECT_THAT(error_of(text), HasSubstr("more than 64 levels"));
  }
}

class ReadFile : public ::testing::Test {
 protected:
  std::string error_of_file(const std::string& content) const {
    write_file_atomically(path_, content);
    try {
      (void)read_results(path_);
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  }
  void TearDown() override { std::remove(path_.c_str()); }

  const std::string path_ = ::testing::TempDir() + "read_results_test_file";
};

TEST_F(ReadFile, WholeFilesAreRead) {
  write_file_atomically(path_, results_json(test::small_results()));
  EXPECT_EQ(read_results(path_).checkpoints, test::small_results().checkpoints);
}

TEST_F(ReadFile, ADumpIsToldFromResults) {
  EXPECT_THAT(error_of_file("\x89HDF\r\n\x1a\n and more"), HasSubstr("collapscope analyze " + path_));
}

TEST_F(ReadFile, OtherFilesAreRefused) {
  EXPECT_THAT(error_of_file(""), HasSubstr("empty"));
  EXPECT_THAT(error_of_file(" \n"), HasSubstr("empty"));
  EXPECT_THAT(error_of_file("path,run,step\n"), HasSubstr("no JSON object"));
  EXPECT_THROW((void)read_results(path_ + ".missing"), InputError);
  EXPECT_THROW((void)read_results(::testing::TempDir()), InputError);
  EXPECT_THROW((void)read_results("/dev/zero"), InputError) << "and does not read for ever";
}

TEST_F(ReadFile, BlanksMayComeFirst) {
  write_file_atomically(path_, std::string(200'000, ' ') + results_json(test::small_results()));
  EXPECT_EQ(read_results(path_).checkpoints, test::small_results().checkpoints);
}

TEST(ReadResults, MoreMetricsThanThereAreAreRefused) {
  EXPECT_THAT(error_after([](OrderedJson& tree) {
                OrderedJson& metrics = tree["checkpoints"][0]["layers"][0]["metrics"];
                for (int i = 0; i < 5000; ++i) {
                  metrics["m" + std::to_string(i)] = 1.0;
                }
              }),
              HasSubstr("metrics, expected at most 4096"));
}

}  // namespace
}  // namespace collapscope
