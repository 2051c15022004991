// Reading around HDF5: the same bytes by any number of threads, from every kind of storage.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <thread>

#include "analysis/target_rows.hpp"
#include "hdf5/lzf.hpp"
#include "hdf5/lzf_pack.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t thread_counts[] = {1, 2, 5};

Stored chunked(Shape chunk, int deflate = 0, bool shuffle = false, bool fletcher32 = false) {
  Stored stored;
  stored.chunk = std::move(chunk);
  stored.deflate = deflate;
  stored.shuffle = shuffle;
  stored.fletcher32 = fletcher32;
  return stored;
}

std::size_t keep_bytes(unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) {
  return bytes;
}

// The bytes of all samples, read `band` samples at a time.
std::vector<std::byte> bytes_of(const DatasetIndex& index, std::uint64_t band, const ReadOptions& options) {
  const auto rows = open_rows(index, options);
  const std::uint64_t sample_bytes = index.bytes() / index.samples();
  std::vector<std::byte> bytes(index.bytes());
  for (std::uint64_t first = 0; first < index.samples(); first += band) {
    const std::uint64_t count = std::min(band, index.samples() - first);
    rows->read(first, count, std::span(bytes).subspan(first * sample_bytes, count * sample_bytes));
  }
  return bytes;
}

std::vector<std::byte> ramp_bytes(const DatasetIndex& index) {
  std::vector<float> numbers(index.bytes() / sizeof(float));
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  std::vector<std::byte> bytes(index.bytes());
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

struct EngineCase {
  const char* name;
  Shape shape;
  Stored stored;
};

// Large enough to be shared out.
std::vector<EngineCase> large_cases() {
  return {{"contiguous", {9000, 100}, {}},
          {"whole rows", {9000, 100}, chunked({1000, 100})},
          {"single rows", {9000, 100}, chunked({1, 100})},
          {"split features", {9000, 100}, chunked({782, 8})},
          {"one chunk", {9000, 100}, chunked({9000, 100}, 1)},
          {"gzip, automatic", {9000, 100}, chunked({782, 8}, 1)},
          {"gzip, rows", {9000, 100}, chunked({1000, 100}, 1)},
          {"gzip, single rows", {2000, 100}, chunked({1, 100}, 1)},
          {"gzip, shuffle, checksum", {9000, 100}, chunked({777, 33}, 1, true, true)},
          {"shuffle", {9000, 100}, chunked({999, 100}, 0, true)},
          {"checksum", {9000, 100}, chunked({999, 100}, 0, false, true)},
          {"layers in one dataset", {2500, 12, 32}, chunked({313, 1, 32}, 1)},
          {"images", {700, 5, 16, 16}, chunked({100, 3, 16, 7}, 1)}};
}

TEST(Engine, ReadsTheSameBytesOnAnyNumberOfThreads) {
  const TempDir dir;
  for (const EngineCase& test : large_cases()) {
    const DatasetIndex index = activations_of(write_dump(dir, test.shape, test.stored));
    EXPECT_EQ(index.through_hdf5, "") << test.name;
    const auto expected = ramp_bytes(index);
    for (const std::uint64_t threads : thread_counts) {
      for (const std::uint64_t band : {index.samples(), std::uint64_t{3001}}) {
        for (const std::uint64_t cache : {std::uint64_t{0}, std::uint64_t{1} << 24}) {
          EXPECT_TRUE(bytes_of(index, band, {cache, threads}) == expected)
              << test.name << ", threads " << threads << ", band " << band << ", cache " << cache;
        }
      }
    }
  }
}

TEST(Engine, ReadsTinyDatasets) {
  const TempDir dir;
  for (const Stored& stored :
       {Stored{}, chunked({1, 1}), chunked({1, 1}, 1), chunked({2, 3}, 1, true, true)}) {
    for (const Shape& shape : {Shape{1, 1}, Shape{3, 4}}) {
      Stored fitting = stored;
      for (std::size_t i = 0; i < fitting.chunk.size(); ++i) {
        fitting.chunk[i] = std::min(fitting.chunk[i], shape[i]);
      }
      const DatasetIndex index = activations_of(write_dump(dir, shape, fitting));
      for (const std::uint64_t threads : thread_counts) {
        EXPECT_EQ(bytes_of(index, 2, {0, threads}), ramp_bytes(index));
      }
    }
  }
}

TEST(Engine, ReadsFromAnywhere) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {1000, 64}, chunked({64, 16}, 1)));
  const auto expected = ramp_bytes(index);
  const auto rows = open_rows(index, ReadOptions{1 << 20, 2});
  for (const auto& [first, count] : std::vector<std::pair<std::uint64_t, std::uint64_t>>{
           {990, 10}, {0, 1}, {1, 999}, {100, 20}, {110, 30}, {130, 1}, {64, 64}, {63, 66}, {0, 1000}}) {
    std::vector<std::byte> out(count * 256);
    rows->read(first, count, out);
    EXPECT_EQ(std::memcmp(out.data(), expected.data() + first * 256, out.size()), 0) << first;
  }
}

