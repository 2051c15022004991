// Checkpoints: attributes, targets, predictions, and several in one file.
#include <gmock/gmock.h>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class Checkpoints : public ::testing::Test {
 protected:
  // A file with one layer of 4 samples, targets unless `make` writes them, and what else `make` adds.
  template <class Make>
  std::string write(Make make, bool targets = true) {
    std::string path = dir_ / "dump.h5";
    const TestFile file(path);
    file.ramp("layers/fc/activations", {4, 3});
    if (targets) {
      file.ramp("targets", {4, 2});
    }
    make(file);
    return path;
  }

  TempDir dir_;
};

// Adds /checkpoints/<id> to a file.
void add_checkpoint(const TestFile& file, const std::string& id, hsize_t samples = 4) {
  const std::string group = "checkpoints/" + id;
  file.ramp(group + "/targets", {samples});
  file.ramp(group + "/layers/fc/activations", {4, 3});
}

TEST_F(Checkpoints, CarryTheirScalarAttributes) {
  const std::string path = write([](const TestFile& file) {
    file.attribute("/", "format", "collapscope-dump");
    file.attribute("/", "format_version", 1);
    file.attribute("/", "run", "base\nline");
    file.attribute("/", "step", 1500);
    file.attribute("/", "learning_rate", 0.5);
    file.variable_attribute("/", "model", "réseau");
    file.attribute("/", "augmented", true);
    file.attribute("/", "empty", "");
  });
  const CheckpointIndex checkpoint = index_dump(path).checkpoints.at(0);
  EXPECT_EQ(checkpoint.path, path);
  EXPECT_EQ(checkpoint.id, "");
  EXPECT_EQ(checkpoint.run, "base\nline");
  EXPECT_EQ(checkpoint.step, 1500.0);
  EXPECT_EQ(checkpoint.task, "regression");
  EXPECT_THAT(checkpoint.attributes, ElementsAre(Pair("augmented", AttributeValue(true)),
                                                 Pair("empty", AttributeValue(std::string())),
                                                 Pair("learning_rate", AttributeValue(0.5)),
                                                 Pair("model", AttributeValue(std::string("réseau"))),
                                                 Pair("run", AttributeValue(std::string("base\nline"))),
                                                 Pair("step", AttributeValue(std::int64_t{1500}))));
  EXPECT_EQ(checkpoint.number("learning_rate"), 0.5);
  EXPECT_EQ(checkpoint.number("step"), 1500.0);
  EXPECT_EQ(checkpoint.number("model"), std::nullopt);
  EXPECT_EQ(checkpoint.number("augmented"), std::nullopt);
  EXPECT_EQ(checkpoint.number("missing"), std::nullopt);
}

void add_attribute(const TestFile& file, const char* name, hid_t type, const Shape& shape,
                   const void* value) {
  const Handle space(must(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr)), H5Sclose);
  const Handle attribute(must(H5Acreate2(file.id(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT)),
                         H5Aclose);
  must(H5Awrite(attribute.get(), type, value));
}

TEST_F(Checkpoints, TakeNumbersOfAnySizeAndArraysOfOne) {
  const std::string path = write([](const TestFile& file) {
    const std::uint64_t large = 0xffffffffffffffff;
    const std::int8_t small = -3;
    const float single = 0.25F;
    const std::vector<std::int32_t> several{1, 2, 3};
    add_attribute(file, "large", H5T_NATIVE_UINT64, {1}, &large);
    add_attribute(file, "small", H5T_NATIVE_INT8, {1, 1}, &small);
    add_attribute(file, "single", H5T_NATIVE_FLOAT, {1}, &single);
    add_attribute(file, "several", H5T_NATIVE_INT32, {3}, several.data());
    const Handle padded(must(H5Tcopy(H5T_FORTRAN_S1)), H5Tclose);
    must(H5Tset_size(padded.get(), 6));
    add_attribute(file, "padded", padded.get(), {1}, "ab c  ");
  });
  EXPECT_THAT(
      index_dump(path).checkpoints.at(0).attributes,
      ElementsAre(Pair("large", AttributeValue(std::uint64_t{0xffffffffffffffff})),
                  Pair("padded", AttributeValue(std::string("ab c"))), Pair("single", AttributeValue(0.25)),
                  Pair("small", AttributeValue(std::int64_t{-3}))));
}

