// What helpers answer: the same on the other side, and no bytes do harm.
#include "hdf5/index_wire.hpp"

#include <gmock/gmock.h>

#include <random>

#include "hdf5/in_process.hpp"
#include "hdf5/index_check.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

// A dump with layers of every storage, an alternative for every optional part, and a failure.
std::string write_rich_dump(const TempDir& dir) {
  std::string path = dir / "rich.h5";
  const TestFile file(path);
  file.ramp("targets", {20, 2});
  file.ramp("predictions", {20, 2});
  file.attribute("/", "run", "a run");
  file.attribute("/", "step", 3.5);
  file.attribute("/", "flag", true);
  Stored chunks;
  chunks.chunk = {4, 2};
  chunks.deflate = 3;
  chunks.shuffle = true;
  Stored compact;
  compact.compact = true;
  file.ramp("layers/plain/activations", {20, 3});
  file.ramp("layers/plain/weight", {2, 3});
  file.ramp("layers/plain/bias", {2});
  file.attribute("layers/plain", "index", 4);
  file.ramp("layers/chunks/activations", {20, 6}, chunks);
  file.ramp("layers/compact/activations", {20, 3}, compact);
  file.ramp("layers/sequences/activations", {20, 5, 3});
  file.attribute("layers/sequences", "pool", "last");
  file.ramp("layers/short/activations", {19, 3});
  const Shape shape{20, 3};
  const Handle space(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
  const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  must(H5Pset_virtual(creation.get(), space.get(), ".", "layers/plain/activations", space.get()));
  const Handle shown = file.create("layers/virtual/activations", H5T_NATIVE_FLOAT, shape, creation.get());
  return path;
}

class Answers : public ::testing::Test {
 protected:
  Answers() : path_(write_rich_dump(dir_)), index_(hdf5::index_in_process(path_, {})) {}

  TempDir dir_;
  std::string path_;
  DumpIndex index_;
};

TEST_F(Answers, SayTheSameOnTheOtherSide) {
  ASSERT_EQ(index_.checkpoints.at(0).layers.size(), 5U);
  ASSERT_EQ(index_.failures.size(), 1U);
  const auto bytes = hdf5::index_answer(index_);
  const DumpIndex read = hdf5::read_index_answer(bytes);
  EXPECT_EQ(hdf5::index_answer(read), bytes);
  EXPECT_NO_THROW(hdf5::check_index(read, path_, {}));
  EXPECT_EQ(read.checkpoints.at(0).number("step"), 3.5);
}

TEST_F(Answers, TellFailures) {
  const auto answer_to = [](auto failure) {
    try {
      throw failure;
    } catch (const std::exception&) {
      return hdf5::failure_answer();
    }
  };
  try {
    (void)hdf5::read_index_answer(answer_to(InputError("f.h5", "/o", "found\x1b[2J")));
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_EQ(error.file(), "f.h5");
    EXPECT_EQ(error.object(), "/o");
    EXPECT_EQ(error.message().find('\x1b'), std::string::npos);
  }
  EXPECT_THROW((void)hdf5::read_index_answer(answer_to(UsageError("u"))), UsageError);
  EXPECT_THROW((void)hdf5::read_number_answer(answer_to(std::bad_alloc())), Error);
}

// Any damaged answer is refused, or is one that a file could give.
TEST_F(Answers, ThatAreDamagedDoNoHarm) {
  const auto sound = hdf5::index_answer(index_);
  std::mt19937 dice(1);
  int refused = 0;
  constexpr int tries = 20'000;
  for (int i = 0; i < tries; ++i) {
    auto bytes = sound;
    for (auto hits = 1 + dice() % 3; hits > 0; --hits) {
      bytes[dice() % bytes.size()] = static_cast<std::byte>(dice() % 4 == 0 ? 0xffU : dice() % 256);
    }
    if (dice() % 8 == 0) {
      bytes.resize(dice() % bytes.size());
    }
    try {
      const DumpIndex read = hdf5::read_index_answer(bytes);
      hdf5::check_index(read, path_, {});
      for (const LayerIndex& layer :
           read.checkpoints.empty() ? std::vector<LayerIndex>() : read.checkpoints[0].layers) {
        EXPECT_EQ(layer.activations.file, path_);
        if (layer.activations.through_hdf5.empty() && layer.activations.bytes() < 1'000'000) {
          try {
            (void)read_all(layer.activations, 7);
          } catch (const Error&) {
          }
        }
      }
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, tries / 4);
}

TEST_F(Answers, ThatCannotBeTrueAreRefused) {
  using Change = std::function<void(CheckpointIndex&)>;
  const auto layer = [](CheckpointIndex& checkpoint, const std::string& name) -> LayerIndex& {
    return *std::ranges::find(checkpoint.layers, name, &LayerIndex::name);
  };
  const std::vector<std::pair<const char*, Change>> lies{
      {"another file", [](auto& c) { c.targets.file = "/etc/passwd"; }},
      {"another folder", [](auto& c) { c.targets.folder = "/"; }},
      {"no state", [](auto& c) { c.targets.state.reset(); }},
      {"another path", [](auto& c) { c.path = "other.h5"; }},
      {"bytes outside", [](auto& c) { c.targets.address = c.targets.state->bytes - 8; }},
      {"a shape of nothing", [](auto& c) { c.targets.shape = {}; }},
      {"a shape with zeros",
       [](auto& c) {
         c.targets.shape = {20, 0};
       }},
      {"a shape beyond all",
       [](auto& c) {
         c.targets.shape = {std::uint64_t{1} << 40, std::uint64_t{1} << 40};
       }},
      {"plain bytes", [](auto& c) { c.targets.storage = Storage::raw; }},
      {"chunks of nothing",
       [&](auto& c) {
         layer(c, "chunks").activations.chunk = {0, 2};
       }},
      {"chunks of other axes", [&](auto& c) { layer(c, "chunks").activations.chunk = {4}; }},
      {"an empty shuffle",
       [&](auto& c) { layer(c, "chunks").activations.chunk_store->filters[0].element_size = 0; }},
      {"another number of samples",
       [&](auto& c) {
         layer(c, "plain").activations.shape = {19, 3};
       }},
      {"another layout", [&](auto& c) { layer(c, "plain").layout = Layout::nchw; }},
      {"a weight that does not fit",
       [&](auto& c) {
         layer(c, "plain").weight->shape = {2, 2};
       }},
      {"a bias that does not fit", [&](auto& c) { layer(c, "plain").bias->shape = {3}; }},
      {"predictions of others", [](auto& c) {
         c.predictions->shape = {19, 2};
       }}};
  for (const auto& [what, change] : lies) {
    DumpIndex lie = index_;
    change(lie.checkpoints.at(0));
    EXPECT_THROW(hdf5::check_index(lie, path_, {}), MessageError) << what;
  }
}

TEST_F(Answers, OfSamplesThatNoSourceHasAreRefused) {
  using Change = std::function<void(VirtualSamples&)>;
  const std::vector<std::pair<const char*, Change>> lies{
      {"no ranges", [](auto& s) { s.ranges.clear(); }},
      {"another source", [](auto& s) { s.ranges[0].source = 1; }},
      {"beyond the source", [](auto& s) { s.ranges[0].source_first = 1; }},
      {"too few", [](auto& s) { s.ranges[0].count = 19; }},
      {"later ones", [](auto& s) { s.ranges[0].first = 1; }},
      {"other numbers", [](auto& s) {
         s.sources[0].shape = {20, 2};
       }}};
  for (const auto& [what, change] : lies) {
    DumpIndex lie = index_;
    auto& layers = lie.checkpoints.at(0).layers;
    DatasetIndex& shown = std::ranges::find(layers, "virtual", &LayerIndex::name)->activations;
    VirtualSamples samples = *shown.sources;
    change(samples);
    shown.sources = std::make_shared<const VirtualSamples>(samples);
    EXPECT_THROW(hdf5::check_index(lie, path_, {}), MessageError) << what;
  }
}

}  // namespace
}  // namespace collapscope::testing
