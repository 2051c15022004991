// Dumps through helpers: the same as without, and damaged ones are an error.
#include <gmock/gmock.h>

#include "collapscope/dump/isolation.hpp"
#include "hdf5/in_process.hpp"
#include "hdf5/index_wire.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The bytes by which it would be sent.
std::vector<std::byte> sent(const DumpIndex& index) { return hdf5::index_answer(index); }

class Isolated : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { isolate_hdf5(); }
  static void TearDownTestSuite() { end_isolation(); }

  TempDir dir_;
};

Stored in_chunks(int deflate, bool extendible = false) {
  Stored stored;
  stored.chunk = {16, 3};
  stored.deflate = deflate;
  stored.extendible = extendible;
  return stored;
}

Stored in_the_header() {
  Stored stored;
  stored.compact = true;
  return stored;
}

TEST_F(Isolated, DumpsAreIndexedAndReadAsWithout) {
  for (const Stored& stored : {Stored{}, in_chunks(0), in_chunks(4), in_chunks(4, true), in_the_header()}) {
    const std::string path = write_dump(dir_, {100, 6}, stored);
    const DumpIndex index = index_dump(path);
    EXPECT_EQ(sent(index), sent(hdf5::index_in_process(path, {})));
    const DatasetIndex& activations = index.checkpoints.at(0).layers.at(0).activations;
    for (const std::uint64_t band : {1U, 7U, 100U}) {
      EXPECT_EQ(read_all(activations, band), counting(600));
    }
  }
}

TEST_F(Isolated, LongReadsComeInPieces) {
  const std::string path = write_dump(dir_, {40'000, 100}, in_chunks(1));
  DatasetIndex index = index_dump(path).checkpoints.at(0).layers.at(0).activations;
  index.chunk_store.reset();  // as where only HDF5 finds the chunks
  EXPECT_EQ(read_all(index, 40'000), counting(4'000'000));
}

TEST_F(Isolated, ErrorsAreAsWithout) {
  const std::string missing = dir_ / "none.h5";
  EXPECT_EQ(index_error(missing), input_error([&] { (void)hdf5::index_in_process(missing, {}); }));
  {
    const TestFile file(dir_ / "dump.h5");
    file.ramp("targets", {4});
    file.ramp("layers/ok/activations", {4, 3});
    file.ramp("layers/bad/activations", {5, 3});
  }
  const DumpIndex index = index_dump(dir_ / "dump.h5");
  EXPECT_EQ(sent(index), sent(hdf5::index_in_process(dir_ / "dump.h5", {})));
  EXPECT_EQ(index.failures.size(), 1U);
  IndexOptions two_stars;
  two_stars.naming.activations = "*/*";
  EXPECT_THROW((void)index_dump(dir_ / "dump.h5", two_stars), UsageError);
}

// A string of variable length whose place in the global heap is another: HDF5 1.10 reads outside of it, or
// never comes to an end. Any answer will do that is one.
TEST_F(Isolated, DamagedHeapsEndNothing) {
  const std::string path = dir_ / "dump.h5";
  {
    const TestFile file(path);
    file.ramp("targets", {4});
    file.ramp("layers/fc/activations", {4, 3});
    file.variable_attribute("layers/fc", "kind", "linear");
    file.variable_attribute("layers/fc", "note", "longer than the other one");
  }
  const std::vector<unsigned char> sound = file_bytes(path);
  const std::string text(sound.begin(), sound.end());
  const std::size_t heap = text.find("GCOL");
  ASSERT_NE(heap, std::string::npos);
  int ended = 0;
  for (std::size_t at = heap; at < heap + 96; ++at) {
    for (const unsigned char value : {std::uint8_t{0}, std::uint8_t{255}}) {
      overwrite(path, at, {value});
      try {
        (void)index_dump(path);
      } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("dump.h5: "));
        ended += std::string(error.what()).find("the process that read it with HDF5") != std::string::npos;
      }
      overwrite(path, at, {sound[at]});
    }
  }
  EXPECT_EQ(index_dump(path).checkpoints.size(), 1U);
  RecordProperty("ended", ended);
}

}  // namespace
}  // namespace collapscope::testing