TEST_F(Checkpoints, SayWhetherTheyAreComplete) {
  const CheckpointIndex complete = index_dump(write([](const TestFile& file) {
                                     file.attribute("/", "complete", true);
                                   })).checkpoints.at(0);
  EXPECT_TRUE(complete.is_complete);
  EXPECT_TRUE(complete.attributes.empty());
  EXPECT_FALSE(index_dump(write([](const TestFile&) {})).checkpoints.at(0).is_complete);
  EXPECT_THAT(index_error(write([](const TestFile& file) { file.attribute("/", "complete", false); })),
              AllOf(HasSubstr("attribute 'complete': found false"), HasSubstr("stopped before the end")));
  EXPECT_THAT(index_error(write([](const TestFile& file) { file.attribute("/", "complete", 0); })),
              HasSubstr("attribute 'complete': found false"));
}

TEST_F(Checkpoints, LeaveOutLongStringsUnlessTheyMatter) {
  const std::string longest(65535, 'x');
  const std::string path = write([&](const TestFile& file) {
    file.variable_attribute("/", "config", longest + "yz");
    file.variable_attribute("/", "notes", longest);
  });
  const DumpIndex dump = index_dump(path);
  EXPECT_THAT(dump.checkpoints.at(0).attributes, ElementsAre(Pair("notes", AttributeValue(longest))));
  ASSERT_EQ(dump.remarks.size(), 1U);
  EXPECT_EQ(
      dump.remarks.at(0).message,
      "attribute 'config': found a string of 65537 bytes; expected at most 64 KiB; it is left out of the "
      "results");
  EXPECT_THAT(
      index_error(write([&](const TestFile& file) { file.variable_attribute("/", "run", longest + "yz"); })),
      AllOf(HasSubstr("attribute 'run'"), HasSubstr("a string of 65537 bytes"), HasSubstr("at most 64 KiB")));
}

TEST_F(Checkpoints, MayHaveANumberAsRun) {
  EXPECT_EQ(
      index_dump(write([](const TestFile& file) { file.attribute("/", "run", 7); })).checkpoints.at(0).run,
      "7");
}

TEST_F(Checkpoints, NeedANumberAsStep) {
  EXPECT_THAT(index_error(write([](const TestFile& file) { file.attribute("/", "step", "last"); })),
              AllOf(HasSubstr("attribute 'step': found \"last\""), HasSubstr("expected a finite number")));
  EXPECT_THAT(index_error(write([](const TestFile& file) {
                const std::vector<std::int32_t> steps{1, 2};
                add_attribute(file, "step", H5T_NATIVE_INT32, {2}, steps.data());
              })),
              AllOf(HasSubstr("attribute 'step': found 2 values"), HasSubstr("expected one number")));
}

TEST_F(Checkpoints, NeedAKnownTask) {
  EXPECT_THAT(index_error(write([](const TestFile& file) { file.attribute("/", "task", "rank\x1bing"); })),
              AllOf(HasSubstr("attribute 'task': found \"rank\\x1bing\""), HasSubstr("\"regression\"")));
}

TEST_F(Checkpoints, OfRegressionNeedTargetsOfOneOrTwoAxes) {
  EXPECT_THAT(
      index_error(write(
          [](const TestFile& file) {
            file.ramp("targets", {4, 1, 1});
          },
          false)),
      AllOf(HasSubstr("/targets: "), HasSubstr("found targets of shape [4, 1, 1]"), HasSubstr("[N, n]")));
  EXPECT_THAT(index_error(write([](const TestFile& file) { file.ramp("targets", {}); }, false)),
              HasSubstr("found targets of shape []"));
}

TEST_F(Checkpoints, OfClassificationNeedLabelsOrOneHotRows) {
  const auto classes = [&](const auto& numbers, const Shape& shape) {
    return write(
        [&](const TestFile& file) {
          file.attribute("/", "task", "classification");
          file.dataset("targets", shape, numbers);
          file.ramp("predictions", {4, 10});
        },
        false);
  };
  const DumpIndex dump = index_dump(classes(std::vector<std::int32_t>{0, 1, 2, 3}, {4}));
  EXPECT_EQ(dump.checkpoints.at(0).task, "classification");
  EXPECT_EQ(dump.checkpoints.at(0).predictions->shape, (std::vector<std::uint64_t>{4, 10}));
  EXPECT_THAT(dump.failures, IsEmpty());
  EXPECT_EQ(index_dump(classes(std::vector<float>{0, 1, 2, 3}, {4})).checkpoints.size(), 1U);
  EXPECT_EQ(index_dump(classes(std::vector<std::int32_t>{0, 1, 1, 0, 0, 1, 1, 0}, {4, 2})).checkpoints.size(),
            1U);
  EXPECT_THAT(index_error(classes(std::vector<float>{0, 1, 2, 3}, {4, 1, 1})),
              AllOf(HasSubstr("/targets: "), HasSubstr("found float32 numbers of shape [4, 1, 1]"),
                    HasSubstr("labels of shape [N]")));
}