// Bytes that this process has read from files; nullopt where the system does not say.
std::optional<std::uint64_t> bytes_read() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  return file >> name >> bytes && name == "rchar:" ? std::optional(bytes) : std::nullopt;
}

// A chunk for each column, and room for few of their samples.
TEST(Engine, FetchesLongChunksOnceForManySmallBands) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {100000, 4}, chunked({100000, 1}, 1)));
  const auto before = bytes_read();
  if (!before) {
    GTEST_SKIP() << "this system does not count what a process reads";
  }
  EXPECT_TRUE(bytes_of(index, 500, {400000, 1}) == ramp_bytes(index));  // a quarter of them
  EXPECT_LE(*bytes_read() - *before, 6 * index.stored_bytes);
}

TEST(Engine, FetchesLongChunksOfKeptTargetsOnce) {
  const TempDir dir;
  for (const int deflate : {0, 1}) {
    const DatasetIndex index = activations_of(write_dump(dir, {200000, 4}, chunked({200000, 1}, deflate)));
    const auto before = bytes_read();
    if (!before) {
      GTEST_SKIP() << "this system does not count what a process reads";
    }
    TargetRows targets({index}, std::uint64_t{1} << 24, 2, std::uint64_t{1} << 16);
    EXPECT_LE(*bytes_read() - *before, index.stored_bytes * 3 / 2) << deflate;
    TargetRows::Room room;
    const MatrixView<const double> rows = targets.read(0, 200000, room);
    for (const std::size_t row : {0U, 1U, 65535U, 131072U, 199999U}) {
      for (std::size_t column = 0; column < 4; ++column) {
        ASSERT_EQ(rows(row, column), static_cast<double>(4 * row + column));
      }
    }
    EXPECT_TRUE(std::ranges::equal(std::span(rows.data(), 800000), counting(800000)));
  }
}

// Destroys the stored bytes of chunks that were read: nothing reads them again.
TEST(Engine, FetchesEachChunkOnceInAnyBands) {
  const TempDir dir;
  for (const std::uint64_t band : {1U, 40U, 64U, 100U, 1000U}) {
    const std::string path = write_dump(dir, {1000, 64}, chunked({64, 16}, 1));
    std::vector<StoredChunk> chunks;
    {
      const TestFile file(path, TestFile::Mode::append);
      const Handle dataset(must(H5Dopen2(file.id(), "layers/fc/activations", H5P_DEFAULT)), H5Dclose);
      for (hsize_t row = 0; row < 1000; row += 64) {
        for (hsize_t column = 0; column < 64; column += 16) {
          chunks.push_back(stored_chunk(dataset, {row, column}));
        }
      }
    }
    const DatasetIndex index = activations_of(path);
    const auto expected = ramp_bytes(index);
    const auto rows = open_rows(index, ReadOptions{std::uint64_t{64} * 64 * 4, 2});
    std::vector<std::byte> bytes(index.bytes());
    std::size_t destroyed = 0;
    for (std::uint64_t first = 0; first < 1000; first += band) {
      const std::uint64_t count = std::min<std::uint64_t>(band, 1000 - first);
      rows->read(first, count, std::span(bytes).subspan(first * 256, count * 256));
      for (; destroyed < 4 * ((first + count + 63) / 64); ++destroyed) {
        const StoredChunk& chunk = chunks.at(destroyed);
        overwrite(path, chunk.address, std::vector<unsigned char>(chunk.size, 0xff));
      }
    }
    EXPECT_TRUE(bytes == expected) << band;
  }
}

TEST(Engine, ReadsLargeLzfChunks) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  constexpr hsize_t samples = 3000;
  {
    const TestFile file(path);
    file.ramp("targets", {samples});
    hdf5::register_lzf();
    const H5Z_class2_t filter{H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", nullptr, nullptr, keep_bytes};
    must(H5Zregister(&filter));
    const Handle creation = creation_properties({samples, 64}, chunked({500, 64}));
    must(H5Pset_filter(creation.get(), 32000, H5Z_FLAG_OPTIONAL, 0, nullptr));
    const Handle dataset =
        file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {samples, 64}, creation.get());
    for (hsize_t row = 0; row < samples; row += 500) {
      std::vector<float> numbers(std::size_t{500} * 64);
      std::iota(numbers.begin(), numbers.end(), static_cast<float>(row * 64));
      const auto* bytes = reinterpret_cast<const unsigned char*>(numbers.data());
      const auto packed = LzfPacker({bytes, numbers.size() * sizeof(float)}).pack();
      const Shape offset{row, 0};
      must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, offset.data(), packed.size(), packed.data()));
    }
  }
  must(H5Zunregister(32000));
  hdf5::register_lzf();
  const DatasetIndex index = activations_of(path);
  for (const std::uint64_t threads : thread_counts) {
    EXPECT_TRUE(bytes_of(index, 700, {1 << 20, threads}) == ramp_bytes(index));
  }
}

