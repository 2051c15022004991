// Files that change between the first look at them and the last.
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fcntl.h>
#include <chrono>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Stored in_chunks(int deflate) {
  Stored stored;
  stored.chunk = {2, 3};
  stored.deflate = deflate;
  return stored;
}

Stored in_the_header() {
  Stored stored;
  stored.compact = true;
  return stored;
}

// Plain, around HDF5, and through it.
std::vector<Stored> storages() { return {{}, in_chunks(0), in_chunks(5), in_the_header()}; }

// Nothing in it is another, but when it was written.
void touch(const std::string& path) {
  const auto written = std::filesystem::last_write_time(path);
  std::filesystem::last_write_time(path, written + std::chrono::seconds(1));
}

TEST(Changes, BeforeReadingAreAnError) {
  for (const Stored& stored : storages()) {
    const TempDir dir;
    const DatasetIndex index = activations_of(write_dump(dir, {5, 3}, stored));
    EXPECT_EQ(read_all(index, 5), counting(15));
    touch(index.file);
    EXPECT_THAT(input_error([&] { (void)open_rows(index, 0); }),
                AllOf(HasSubstr("dump.h5: /layers/fc/activations: the file has changed meanwhile: found "),
                      HasSubstr(" bytes, written at "), HasSubstr("expected ")));
  }
}

TEST(Changes, WhileReadingAreSeenAfterwards) {
  for (const Stored& stored : storages()) {
    const TempDir dir;
    const DatasetIndex index = activations_of(write_dump(dir, {5, 3}, stored));
    const auto rows = open_rows(index, 0);
    std::vector<std::byte> out(index.bytes());
    rows->read(0, 5, out);
    EXPECT_NO_THROW(require_unchanged(index));
    touch(index.file);
    EXPECT_THAT(input_error([&] { require_unchanged(index); }), HasSubstr("the file has changed meanwhile"));
    std::filesystem::remove(index.file);
    EXPECT_THAT(input_error([&] { require_unchanged(index); }), HasSubstr("it is no longer there"));
  }
}

TEST(Changes, OfTheSourcesOfAVirtualDatasetAreSeen) {
  const TempDir dir;
  (void)write_dump(dir, {5, 3}, {});
  {
    const TestFile file(dir / "virtual.h5");
    file.ramp("targets", {5});
    const Shape shape{5, 3};
    const Handle space(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
    const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    must(H5Pset_virtual(creation.get(), space.get(), "dump.h5", "layers/fc/activations", space.get()));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, creation.get());
  }
  const DatasetIndex index = activations_of(dir / "virtual.h5");
  EXPECT_EQ(read_all(index, 5), counting(15));
  EXPECT_NO_THROW(require_unchanged(index));
  touch(dir / "dump.h5");
  EXPECT_THAT(input_error([&] { require_unchanged(index); }), HasSubstr("dump.h5: /layers/fc/activations"));
  EXPECT_THAT(input_error([&] { (void)read_all(index, 5); }), HasSubstr("dump.h5: /layers/fc/activations"));
}

// Other contents, of the same size and time as far as a file system tells.
TEST(Changes, OfTheShapeAreSeenWhereTimesAreNot) {
  const TempDir dir;
  DatasetIndex index = activations_of(write_dump(dir, {5, 3}, in_the_header()));
  index.state.reset();
  (void)write_dump(dir, {6, 3}, in_the_header());
  EXPECT_THAT(
      input_error([&] { (void)open_rows(index, 0); }),
      AllOf(HasSubstr("/layers/fc/activations"), HasSubstr("has changed"), HasSubstr("found float32 numbers"),
            HasSubstr("[6, 3]"), HasSubstr("expected"), HasSubstr("[5, 3]")));
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {5});
  }
  EXPECT_THAT(input_error([&] { (void)open_rows(index, 0); }), HasSubstr("no such object"));
}

TEST(Changes, ToAPipeKeepNobodyWaiting) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {5, 3}, {}));
  std::filesystem::remove(index.file);
  ASSERT_EQ(::mkfifo(index.file.c_str(), 0600), 0);
  EXPECT_THAT(input_error([&] { (void)open_rows(index, 0); }), HasSubstr("is not a regular file"));
}

TEST(Changes, AreForbiddenToOthersWhereThereAreLocks) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {5, 3}, {}));
  const int writer = ::open(index.file.c_str(), O_RDWR | O_CLOEXEC);
  {
    const auto rows = open_rows(index, 0);
    EXPECT_NE(::flock(writer, LOCK_EX | LOCK_NB), 0);
  }
  EXPECT_EQ(::flock(writer, LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(input_error([&] { (void)open_rows(index, 0); }), HasSubstr("open for writing"));
  ::close(writer);
}

}  // namespace
}  // namespace collapscope::testing