TEST_F(Checkpoints, MayHavePredictionsOfTheShapeOfTheTargets) {
  const DumpIndex dump = index_dump(write([](const TestFile& file) { file.ramp("predictions", {4, 2}); }));
  EXPECT_EQ(dump.checkpoints.at(0).predictions->object, "/predictions");
  const DumpIndex column = index_dump(write(
      [](const TestFile& file) {
        file.ramp("targets", {4});
        file.ramp("predictions", {4, 1});
      },
      false));
  EXPECT_TRUE(column.checkpoints.at(0).predictions.has_value());
}

TEST_F(Checkpoints, GoOnWithoutPredictionsThatDoNotFit) {
  for (const Shape& shape : {Shape{4, 3}, Shape{5, 2}, Shape{4}, Shape{4, 2, 1}}) {
    const DumpIndex dump = index_dump(write([&](const TestFile& file) { file.ramp("predictions", shape); }));
    EXPECT_FALSE(dump.checkpoints.at(0).predictions.has_value());
    ASSERT_EQ(dump.failures.size(), 1U);
    EXPECT_EQ(dump.failures[0].object, "/predictions");
    EXPECT_THAT(dump.failures[0].message, AllOf(HasSubstr("found"), HasSubstr("expected")));
  }
}

TEST_F(Checkpoints, InOneFileAreOrderedAndInheritAttributes) {
  const std::string path = dir_ / "dump.h5";
  {
    const TestFile file(path);
    for (const char* id : {"10", "9", "100"}) {
      add_checkpoint(file, id);
      file.attribute("checkpoints/" + std::string(id), "step", std::stoi(id));
    }
    file.attribute("/", "run", "all");
    file.attribute("/", "step", 3);
    file.attribute("/", "seed", 5);
    file.attribute("checkpoints/9", "seed", 6);
  }
  const DumpIndex dump = index_dump(path);
  ASSERT_EQ(dump.checkpoints.size(), 3U);
  for (const auto& [at, id, seed] : {std::tuple{0U, "9", 6.0}, {1U, "10", 5.0}, {2U, "100", 5.0}}) {
    const CheckpointIndex& checkpoint = dump.checkpoints[at];
    EXPECT_EQ(checkpoint.id, id);
    EXPECT_EQ(checkpoint.path, path);
    EXPECT_EQ(checkpoint.run, "all");
    EXPECT_EQ(checkpoint.step, std::stod(id));
    EXPECT_EQ(checkpoint.number("seed"), seed);
    EXPECT_EQ(checkpoint.targets.object, "/checkpoints/" + std::string(id) + "/targets");
  }
}

TEST_F(Checkpoints, ThatFailLeaveTheOthers) {
  const std::string path = dir_ / "dump.h5";
  {
    const TestFile file(path);
    add_checkpoint(file, "1");
    add_checkpoint(file, "2", 5);
    file.group("checkpoints/3");
    file.ramp("checkpoints/4", {4});
  }
  const DumpIndex dump = index_dump(path);
  ASSERT_EQ(dump.checkpoints.size(), 1U);
  EXPECT_EQ(dump.checkpoints[0].id, "1");
  ASSERT_EQ(dump.failures.size(), 3U);
  EXPECT_EQ(dump.failures[0].object, "/checkpoints/2/layers/fc/activations");
  EXPECT_THAT(dump.failures[0].message, HasSubstr("expected 5, as the targets /checkpoints/2/targets have"));
  EXPECT_EQ(dump.failures[1].object, "/checkpoints/3/targets");
  EXPECT_EQ(dump.failures[2].object, "/checkpoints/4");
}

TEST_F(Checkpoints, ThatAllFailMakeTheFileUseless) {
  {
    const TestFile file(dir_ / "dump.h5");
    file.group("checkpoints/3");
  }
  EXPECT_THAT(index_error(dir_ / "dump.h5"), HasSubstr("/checkpoints/3/targets: "));
  {
    const TestFile file(dir_ / "dump.h5");
    file.group("checkpoints");
  }
  EXPECT_THAT(index_error(dir_ / "dump.h5"), HasSubstr("/checkpoints: holds no checkpoint"));
}

TEST_F(Checkpoints, BesideLayersOfTheRootAreAllRead) {
  const DumpIndex dump = index_dump(write([](const TestFile& file) { add_checkpoint(file, "1"); }));
  ASSERT_EQ(dump.checkpoints.size(), 2U);
  EXPECT_EQ(dump.checkpoints[0].id, "1");
  EXPECT_EQ(dump.checkpoints[1].id, "");
}

}  // namespace
}  // namespace collapscope::testing
