// Data that is missing, damaged, or too large to be meant.
#include <gmock/gmock.h>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A dump with activations [10, 6] in chunks (4, 3), of which only the chunks at `offsets` are written.
std::string write_some_chunks(const TempDir& dir, const std::vector<Shape>& offsets) {
  std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {10});
  Stored stored;
  stored.chunk = {4, 3};
  const Handle dataset = file.dataset<float>("layers/fc/activations", {10, 6}, {}, stored);
  const std::vector<float> chunk(12, 1.0F);
  for (const Shape& offset : offsets) {
    must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset.data(), chunk.size() * sizeof(float),
                        chunk.data()));
  }
  return path;
}

TEST(NeverWritten, ChunksAreNamed) {
  const TempDir dir;
  EXPECT_THAT(index_error(write_some_chunks(dir, {{0, 0}, {0, 3}, {4, 0}, {8, 0}, {8, 3}})),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "),
                    HasSubstr("chunk at [4, 3] (samples 4 to 7)"), HasSubstr("found 5 chunks, expected 6")));
  EXPECT_THAT(index_error(write_some_chunks(dir, {{0, 0}, {0, 3}, {4, 0}, {4, 3}, {8, 0}})),
              HasSubstr("chunk at [8, 3] (samples 8 to 9)"));
  EXPECT_THAT(index_error(write_some_chunks(dir, {})),
              AllOf(HasSubstr("chunk at [0, 0]"), HasSubstr("found 0 chunks, expected 6")));
}

TEST(NeverWritten, ContiguousDataIsAnError) {
  const TempDir dir;
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {10});
    file.dataset<float>("layers/fc/activations", {10, 6}, {});
  }
  EXPECT_THAT(index_error(dir / "dump.h5"),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("240 B were never written")));
}

TEST(NeverWritten, HugeShapesCostNothing) {
  const TempDir dir;
  for (const Shape& shape : {Shape{hsize_t{1} << 40, 4096}, Shape{hsize_t{1} << 62, 4096}}) {
    {
      const TestFile file(dir / "dump.h5");
      file.ramp("targets", {10});
      Stored stored;
      stored.chunk = {64, 4096};
      file.dataset<double>("layers/fc/activations", shape, {}, stored);
    }
    EXPECT_THAT(index_error(dir / "dump.h5"),
                AllOf(HasSubstr("/layers/fc/activations"),
                      HasSubstr(shape[0] == hsize_t{1} << 40 ? "never written" : "[4611686018427387904")));
  }
}

// A file of the v110 format, whose indexes of chunks have an entry for each that is declared.
Handle create_v110(const std::string& path) {
  const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  must(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110));
  return {must(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose};
}

TEST(NeverWritten, OneOfVeryManyChunksIsNotCounted) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  { const Handle file = create_v110(path); }
  {
    const TestFile file(path, TestFile::Mode::append);
    file.ramp("targets", {10});
    Stored stored;
    stored.chunk = {hsize_t{1} << 20, 1};
    const Handle dataset =
        file.dataset<std::uint8_t>("layers/fc/activations", {hsize_t{1} << 40, 4}, {}, stored);
    const std::vector<std::uint8_t> numbers(std::size_t{1} << 20, 1);
    const Shape first{0, 0};
    must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, first.data(), numbers.size(), numbers.data()));
  }
  EXPECT_THAT(index_error(path), AllOf(HasSubstr("dump.h5: /layers/fc/activations: the chunk at "),
                                       HasSubstr("was never written"),
                                       HasSubstr("expected 4194304 chunks for shape [1099511627776, 4]")));
}

TEST(Chunks, InTooGreatANumberAreRefused) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  constexpr hsize_t count = (hsize_t{1} << 26) + 1;
  { const Handle file = create_v110(path); }
  {
    const TestFile file(path, TestFile::Mode::append);
    file.ramp("layers/fc/activations", {4, 3});
    Stored stored;
    stored.chunk = {1};
    const Handle creation = creation_properties({count}, stored);
    must(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY));  // an index that is not stored
    must(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER));
    const Handle dataset = file.create("targets", H5T_NATIVE_UINT8, {count}, creation.get());
  }
  EXPECT_THAT(index_error(path),
              AllOf(HasSubstr("/targets: found 67108865 chunks of shape [1]; expected at most 67108864"),
                    HasSubstr("h5repack")));
}

TEST(Chunks, LargerThanAllowedAreRefused) {
  const TempDir dir;
  Stored stored;
  stored.chunk = {10, 6};
  const std::string path = write_dump(dir, {10, 6}, stored);
  IndexOptions options;
  options.max_chunk_bytes = 240;
  EXPECT_NO_THROW((void)index_dump(path, options));
  options.max_chunk_bytes = 239;
  EXPECT_THAT(index_error(path, options),
              AllOf(HasSubstr("/layers/fc/activations"), HasSubstr("found chunks of shape [10, 6]"),
                    HasSubstr("at most 239 B")));
}

