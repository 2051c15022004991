// Files that were not written for us.
#include "hdf5/naming.hpp"

#include <gmock/gmock.h>

#include "core/fill.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using hdf5::wildcard_match;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(WildcardMatch, StaysWithinAComponent) {
  EXPECT_EQ(wildcard_match("acts/*", "acts/fc1"), "fc1");
  EXPECT_EQ(wildcard_match("acts/*", "acts/block/fc1"), std::nullopt);
  EXPECT_EQ(wildcard_match("acts/*", "acts/"), std::nullopt);
  EXPECT_EQ(wildcard_match("model/*/acts", "model/fc1/acts"), "fc1");
  EXPECT_EQ(wildcard_match("model/layer_*_out", "model/layer_3_out"), "3");
  EXPECT_EQ(wildcard_match("model/*/acts", "model/acts"), std::nullopt);
  EXPECT_EQ(wildcard_match("aba*aba", "ababa"), std::nullopt);
}

TEST(WildcardMatch, MayGoAcrossComponents) {
  EXPECT_EQ(wildcard_match("acts/**", "acts/block/fc1"), "block/fc1");
  EXPECT_EQ(wildcard_match("**/acts", "block/fc1/acts"), "block/fc1");
  EXPECT_EQ(wildcard_match("**/acts", "acts"), std::nullopt);
}

TEST(WildcardMatch, WithoutWildcardIsThePath) {
  EXPECT_EQ(wildcard_match("model/hidden", "model/hidden"), "hidden");
  EXPECT_EQ(wildcard_match("hidden", "hidden"), "hidden");
  EXPECT_EQ(wildcard_match("model/hidden", "model/hidden2"), std::nullopt);
}

TEST(WildcardMatch, TakesOneWildcardOnly) {
  EXPECT_THROW((void)wildcard_match("a/*/*", "a/b/c"), UsageError);
  EXPECT_THROW((void)wildcard_match("**/a/**", "a/b/c"), UsageError);
}

TEST(FillLayer, ReplacesEverySlot) {
  EXPECT_EQ(fill("params/{layer}/kernel", "{layer}", "a/b"), "params/a/b/kernel");
  EXPECT_EQ(fill("{layer}/{layer}", "{layer}", "{layer}"), "{layer}/{layer}");
  EXPECT_EQ(fill("kernel", "{layer}", "a"), "kernel");
}

// A file with activations acts/<name>, labels/y, and kernels params/<name>/kernel stored [d, m].
class Foreign : public ::testing::Test {
 protected:
  Foreign() : path_(dir_ / "other.h5") {
    const TestFile file(path_);
    for (const char* name : {"dense_10", "dense_2"}) {
      file.ramp("acts/" + std::string(name), {6, 3});
      file.ramp("params/" + std::string(name) + "/kernel", {3, 8});
      file.ramp("params/" + std::string(name) + "/bias", {8});
    }
    file.ramp("acts/deep/dense_1", {6, 3});
    file.ramp("labels/y", {6, 2});
    file.ramp("labels/out", {6, 2});
    options_.naming.activations = "/acts/*";
    options_.naming.targets = "labels/y";
  }

  [[nodiscard]] DumpIndex index() const { return index_dump(path_, options_); }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    const DumpIndex dump = index();
    for (const LayerIndex& layer : dump.checkpoints.at(0).layers) {
      names.push_back(layer.name);
    }
    return names;
  }

  TempDir dir_;
  std::string path_;
  IndexOptions options_;
};

