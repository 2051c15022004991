// Results of each class: written, read back, merged, as CSV.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "collapscope/core/error.hpp"
#include "collapscope/results/results_file.hpp"
#include "results/csv_parser.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using ClassJson = nlohmann::ordered_json;
using ::testing::HasSubstr;

Results with_classes() {
  Results results = test::small_results();
  CheckpointResult& checkpoint = results.checkpoints[0];
  checkpoint.task = "classification";
  checkpoint.classes =
      CheckpointClasses{{-7, 0, 9007199254740993}, {"cat", "=1+1", ""}, {10, 20, 30}, {0.1, 1.0, 0.0}};
  LayerClasses layer;
  layer.rows = {10, 20, 30};
  layer.mean_norm = {0.1, 1.0 / 3, 0.0};
  layer.within_variance = {1e-300, 5e-324, 2.0};
  layer.nearest = {0, -7, std::nullopt};
  layer.nearest_cosine = {0.75, 0.75, std::nullopt};
  layer.cosines = {0.75, std::nullopt, std::nullopt};
  layer.notes = {{"weight_cosine", "no weight"}, {"ncc_accuracy", "needs a second look at the rows"}};
  checkpoint.layers[0].classes = layer;
  return results;
}

std::string error_of_classes(const std::function<void(ClassJson&)>& change) {
  ClassJson tree = ClassJson::parse(results_json(with_classes()));
  change(tree);
  try {
    (void)parse_results(tree.dump(), "r.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ClassResults, ComeBackBitForBit) {
  const Results results = with_classes();
  const std::string text = results_json(results);
  const Results back = parse_results(text, "r.json");
  EXPECT_EQ(back.checkpoints, results.checkpoints);
  EXPECT_EQ(results_json(back), text);
  const ClassJson layer = ClassJson::parse(text)["checkpoints"][0]["layers"][0]["classes"];
  EXPECT_EQ(layer["nearest"], ClassJson({0, -7, nullptr}));
  EXPECT_TRUE(layer["weight_cosine"].is_null());
  EXPECT_EQ(layer["notes"]["weight_cosine"], "no weight");
}

TEST(ClassResults, AreNotWrittenWhereNobodyAskedForThem) {
  EXPECT_EQ(results_json(test::small_results()).find("\"classes\""), std::string::npos);
  EXPECT_FALSE(has_classes(test::small_results()));
  EXPECT_TRUE(has_classes(with_classes()));
}

TEST(ClassResults, MergeKeepsThem) {
  const Results results = with_classes();
  const MergedResults merged = merge_results({{"a.json", results}, {"b.json", results}});
  EXPECT_EQ(merged.results.checkpoints, results.checkpoints);
}

TEST(ClassResults, CountInTheDigest) {
  Results other = with_classes();
  const std::string digest = numbers_digest(other);
  EXPECT_NE(digest, numbers_digest(test::small_results()));
  other.checkpoints[0].layers[0].classes->cosines[0] = 0.5;
  EXPECT_NE(digest, numbers_digest(other));
  other = with_classes();
  other.checkpoints[0].classes->model_accuracy[0] = 0.2;
  EXPECT_NE(digest, numbers_digest(other));
}

TEST(ClassResults, HaveACsvOfTheirOwn) {
  const auto rows = test::parse_csv(classes_csv(with_classes()));
  using Row = std::vector<std::string>;
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0], (Row{"path", "run", "step", "layer", "index", "label", "name", "samples", "rows",
                          "mean_norm", "within_variance", "weight_cosine", "nearest", "nearest_name",
                          "nearest_cosine", "ncc_accuracy", "model_accuracy"}));
  EXPECT_EQ(rows[2],
            (Row{"dumps/toy.h5", "toy", "10", "fc1", "0", "0", "'=1+1", "20", "20", "0.33333333333333331",
                 "4.9406564584124654e-324", "", "-7", "cat", "0.75", "", "1"}));
  EXPECT_EQ(rows[3][5], "9007199254740993");
  EXPECT_EQ(rows[3][12], "");
  // The table of metrics is as it was.
  EXPECT_EQ(results_csv(with_classes()), results_csv(test::small_results()));
}