TEST(ExternalRawStorage, IsRefused) {
  const TempDir dir;
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {4});
    const Handle creation = creation_properties({4, 3}, {});
    must(H5Pset_external(creation.get(), "/etc/passwd", 0, 48));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {4, 3}, creation.get());
  }
  EXPECT_THAT(index_error(dir / "dump.h5"),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("external raw storage")));
}

// Damages the stored bytes of the second row of chunks; returns what reading says.
std::string read_damaged(const Stored& stored) {
  const TempDir dir;
  std::string path = dir / "dump.h5";
  StoredChunk chunk;
  {
    const TestFile file(path);
    file.ramp("targets", {20});
    std::vector<float> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 0.0F);
    const Handle dataset = file.dataset("layers/fc/activations", {20, 50}, numbers, stored);
    chunk = stored_chunk(dataset, {5, 0});
  }
  overwrite(path, chunk.address + chunk.size / 2, {0xde, 0xad, 0xbe, 0xef, 0xde, 0xad});
  const DatasetIndex index = activations_of(path);
  const auto rows = open_rows(index, 1 << 20);
  std::vector<std::byte> out(std::size_t{5} * 50 * sizeof(float));
  EXPECT_NO_THROW(rows->read(0, 5, out));
  return input_error([&] { rows->read(5, 5, out); });
}

TEST(Damage, OfCompressedChunksNamesTheSamples) {
  Stored stored;
  stored.chunk = {5, 50};
  stored.deflate = 6;
  EXPECT_THAT(read_damaged(stored), AllOf(HasSubstr("dump.h5: /layers/fc/activations: "),
                                          HasSubstr("samples 5 to 9"), HasSubstr("deflate: ")));
}

TEST(Damage, IsSeenByChecksums) {
  Stored stored;
  stored.chunk = {5, 50};
  stored.fletcher32 = true;
  EXPECT_THAT(read_damaged(stored),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 5 to 9"),
                    HasSubstr("fletcher32: found checksum")));
}

// `bytes` zeros, deflated by HDF5.
std::vector<unsigned char> deflated_zeros(const TempDir& dir, hsize_t bytes) {
  const TestFile file(dir / "zeros.h5");
  Stored stored;
  stored.chunk = {bytes};
  stored.deflate = 9;
  const Handle dataset =
      file.dataset<std::uint8_t>("zeros", {bytes}, std::vector<std::uint8_t>(bytes, 0), stored);
  std::vector<unsigned char> packed(stored_chunk(dataset, {0}).size);
  const Shape origin{0};
  std::uint32_t mask = 0;
  must(H5Dread_chunk(dataset.get(), H5P_DEFAULT, origin.data(), &mask, packed.data()));
  return packed;
}

// A dump with one chunk of 4 KiB whose stored bytes inflate to `bytes`.
std::string write_inflating_chunk(const TempDir& dir, hsize_t bytes) {
  std::string path = dir / "dump.h5";
  const auto packed = deflated_zeros(dir, bytes);
  const TestFile file(path);
  file.ramp("targets", {8});
  Stored stored;
  stored.chunk = {8, 128};
  stored.deflate = 9;
  const Handle dataset = file.dataset<float>("layers/fc/activations", {8, 128}, {}, stored);
  const Shape origin{0, 0};
  must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, origin.data(), packed.size(), packed.data()));
  return path;
}

TEST(Bomb, IsRefusedBeforeItInflates) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_inflating_chunk(dir, hsize_t{100} << 20));
  const auto rows = open_rows(index, 1 << 20);
  std::vector<std::byte> out(4096);
  EXPECT_THAT(input_error([&] { rows->read(0, 8, out); }),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 0 to 7"),
                    HasSubstr("stored bytes"), HasSubstr("expected at most 69672"), HasSubstr("4.0 KiB")));
}

// Small enough as stored; HDF5 would inflate it and take the first bytes.
TEST(Bomb, IsRefusedInTheSourceOfAVirtualDataset) {
  const TempDir dir;
  (void)write_inflating_chunk(dir, hsize_t{60} << 20);
  {
    const TestFile file(dir / "virtual.h5");
    file.ramp("targets", {8});
    const Shape shape{8, 128};
    const Handle space(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
    const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    must(H5Pset_virtual(creation.get(), space.get(), "dump.h5", "layers/fc/activations", space.get()));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, creation.get());
  }
  const DatasetIndex index = activations_of(dir / "virtual.h5");
  EXPECT_THAT(input_error([&] { (void)read_all(index, 8); }),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 0 to 7"),
                    HasSubstr("does not end after the 4096 bytes expected")));
}