TEST_F(Foreign, FilesAreRead) {
  options_.naming.predictions = "/labels/out";
  options_.naming.weight = "params/{layer}/kernel";
  options_.naming.bias = "params/{layer}/bias";
  options_.naming.transpose_weight = true;
  const CheckpointIndex checkpoint = index().checkpoints.at(0);
  EXPECT_EQ(checkpoint.targets.object, "/labels/y");
  EXPECT_EQ(checkpoint.predictions->object, "/labels/out");
  EXPECT_THAT(names(), ElementsAre("dense_2", "dense_10"));
  const LayerIndex& layer = checkpoint.layers[0];
  EXPECT_EQ(layer.activations.object, "/acts/dense_2");
  EXPECT_EQ(layer.weight->object, "/params/dense_2/kernel");
  EXPECT_EQ(layer.bias->object, "/params/dense_2/bias");
  EXPECT_TRUE(layer.weight_transposed);
}

TEST_F(Foreign, LayersMayLackWeights) {
  EXPECT_FALSE(index().checkpoints.at(0).layers.at(0).weight.has_value());
  options_.naming.activations = "acts/**";
  options_.naming.weight = "params/{layer}/kernel";
  options_.naming.transpose_weight = true;
  const DumpIndex dump = index();
  EXPECT_THAT(names(), ElementsAre("deep/dense_1", "dense_2", "dense_10"));
  EXPECT_FALSE(dump.checkpoints.at(0).layers[0].weight.has_value());
  EXPECT_TRUE(dump.checkpoints.at(0).layers[1].weight.has_value());
  EXPECT_THAT(dump.failures, IsEmpty());
}

TEST_F(Foreign, PatternThatFindsNoWeightAtAllIsAnError) {
  options_.naming.weight = "param/{layer}/kernel";
  EXPECT_THAT(index_error(path_, options_),
              AllOf(HasSubstr("other.h5: /param/dense_10/kernel: "), HasSubstr("no layer has a weight"),
                    HasSubstr("'param/{layer}/kernel'")));
}

TEST_F(Foreign, WeightsAreNotTransposedUnlessSaid) {
  options_.naming.weight = "params/{layer}/kernel";
  EXPECT_THAT(index_error(path_, options_),
              HasSubstr("found a weight of shape [3, 8]; expected [m, d] with d = 3"));
}

TEST_F(Foreign, ActivationsMayBeOneDataset) {
  options_.naming.activations = "acts/dense_2";
  EXPECT_THAT(names(), ElementsAre("dense_2"));
}

TEST_F(Foreign, PatternWithoutMatchShowsWhatIsThere) {
  options_.naming.activations = "activations/*";
  EXPECT_THAT(
      index_error(path_, options_),
      AllOf(HasSubstr("other.h5: /: "), HasSubstr("no dataset matches the activations 'activations/*'"),
            HasSubstr("'acts/deep/dense_1', 'acts/dense_10', 'acts/dense_2', 'labels/out', 'labels/y'")));
}

TEST_F(Foreign, MissingTargetsAndPredictionsAreErrors) {
  options_.naming.targets = "labels/z";
  EXPECT_THAT(index_error(path_, options_),
              AllOf(HasSubstr("other.h5: /labels/z: "), HasSubstr("'labels/y'")));
  options_.naming.targets = "labels/y";
  options_.naming.predictions = "labels/logits";
  EXPECT_THAT(index_error(path_, options_),
              AllOf(HasSubstr("/labels/logits: "), HasSubstr("expected the predictions")));
}

TEST_F(Foreign, AttributesThatAreNotForUsAreIgnored) {
  {
    const TestFile file(path_, TestFile::Mode::append);
    file.attribute("/", "format", "something else");
    file.attribute("/", "task", "gsm8k");
    file.attribute("/", "step", "final");
    file.attribute("/", "run", "a");
  }
  const CheckpointIndex checkpoint = index().checkpoints.at(0);
  EXPECT_EQ(checkpoint.task, "regression");
  EXPECT_EQ(checkpoint.step, std::nullopt);
  EXPECT_EQ(checkpoint.run, "a");
  EXPECT_EQ(checkpoint.attributes.size(), 4U);
}