TEST(ClassResults, ErrorsNameThePlace) {
  const auto classes = [](ClassJson& t) -> ClassJson& { return t["checkpoints"][0]["layers"][0]["classes"]; };
  EXPECT_EQ(error_of_classes([&](ClassJson& t) { classes(t)["mean_norm"] = {1.0}; }),
            "r.json: checkpoints[0].layers[0].classes.mean_norm: found 1 entries, expected 3");
  EXPECT_EQ(error_of_classes([&](ClassJson& t) { classes(t)["cosines"].push_back(0.5); }),
            "r.json: checkpoints[0].layers[0].classes.cosines: found 4 entries, expected 3");
  EXPECT_THAT(error_of_classes([&](ClassJson& t) { classes(t)["nearest"][1] = 0.5; }),
              HasSubstr("expected a label"));
  EXPECT_THAT(error_of_classes([&](ClassJson& t) { classes(t)["within_variance"][0] = "x"; }),
              HasSubstr("expected a number or null"));
  EXPECT_THAT(error_of_classes([&](ClassJson& t) {
                t["checkpoints"][0]["classes"]["labels"].push_back(9007199254740994);
              }),
              HasSubstr("expected 4"));
  EXPECT_THAT(error_of_classes([&](ClassJson& t) { t["checkpoints"][0].erase("classes"); }),
              HasSubstr("found 3 classes, expected the 0 of the checkpoint"));
  EXPECT_THAT(error_of_classes([&](ClassJson& t) { classes(t).erase("rows"); }), HasSubstr("lacks 'rows'"));
}

TEST(ClassResults, LabelsAreInOrderAndOnce) {
  for (const std::int64_t second : {std::int64_t{-7}, std::int64_t{-8}}) {
    EXPECT_EQ(error_of_classes([&](ClassJson& t) { t["checkpoints"][0]["classes"]["labels"][1] = second; }),
              "r.json: checkpoints[0].classes.labels[1]: found the integer " + std::to_string(second) +
                  ", expected labels in ascending order, each once: one above -7");
  }
}

TEST(ClassResults, TheNearestIsAnotherClass) {
  const auto nearest = [](ClassJson& t) -> ClassJson& {
    return t["checkpoints"][0]["layers"][0]["classes"]["nearest"];
  };
  for (const std::int64_t label : {std::int64_t{5}, std::int64_t{9007199254740992}, std::int64_t{0}}) {
    EXPECT_EQ(error_of_classes([&](ClassJson& t) { nearest(t)[1] = label; }),
              "r.json: checkpoints[0].layers[0].classes.nearest[1]: found the integer " +
                  std::to_string(label) + ", expected the label of another class than 0");
  }
  EXPECT_EQ(error_of_classes([&](ClassJson& t) { nearest(t)[1] = 9007199254740993; }), "no error");
  EXPECT_EQ(error_of_classes([&](ClassJson& t) { nearest(t) = nullptr; }), "no error");
}

TEST(ClassResults, CosinesAreNoneBeyondOne) {
  const auto classes = [](ClassJson& t) -> ClassJson& { return t["checkpoints"][0]["layers"][0]["classes"]; };
  for (const char* column : {"nearest_cosine", "cosines"}) {
    for (const double wrong : {1.5, -1.01, 1e300}) {
      EXPECT_THAT(error_of_classes([&](ClassJson& t) { classes(t)[column][0] = wrong; }),
                  HasSubstr(std::string("classes.") + column + "[0]: found "));
    }
    for (const double right : {1.0, -1.0, 1 + 1e-15}) {
      EXPECT_EQ(error_of_classes([&](ClassJson& t) { classes(t)[column][0] = right; }), "no error");
    }
  }
  EXPECT_THAT(error_of_classes([&](ClassJson& t) {
                classes(t)["weight_cosine"] = {0.5, -2.0, 0.5};
              }),
              HasSubstr("weight_cosine[1]: found the number -2, expected a cosine, from -1 to 1"));
}

}  // namespace
}  // namespace collapscope