TEST(Engine, LeavesTheRestToHdf5) {
  const TempDir dir;
  Stored compact;
  compact.compact = true;
  EXPECT_THAT(activations_of(write_dump(dir, {5, 3}, compact)).through_hdf5, HasSubstr("compact"));
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {40});
    const Handle creation = creation_properties({40, 3}, chunked({16, 3}));
    must(H5Pset_scaleoffset(creation.get(), H5Z_SO_INT, 0));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_INT, {40, 3}, creation.get());
    std::vector<int> numbers(120);
    std::iota(numbers.begin(), numbers.end(), 0);
    must(H5Dwrite(dataset.get(), H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  }
  const DatasetIndex index = activations_of(dir / "dump.h5");
  EXPECT_THAT(index.through_hdf5, AllOf(HasSubstr("only HDF5 can undo"), HasSubstr("scaleoffset")));
  EXPECT_EQ(read_all(index, 7), counting(120));
}

// A dump written with a file access property list and a user block.
std::string write_with(const TempDir& dir, H5F_libver_t low, H5F_libver_t high, hsize_t user_block,
                       const Shape& shape, const Stored& stored, const Shape& largest = {}) {
  std::string path = dir / "dump.h5";
  const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  must(H5Pset_libver_bounds(access.get(), low, high));
  const Handle creation(must(H5Pcreate(H5P_FILE_CREATE)), H5Pclose);
  must(H5Pset_userblock(creation.get(), user_block));
  const Handle made(must(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get())), H5Fclose);
  const TestFile file(path, TestFile::Mode::append);
  file.ramp("targets", {shape[0]});
  const Handle storage = creation_properties(shape, stored);
  const Handle dataset =
      file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, storage.get(), largest);
  std::vector<float> numbers(
      std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>()));
  std::iota(numbers.begin(), numbers.end(), 0.0F);
  must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  for (int i = 0; i < 30; ++i) {
    file.attribute("layers/fc/activations", "note " + std::to_string(i), i);
  }
  return path;
}

TEST(Engine, ReadsOtherVersionsOfTheFormat) {
  const TempDir dir;
  const hsize_t any = H5S_UNLIMITED;
  for (const hsize_t user_block : {0U, 512U, 4096U}) {
    for (const Stored& stored : {Stored{}, chunked({7, 3}), chunked({7, 3}, 1), chunked({23, 10}, 1)}) {
      const DatasetIndex old = activations_of(
          write_with(dir, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST, user_block, {23, 10}, stored));
      EXPECT_EQ(old.through_hdf5, "");
      EXPECT_EQ(read_all(old, 5), counting(230)) << user_block;
      const DatasetIndex newer =
          activations_of(write_with(dir, H5F_LIBVER_V18, H5F_LIBVER_V18, user_block, {23, 10}, stored));
      EXPECT_EQ(newer.through_hdf5, "");
      EXPECT_EQ(read_all(newer, 5), counting(230)) << user_block;
    }
    for (const Shape& largest : {Shape{23, 10}, Shape{any, 10}, Shape{any, any}}) {
      for (const Stored& stored : {chunked({7, 3}), chunked({7, 3}, 1), chunked({23, 10}, 1)}) {
        const DatasetIndex latest = activations_of(
            write_with(dir, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST, user_block, {23, 10}, stored, largest));
        EXPECT_THAT(latest.through_hdf5, HasSubstr("B-tree"));
        EXPECT_EQ(read_all(latest, 5), counting(230)) << user_block;
      }
    }
  }
}

TEST(Engine, ReadsUnfilteredEdges) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  {
    const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
    must(H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST));
    const Handle made(must(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose);
    const TestFile file(path, TestFile::Mode::append);
    file.ramp("targets", {23});
    const Handle creation = creation_properties({23, 10}, chunked({7, 3}, 1));
    must(H5Pset_chunk_opts(creation.get(), H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {23, 10}, creation.get());
    std::vector<float> numbers(230);
    std::iota(numbers.begin(), numbers.end(), 0.0F);
    must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  }
  EXPECT_EQ(read_all(activations_of(path), 5), counting(230));
}

TEST(Engine, ServesSeveralReadersAtOnce) {
  const TempDir dir;
  const TempDir other;
  const DatasetIndex gzip = activations_of(write_dump(dir, {9000, 100}, chunked({782, 8}, 1)));
  const DatasetIndex plain = activations_of(write_dump(other, {9000, 100}, {}));
  const auto expected = ramp_bytes(plain);
  std::vector<std::thread> threads;
  std::vector<char> right(6, 0);
  for (std::size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      right[i] = bytes_of(i % 2 == 0 ? gzip : plain, 3001 + i, {1 << 22, 5}) == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_THAT(right, ::testing::Each(1));
}

}  // namespace
}  // namespace collapscope::testing
