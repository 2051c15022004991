// Which tensor becomes whose weight.
#include <gmock/gmock.h>

#include "collapscope/weights/weights.hpp"
#include "weights/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Layers of these names, [4, 3] each.
std::vector<Checkpoint> dump_with(const std::string& path, const std::vector<std::string>& layers,
                                  const Shape& shape = {4, 3}) {
  {
    const TestFile file(path);
    file.ramp("targets", {4, 2});
    for (const std::string& layer : layers) {
      file.ramp("layers/" + layer + "/activations", shape);
    }
  }
  return arrange_checkpoints(index_dump(path).checkpoints, false);
}

const LayerIndex& layer(const std::vector<Checkpoint>& checkpoints, std::size_t i) {
  return checkpoints.at(0).front().layers.at(i);
}

const std::vector<float> six{1, 2, 3, 4, 5, 6};

TEST(UseWeights, LayersGetTheTensorsOfTheirModules) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"a.fc", "a.fc#2", "norm", "relu"});
  write_tensors(dir / "w",
                {{"a.fc.weight", {2, 3}, six}, {"a.fc.bias", {2}, {1, 2}}, {"norm.weight", {3}, {1, 1, 1}}});
  const FoundWeights found = use_weights(checkpoints, {dir / "w"});
  EXPECT_THAT(found.failures, IsEmpty());
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_THAT(found.notes[0], HasSubstr("no weight for 2 of 4 layers: norm, relu"));
  for (const std::size_t i : {0U, 1U}) {
    ASSERT_TRUE(layer(checkpoints, i).weight && layer(checkpoints, i).bias);
    EXPECT_THAT(read_matrix(*layer(checkpoints, i).weight).values(), ElementsAre(1, 2, 3, 4, 5, 6));
    EXPECT_THAT(read_matrix(*layer(checkpoints, i).bias).values(), ElementsAre(1, 2));
  }
  EXPECT_FALSE(layer(checkpoints, 2).weight || layer(checkpoints, 3).weight);
}

TEST(UseWeights, OtherNamesAndTransposedWeights) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc"});
  write_tensors(dir / "w", {{"model.fc.kernel", {3, 2}, six}});
  const FoundWeights found =
      use_weights(checkpoints, {dir / "w", "model.{layer}.kernel", "model.{layer}.b", true});
  EXPECT_THAT(found.failures, IsEmpty());
  EXPECT_TRUE(layer(checkpoints, 0).weight_transposed);
  EXPECT_FALSE(layer(checkpoints, 0).bias);
}

TEST(UseWeights, ConvolutionsOfOneAndTwoAxes) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"conv1", "conv2"}, {4, 1, 2, 2});
  write_tensors(dir / "w", {{"conv1.weight", {2, 1, 3}, six}, {"conv2.weight", {1, 1, 3, 2}, six}});
  EXPECT_THAT(use_weights(checkpoints, {dir / "w"}).failures, IsEmpty());
  EXPECT_THAT(layer(checkpoints, 0).weight->shape, ElementsAre(2, 1, 3));
  EXPECT_EQ(layer(checkpoints, 0).kernel_order, KernelOrder::outputs_first);
  EXPECT_THAT(layer(checkpoints, 1).weight->shape, ElementsAre(1, 1, 3, 2));
}

TEST(UseWeights, KernelsMayBeSaidToHaveTheirOutputsLast) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"conv1", "conv2"}, {4, 1, 2, 2});
  write_tensors(dir / "w", {{"conv1.weight", {3, 1, 2}, six}, {"conv2.weight", {3, 2, 1, 1}, six}});
  WeightsNaming naming{dir / "w"};
  naming.layout = "HWIO";
  EXPECT_THAT(use_weights(checkpoints, naming).failures, IsEmpty());
  EXPECT_EQ(layer(checkpoints, 0).kernel_order, KernelOrder::outputs_first);  // has three axes
  EXPECT_EQ(layer(checkpoints, 1).kernel_order, KernelOrder::outputs_last);
}

TEST(UseWeights, AWeightThatDoesNotFitCostsItsLayer) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"a", "b", "c"});
  write_tensors(dir / "w", {{"a.weight", {3, 2}, six},
                            {"b.weight", {2, 3}, six},
                            {"c.weight", {2, 3}, six},
                            {"c.bias", {3}, {1, 2, 3}}});
  const FoundWeights found = use_weights(checkpoints, {dir / "w"});
  ASSERT_EQ(found.failures.size(), 2U);
  EXPECT_EQ(found.failures[0].object, "a");
  EXPECT_THAT(found.failures[0].message,
              HasSubstr("a.weight: found a weight of shape [3, 2]; expected [m, d] with d = 3"));
  EXPECT_THAT(found.failures[1].message, HasSubstr("c.bias: found a bias of shape [3]; expected [2]"));
  ASSERT_EQ(checkpoints.at(0).front().layers.size(), 1U);
  EXPECT_EQ(layer(checkpoints, 0).name, "b");
}

TEST(UseWeights, TypesThatAreNotReadCostTheirLayer) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc"});
  write_safetensors(
      dir / "w", R"({"fc.weight": {"dtype": "F8_E4M3", "shape": [2, 3], "data_offsets": [0, 6]}})", "123456");
  const FoundWeights found = use_weights(checkpoints, {dir / "w"});
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].message, HasSubstr("found numbers of type F8_E4M3"));
  EXPECT_THAT(checkpoints, IsEmpty());
}