TEST_F(Foreign, NamesApplyToDumpsOneByOne) {
  {
    const TestFile file(path_, TestFile::Mode::append);
    file.ramp("layers/dense_2/activations", {6, 3});
  }
  options_.naming.activations.clear();
  options_.naming.weight = "params/{layer}/kernel";
  options_.naming.transpose_weight = true;
  const CheckpointIndex checkpoint = index().checkpoints.at(0);
  EXPECT_EQ(checkpoint.targets.object, "/labels/y");
  EXPECT_EQ(checkpoint.layers.at(0).weight->object, "/params/dense_2/kernel");
}

TEST_F(Foreign, BrokenLinksFailOnlyWhereTheyMatch) {
  {
    const TestFile file(path_, TestFile::Mode::append);
    file.soft_link("acts/broken", "/gone");
    file.soft_link("elsewhere", "/gone");
  }
  const DumpIndex dump = index();
  EXPECT_EQ(dump.checkpoints.at(0).layers.size(), 2U);
  ASSERT_EQ(dump.failures.size(), 1U);
  EXPECT_EQ(dump.failures[0].object, "/acts/broken");
}

TEST_F(Foreign, ArraysOfMatlabAreRecognizedAndTurned) {
  for (const Shape& chunk : {Shape{}, Shape{2, 2, 4}}) {
    {
      const TestFile file(path_);
      Stored stored;
      stored.chunk = chunk;
      stored.deflate = chunk.empty() ? 0 : 1;
      file.ramp("acts/fc", {2, 3, 6}, stored);  // [6, 3, 2] in MATLAB
      file.ramp("labels/y", {2, 6});
      for (const char* name : {"acts/fc", "labels/y"}) {
        file.attribute(name, "MATLAB_class", "double");
      }
    }
    options_.naming.transpose_activations = false;
    EXPECT_THAT(index_error(path_, options_),
                AllOf(HasSubstr("MATLAB"), HasSubstr("--transpose-activations")));
    options_.naming.transpose_activations = true;
    const DumpIndex dump = index();
    const CheckpointIndex& checkpoint = dump.checkpoints.at(0);
    EXPECT_EQ(checkpoint.targets.shape, (std::vector<std::uint64_t>{6, 2}));
    EXPECT_EQ(read_all(checkpoint.targets, 4), (std::vector<double>{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
    const DatasetIndex& activations = checkpoint.layers.at(0).activations;
    EXPECT_EQ(activations.shape, (std::vector<std::uint64_t>{6, 3, 2}));
    const std::vector<double> numbers = read_all(activations, 5);
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t a = 0; a < 3; ++a) {
        for (std::size_t b = 0; b < 2; ++b) {
          EXPECT_EQ(numbers[(i * 3 + a) * 2 + b], static_cast<double>((b * 3 + a) * 6 + i));
        }
      }
    }
  }
}

TEST_F(Foreign, TargetsAndPredictionsThatAreNamedAreNoLayers) {
  options_.naming.activations = "labels/*";
  options_.naming.predictions = "/labels/out";
  {
    const TestFile file(path_, TestFile::Mode::append);
    file.ramp("labels/h", {6, 2});
  }
  EXPECT_THAT(names(), ElementsAre("h"));
}

TEST_F(Foreign, BrokenLinksFailWhereALayerMayLieBehindThem) {
  {
    const TestFile file(path_, TestFile::Mode::append);
    file.ramp("blocks/one/h", {6, 3});
    file.soft_link("blocks/two", "/gone");
    file.soft_link("blocks/one/x", "/gone");
    file.soft_link("other", "/gone");
  }
  for (const char* pattern : {"blocks/*/h", "**/h"}) {
    options_.naming.activations = pattern;
    const DumpIndex dump = index();
    EXPECT_EQ(dump.checkpoints.at(0).layers.size(), 1U);
    EXPECT_THAT(dump.failures, ::testing::Contains(::testing::Field(&Failure::object, "/blocks/two")));
    EXPECT_EQ(dump.failures.size(), pattern[0] == 'b' ? 1U : 3U);
  }
}

}  // namespace
}  // namespace collapscope::testing
