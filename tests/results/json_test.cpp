// JSON: shape, exact numbers, hostile text.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "collapscope/results/results_file.hpp"
#include "core/utf8.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using Json = nlohmann::json;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Json layer_of(const Results& results) {
  return Json::parse(results_json(results)).at("checkpoints").at(0).at("layers").at(0);
}

TEST(Json, SmallDocumentIsAsWrittenDown) {
  EXPECT_EQ(results_json(test::small_results()), R"({
  "format": "collapscope-results",
  "format_version": 1,
  "provenance": {
    "version": "0.1.0",
    "commit": "abc",
    "command": "collapscope analyze",
    "device": "cpu",
    "precision": "float64",
    "threads": 2,
    "ranks": 1,
    "started": "2026-01-02T03:04:05Z",
    "seconds": 1.5,
    "bytes_read": 12800,
    "rejected_eigenbases": 0,
    "fallbacks": [],
    "digest": "82922866f99ceeda"
  },
  "checkpoints": [
    {
      "path": "dumps/toy.h5",
      "id": "",
      "run": "toy",
      "step": 10,
      "task": "regression",
      "samples": 200,
      "attributes": {
        "seed": 3,
        "step_unit": "epoch",
        "weight_decay": 0.01
      },
      "targets": {
        "target_dim": 2,
        "model_mse": null
      },
      "target_notes": {
        "model_mse": "no predictions"
      },
      "layers": [
        {
          "name": "fc1",
          "index": 0,
          "kind": "linear",
          "metrics": {
            "features": 8,
            "nrc1": 0.5,
            "nrc2": null,
            "evr": [0.75, 0.25]
          },
          "floors": {
            "nrc1": 9.9999999999999995e-08,
            "nrc2": 9.9999999999999995e-08
          },
          "notes": {
            "nrc2": "rank(W) = d"
          }
        },
        {
          "name": "head",
          "index": null,
          "kind": "",
          "metrics": {
            "nrc1": 0.10000000000000001
          },
          "floors": {},
          "notes": {
            "nrc1": "ill-conditioned subspace"
          }
        }
      ]
    }
  ],
  "failures": [
    {
      "path": "dumps/bad.h5",
      "object": "",
      "message": "truncated file"
    }
  ]
}
)");
}

TEST(Json, EmptyResultsHaveAllTopLevelKeys) {
  const Json tree = Json::parse(results_json({}));
  EXPECT_EQ(tree.at("checkpoints"), Json::array());
  EXPECT_EQ(tree.at("failures"), Json::array());
  EXPECT_EQ(tree.at("provenance").size(), 13U);
}

TEST(Json, DoublesReadBackBitForBit) {
  std::vector<double> values = {0.0,
                                -0.0,
                                5,
                                -5,
                                1e22,
                                1e16,
                                123456789012345680.0,
                                0.1,
                                1e308,
                                -1e308,
                                5e-324,
                                2.2250738585072011e-308,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::min(),
                                std::numeric_limits<double>::epsilon()};
  std::mt19937_64 random(1);
  while (values.size() < 20000) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) values.push_back(value);
  }
  for (int i = 0; i < 1000; ++i) values.push_back(std::bit_cast<double>(random() >> 12));  // denormals
  LayerResult layer{"fc", std::nullopt, "", {}};
  layer.metrics.add({"evr", values});
  const Json metrics = layer_of(test::results_with(layer)).at("metrics").at("evr");
  ASSERT_EQ(metrics.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(metrics[i].is_number_float()) << values[i];
    ASSERT_EQ(std::bit_cast<std::uint64_t>(metrics[i].get<double>()),
              std::bit_cast<std::uint64_t>(values[i]));
  }
}

