// Values as bytes and back.
#include "core/pack.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "analysis/outcome.hpp"
#include "analysis/part_fields.hpp"

namespace collapscope {
namespace {

TEST(Pack, GivesBackWhatWasPut) {
  Matrix matrix(2, 3);
  matrix(1, 2) = -0.0;
  matrix(0, 0) = std::numeric_limits<double>::denorm_min();
  Packer packer;
  packer.put(std::uint64_t{7});
  packer.put(std::string("a\0b", 3));
  packer.put(matrix);
  packer.put(std::vector<double>{1, 2});
  packer.put(std::optional<std::string>());
  packer.put(std::vector<std::optional<double>>{{}, 3.5});
  packer.put(Value(std::vector<double>{4}));
  packer.put(std::pair<std::string, AttributeValue>("x", std::uint64_t{1} << 63U));
  packer.put(false);
  const Bytes bytes = packer.take();
  Unpacker unpacker(bytes);
  EXPECT_EQ(unpacker.get<std::uint64_t>(), 7U);
  EXPECT_EQ(unpacker.get<std::string>(), std::string("a\0b", 3));
  const Matrix back = unpacker.get<Matrix>();
  EXPECT_EQ(back, matrix);
  EXPECT_TRUE(std::signbit(back(1, 2)));
  EXPECT_EQ(unpacker.get<std::vector<double>>(), (std::vector<double>{1, 2}));
  EXPECT_EQ(unpacker.get<std::optional<std::string>>(), std::nullopt);
  EXPECT_EQ(unpacker.get<std::vector<std::optional<double>>>(),
            (std::vector<std::optional<double>>{{}, 3.5}));
  EXPECT_EQ(unpacker.get<Value>(), Value(std::vector<double>{4}));
  EXPECT_EQ((unpacker.get<std::pair<std::string, AttributeValue>>()),
            (std::pair<std::string, AttributeValue>("x", std::uint64_t{1} << 63U)));
  EXPECT_FALSE(unpacker.get<bool>());
  EXPECT_NO_THROW(unpacker.end());
}

TEST(Pack, StructuresGoFieldByField) {
  RankOutcome outcome;
  outcome.bytes_read = 5;
  outcome.end.was_stopped = true;
  outcome.fallbacks.add(Fallback{"layer", "cpu", "lost", 3});
  CheckpointOutcome& checkpoint = outcome.checkpoints.emplace_back();
  checkpoint.samples = 12;
  checkpoint.targets.add({"target_dim", std::int64_t{3}});
  checkpoint.classes = CheckpointClasses{{-1, 4}, {"a", ""}, {3, 9}, {std::nullopt, 0.5}};
  LayerClasses classes;
  classes.rows = {3, 9};
  classes.nearest = {4, std::nullopt};
  classes.cosines = {0.25};
  classes.notes = {{"weight_cosine", "no weight"}};
  checkpoint.layers.push_back({4, MetricSet(), classes, Nrc3Inputs{"fc", Matrix(2, 2), Matrix(2, 2), 0.5},
                               Failure{"a.h5", "fc", "found NaN"}});
  const auto back = unpacked<RankOutcome>(packed(outcome));
  EXPECT_EQ(back.bytes_read, 5U);
  EXPECT_TRUE(back.end.was_stopped);
  EXPECT_EQ(back.fallbacks, outcome.fallbacks);
  ASSERT_EQ(back.checkpoints.size(), 1U);
  EXPECT_EQ(back.checkpoints[0].samples, 12U);
  EXPECT_EQ(back.checkpoints[0].targets, checkpoint.targets);
  EXPECT_EQ(back.checkpoints[0].classes, checkpoint.classes);
  ASSERT_EQ(back.checkpoints[0].layers.size(), 1U);
  EXPECT_EQ(back.checkpoints[0].layers[0].nrc3->lambda_min, 0.5);
  EXPECT_EQ(back.checkpoints[0].layers[0].classes, classes);
  EXPECT_EQ(back.checkpoints[0].layers[0].failure->message, "found NaN");
}

// Whatever is cut off, or says that it is longer than it is.
TEST(Pack, AShortMessageIsAnError) {
  PartInput input;
  input.metrics = "nrc*";
  input.checkpoints.resize(2);
  for (Checkpoint& checkpoint : input.checkpoints) {
    checkpoint.shards.resize(1);
    checkpoint.shards[0].layers.resize(3);
  }
  const Bytes bytes = packed(input);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW((void)unpacked<PartInput>(std::span(bytes).first(size)), Error) << size;
  }
  Packer packer;
  packer.put(std::uint64_t{1} << 62U);
  packer.put(std::uint64_t{1} << 62U);
  const Bytes long_ones = packer.take();
  EXPECT_THROW((void)unpacked<std::vector<double>>(long_ones), Error);
  EXPECT_THROW((void)unpacked<Matrix>(long_ones), Error);
  EXPECT_THROW((void)unpacked<std::string>(long_ones), Error);
}

// What says nothing that can be.
TEST(Pack, NonsenseIsAnError) {
  const auto bytes_of = [](const auto& value) { return packed(value); };
  EXPECT_THROW((void)unpacked<bool>(bytes_of(std::uint8_t{2})), MessageError);
  EXPECT_EQ(unpacked<Storage>(bytes_of(Storage::raw)), Storage::raw);
  EXPECT_THROW((void)unpacked<Storage>(bytes_of(std::uint8_t{5})), MessageError);
  EXPECT_THROW((void)unpacked<AttributeValue>(bytes_of(std::uint64_t{5})), MessageError);
  EXPECT_THROW((void)unpacked<std::vector<Failure>>(bytes_of(std::uint64_t{1} << 40U)), MessageError);
  EXPECT_THROW((void)unpacked<bool>(bytes_of(std::uint16_t{1})), MessageError);  // a byte is left
}

// Virtual datasets of virtual datasets, to an end.
TEST(Pack, PointersGoDeepButNotForEver) {
  const auto nested = [](int depth) {
    DatasetIndex dataset;
    dataset.file = "innermost";
    for (int i = 0; i < depth; ++i) {
      auto samples = std::make_shared<VirtualSamples>();
      samples->sources.push_back(dataset);
      samples->ranges.push_back({1, 2, 3, 4});
      dataset = DatasetIndex();
      dataset.sources = samples;
    }
    return packed(dataset);
  };
  const auto back = unpacked<DatasetIndex>(nested(2));
  EXPECT_EQ(back.sources->sources.at(0).sources->sources.at(0).file, "innermost");
  EXPECT_EQ(back.sources->ranges.at(0).source, 3U);
  EXPECT_NO_THROW((void)unpacked<DatasetIndex>(nested(12)));
  EXPECT_THROW((void)unpacked<DatasetIndex>(nested(13)), MessageError);
}

}  // namespace
}  // namespace collapscope
