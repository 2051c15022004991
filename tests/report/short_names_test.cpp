// Names in few columns: from the common beginning, in the middle, never two alike.
#include "report/short_names.hpp"

#include <gtest/gtest.h>

#include <set>

#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

std::vector<std::string> transformer() {
  std::vector<std::string> names;
  for (int i = 0; i < 12; ++i) names.push_back("model.encoder.layers." + std::to_string(i) + ".mlp.fc2");
  return names;
}

TEST(ShortNames, LackTheWordsThatAllBeginWith) {
  const ShortNames names(transformer(), 16);
  EXPECT_EQ(names.left_out(), "model.encoder.layers.");
  EXPECT_EQ(names.of("model.encoder.layers.11.mlp.fc2"), "11.mlp.fc2");
  EXPECT_EQ(names.of("fc1"), "fc1") << "not one of them";
}

TEST(ShortNames, AreWholeWhereTheyFit) {
  const ShortNames names(transformer(), 31);
  EXPECT_EQ(names.left_out(), "");
  EXPECT_EQ(names.of("model.encoder.layers.11.mlp.fc2"), "model.encoder.layers.11.mlp.fc2");
  EXPECT_EQ(ShortNames({"fc1", "fc2"}, 16).of("fc2"), "fc2") << "words, not letters";
}

TEST(ShortNames, AreNeverAlike) {
  std::vector<std::string> bert = {"bert.embeddings", "regressor.out_proj"};
  for (int i = 0; i < 12; ++i) {
    bert.push_back("bert.encoder.layer." + std::to_string(i) + ".attention.output.dense");
    bert.push_back("bert.encoder.layer." + std::to_string(i) + ".output.dense");
  }
  for (const auto& all : {transformer(), bert}) {
    for (const std::size_t width : {12U, 16U, 24U}) {
      const ShortNames names(all, width);
      std::set<std::string> labels;
      for (const std::string& name : all) {
        labels.insert(names.of(name));
        EXPECT_LE(display_width(names.of(name)), width);
      }
      EXPECT_EQ(labels.size(), all.size()) << width;
    }
  }
}

}  // namespace
}  // namespace collapscope