TEST(UseWeights, QuantizedWeightsAreRefusedAndOtherIntegersTold) {
  const TempDir dir;
  const std::string header = R"({"fc.weight": {"dtype": "I8", "shape": [2, 3], "data_offsets": [0, 6]}, )"
                             R"("fc.OTHER": {"dtype": "F32", "shape": [2], "data_offsets": [6, 14]}})";
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc"});
  write_safetensors(dir / "plain", header, "12345612345678");
  const FoundWeights plain = use_weights(checkpoints, {dir / "plain"});
  EXPECT_THAT(plain.failures, IsEmpty());
  ASSERT_EQ(plain.notes.size(), 1U);
  EXPECT_THAT(plain.notes[0], HasSubstr("plain: fc.weight: int8 integers, measured as they are"));
  std::string quantized = header;
  quantized.replace(quantized.find("OTHER"), 5, "SCB");
  write_safetensors(dir / "quantized", quantized, "12345612345678");
  const FoundWeights found = use_weights(checkpoints, {dir / "quantized"});
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].message, HasSubstr("found I8 integers beside fc.SCB, so they are quantized"));
}

TEST(UseWeights, OneNameForSeveralModulesIsRefused) {
  const TempDir dir;
  write_tensors(dir / "w", {{"head.weight", {2, 3}, six}});
  const WeightsNaming one{dir / "w", "head.weight"};
  std::vector<Checkpoint> several = dump_with(dir / "d.h5", {"fc1", "fc2"});
  const FoundWeights found = use_weights(several, one);
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].message, HasSubstr("--weight 'head.weight' names one tensor for 2 layers"));
  std::vector<Checkpoint> calls = dump_with(dir / "e.h5", {"fc", "fc#2"});
  EXPECT_THAT(use_weights(calls, one).failures, IsEmpty());
}

TEST(UseWeights, ATensorOfOneAxisIsNamed) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc"});
  write_tensors(dir / "w", {{"fc.weight", {6}, six}});
  const FoundWeights found = use_weights(checkpoints, {dir / "w"});
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(
      found.failures[0].message,
      HasSubstr("found no tensor of two axes or more, but fc.weight of shape [6]; expected fc.weight"));
}

TEST(UseWeights, WeightsOfAnotherModelAreRefused) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc1", "fc2"});
  write_tensors(dir / "w", {{"model.fc1.weight", {2, 3}, six}, {"model.fc1.bias", {2}, {1, 2}}});
  const FoundWeights found = use_weights(checkpoints, {dir / "w"});
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].message,
              HasSubstr("none of the layers: found model.fc1.weight; expected fc1.weight, fc2.weight"));
  EXPECT_THAT(checkpoints, IsEmpty());
}

TEST(UseWeights, EveryCheckpointHasAFileOfItsOwn) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "one.h5", {"fc"});
  checkpoints.push_back(dump_with(dir / "two.h5", {"fc"}).at(0));
  EXPECT_THROW((void)use_weights(checkpoints, {dir / "w"}), UsageError);
  write_tensors(dir / "one.st", {{"fc.weight", {2, 3}, six}});
  write_tensors(dir / "two.st", {{"fc.weight", {2, 3}, {6, 5, 4, 3, 2, 1}}});
  EXPECT_THAT(use_weights(checkpoints, {dir / "{name}.st"}).failures, IsEmpty());
  EXPECT_EQ(read_matrix(*layer(checkpoints, 0).weight)(0, 0), 1);
  EXPECT_EQ(read_matrix(*checkpoints.at(1).front().layers.at(0).weight)(0, 0), 6);
}

TEST(UseWeights, AMissingFileCostsItsCheckpoint) {
  const TempDir dir;
  std::vector<Checkpoint> checkpoints = dump_with(dir / "one.h5", {"fc"});
  checkpoints.push_back(dump_with(dir / "two.h5", {"fc"}).at(0));
  write_tensors(dir / "two.st", {{"fc.weight", {2, 3}, six}});
  const FoundWeights found = use_weights(checkpoints, {dir / "{name}.st"});
  ASSERT_EQ(found.failures.size(), 1U);
  EXPECT_THAT(found.failures[0].message, HasSubstr("one.st: cannot be read: No such file"));
  EXPECT_EQ(checkpoints.size(), 1U);
}

// The names of checkpoints come from files of others.
TEST(UseWeights, AreOnlyLookedForWhereTheUserSays) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "w");
  write_tensors(dir / "m.st", {{"fc.weight", {2, 3}, six}});
  for (const char* name : {"..", ".", "../x", "a/b"}) {
    std::vector<Checkpoint> checkpoints = dump_with(dir / "d.h5", {"fc"});
    checkpoints.at(0).shards.at(0).id = name;
    const FoundWeights found = use_weights(checkpoints, {dir / "w/{checkpoint}/m.st"});
    ASSERT_EQ(found.failures.size(), 1U) << name;
    EXPECT_THAT(found.failures[0].message, HasSubstr("expected a plain name: nothing was opened"));
    EXPECT_THAT(checkpoints, IsEmpty());
  }
}

}  // namespace
}  // namespace collapscope::testing