TEST(Json, CountsStayIntegers) {
  LayerResult layer{"fc", -3, "", {}};
  layer.metrics.add({"big", std::numeric_limits<std::int64_t>::max()});
  layer.metrics.add({"small", std::numeric_limits<std::int64_t>::min()});
  Results results = test::results_with(layer);
  results.provenance.bytes_read = std::numeric_limits<std::uint64_t>::max();
  const Json tree = Json::parse(results_json(results));
  EXPECT_EQ(tree["provenance"]["bytes_read"].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  const Json parsed = layer_of(results);
  EXPECT_EQ(parsed["index"], -3);
  EXPECT_EQ(parsed["metrics"]["big"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parsed["metrics"]["small"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
}

TEST(Json, StepIsAnIntegerWhereItIsOne) {
  Results results = test::results_with({});
  const auto step = [&](std::optional<double> value) {
    results.checkpoints[0].step = value;
    return Json::parse(results_json(results))["checkpoints"][0]["step"];
  };
  EXPECT_TRUE(step(10.0).is_number_integer());
  EXPECT_EQ(step(-2.0), -2);
  EXPECT_EQ(step(0.5), 0.5);
  EXPECT_EQ(step(1e300), 1e300);
  EXPECT_TRUE(step(std::nullopt).is_null());
  EXPECT_TRUE(step(nan).is_null());
  EXPECT_TRUE(step(infinity).is_null());
}

TEST(Json, EmptyRunIsNull) {
  EXPECT_TRUE(Json::parse(results_json(test::results_with({})))["checkpoints"][0]["run"].is_null());
}

TEST(Json, TargetNotesOnlyWhereThereAreAny) {
  EXPECT_FALSE(Json::parse(results_json(test::results_with({})))["checkpoints"][0].contains("target_notes"));
}

TEST(Json, NumbersThatAreNotFiniteAreNull) {
  LayerResult layer{"fc", std::nullopt, "", {}};
  layer.metrics.add({"nan", nan, infinity});
  layer.metrics.add({"inf", -infinity});
  layer.metrics.add({"list", std::vector<double>{1, nan}});
  Results results = test::results_with(layer);
  results.provenance.seconds = infinity;
  const Json parsed = layer_of(results);
  EXPECT_TRUE(parsed["metrics"]["nan"].is_null());
  EXPECT_TRUE(parsed["metrics"]["inf"].is_null());
  EXPECT_TRUE(parsed["metrics"]["list"][1].is_null());
  EXPECT_TRUE(parsed["floors"]["nan"].is_null());
}

TEST(Json, AttributesKeepTheirTypes) {
  Results results = test::results_with({});
  results.checkpoints[0].attributes = {
      {"flag", true}, {"count", std::int64_t{2}}, {"real", 2.0},       {"text", "adam"},
      {"nan", nan},   {"inf", infinity},          {"minus", -infinity}};
  const Json attributes = Json::parse(results_json(results))["checkpoints"][0]["attributes"];
  EXPECT_EQ(attributes["flag"], true);
  EXPECT_TRUE(attributes["count"].is_number_integer());
  EXPECT_TRUE(attributes["real"].is_number_float());
  EXPECT_EQ(attributes["text"], "adam");
  EXPECT_EQ(attributes["nan"], "nan");
  EXPECT_EQ(attributes["inf"], "inf");
  EXPECT_EQ(attributes["minus"], "-inf");
}

TEST(Json, HostileNamesReadBackAndNothingRawIsWritten) {
  for (const std::string& name : test::hostile_names()) {
    const std::string text = results_json(test::results_named(name));
    ASSERT_TRUE(is_utf8(text)) << name;
    EXPECT_FALSE(test::has_raw_controls(text)) << name;
    const Json checkpoint = Json::parse(text)["checkpoints"][0];
    EXPECT_EQ(checkpoint["path"], utf8_text(name));
    EXPECT_EQ(checkpoint["layers"][0]["name"], utf8_text(name));
    EXPECT_EQ(checkpoint["layers"][0]["notes"].contains("nrc2"), !name.empty());
    EXPECT_TRUE(checkpoint["attributes"].contains(utf8_text(name)));
  }
}

TEST(Json, RandomBytesGiveValidJson) {
  std::mt19937 random(2);
  for (int i = 0; i < 500; ++i) {
    std::string name;
    for (auto n = random() % 12; n > 0; --n) name += static_cast<char>(random());
    const std::string text = results_json(test::results_named(name));
    ASSERT_TRUE(is_utf8(text));
    ASSERT_TRUE(Json::accept(text));
  }
}

TEST(Json, AttributesWhoseNamesLookAlikeStandOnce) {
  Results results = test::results_with({});
  results.checkpoints[0].attributes = {
      {"a\xff", std::int64_t{1}}, {"b", true}, {R"(a\xff)", std::int64_t{2}}};
  const Json attributes = Json::parse(results_json(results))["checkpoints"][0]["attributes"];
  EXPECT_EQ(attributes, (Json{{R"(a\xff)", 2}, {"b", true}}));
  EXPECT_NO_THROW(static_cast<void>(parse_results(results_json(results), "file")));
}

}  // namespace
}  // namespace collapscope