// Which HDF5 reads: the columns of the source in two parts.
TEST(Bomb, IsRefusedInTheSourceOfPartsOfSamples) {
  for (const hsize_t bytes : {hsize_t{60} << 20, hsize_t{4096}}) {
    const TempDir dir;
    (void)write_inflating_chunk(dir, bytes);
    {
      const TestFile file(dir / "virtual.h5");
      file.ramp("targets", {8});
      const Shape shape{8, 128};
      const Shape half{8, 64};
      const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
      for (const hsize_t column : {0U, 64U}) {
        const Shape from{0, column};
        const Shape to{0, 64 - column};
        const Handle source(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
        const Handle target(must(H5Scopy(source.get())), H5Sclose);
        must(H5Sselect_hyperslab(source.get(), H5S_SELECT_SET, from.data(), nullptr, half.data(), nullptr));
        must(H5Sselect_hyperslab(target.get(), H5S_SELECT_SET, to.data(), nullptr, half.data(), nullptr));
        must(H5Pset_virtual(creation.get(), target.get(), "dump.h5", "layers/fc/activations", source.get()));
      }
      const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, creation.get());
    }
    const DatasetIndex index = activations_of(dir / "virtual.h5");
    ASSERT_EQ(index.sources, nullptr);
    if (bytes == 4096) {
      EXPECT_EQ(read_all(index, 8), std::vector<double>(1024, 0.0));
      continue;
    }
    EXPECT_THAT(input_error([&] { (void)read_all(index, 8); }),
                AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 0 to 7"),
                      HasSubstr("does not end after the 4096 bytes expected")));
  }
}

TEST(Bomb, CheckLetsChunksOfTheRightSizeThrough) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_inflating_chunk(dir, 4096));
  EXPECT_EQ(read_all(index, 8), std::vector<double>(1024, 0.0));
}

// HDF5 itself returns what lies in memory behind a chunk that is too short.
TEST(Damage, IsSeenWhenChunksInflateToAnotherSize) {
  const TempDir dir;
  for (const auto& [size, text] : {std::pair<hsize_t, const char*>{4095, "found 4095 bytes, expected 4096"},
                                   {4097, "does not end after the 4096 bytes expected"},
                                   {1, "found 1 bytes, expected 4096"}}) {
    const DatasetIndex index = activations_of(write_inflating_chunk(dir, size));
    EXPECT_THAT(
        input_error([&, &read = index] { (void)read_all(read, 8); }),
        AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 0 to 7"), HasSubstr(text)));
  }
}

TEST(Damage, IsSeenWhenUnfilteredChunksHaveAnotherSize) {
  const TempDir dir;
  for (const std::size_t size : {4096U, 4092U}) {
    {
      const TestFile file(dir / "dump.h5");
      file.ramp("targets", {8});
      Stored stored;
      stored.chunk = {8, 128};
      stored.deflate = 9;
      const Handle dataset = file.dataset<float>("layers/fc/activations", {8, 128}, {}, stored);
      const std::vector<float> ones(1024, 1.0F);
      const Shape origin{0, 0};
      must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 1, origin.data(), size, ones.data()));
    }
    const DatasetIndex index = activations_of(dir / "dump.h5");
    if (size == 4096) {
      EXPECT_EQ(read_all(index, 8), std::vector<double>(1024, 1.0));
    } else {
      EXPECT_THAT(input_error([&, &read = index] { (void)read_all(read, 8); }),
                  HasSubstr("found 4092 bytes, expected 4096"));
    }
  }
}

TEST(EmptyDatasets, AreErrors) {
  const TempDir dir;
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {4});
    Stored stored;
    stored.chunk = {4, 3};
    stored.extendible = true;
    file.dataset<float>("layers/fc/activations", {0, 3}, {}, stored);
  }
  EXPECT_THAT(index_error(dir / "dump.h5"),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("found shape [0, 3]"),
                    HasSubstr("expected at least one sample")));
}

// The shape says that there is one number, the storage that there are chunks.
TEST(Chunks, OfASingleNumberAreRefused) {
  const TempDir dir;
  constexpr hsize_t samples = 12345;
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {samples});
    Stored stored;
    stored.chunk = {samples};
    stored.deflate = 1;
    file.ramp("layers/fc/activations", {samples}, stored);
  }
  // Of the shape: a version, the number of axes, flags and nothing, how long they are.
  const std::vector<unsigned char> shape{0x39, 0x30, 0, 0, 0, 0, 0, 0};
  const std::vector<unsigned char> bytes = file_bytes(dir / "dump.h5");
  int found = 0;
  for (auto at = bytes.begin() + 8;; ++at) {
    at = std::search(at, bytes.end(), shape.begin(), shape.end());
    if (at == bytes.end()) {
      break;
    }
    if (at[-8] == 1 && at[-7] == 1 && ++found == 2) {  // of the activations
      overwrite(dir / "dump.h5", static_cast<std::uint64_t>(at - bytes.begin()) - 7, {0});
    }
  }
  ASSERT_EQ(found, 2);
  EXPECT_THAT(index_error(dir / "dump.h5"),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("chunks of a single number")));
}

}  // namespace
}  // namespace collapscope::testing
