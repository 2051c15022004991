// Storage layouts, read in bands of any size.
#include <gmock/gmock.h>

#include <array>
#include <limits>
#include <thread>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct LayoutCase {
  const char* name;
  Shape shape;
  Stored stored;
  Storage storage;
  std::vector<std::string> filters;
};

std::vector<LayoutCase> layout_cases() {
  const auto chunked = [](Shape chunk) {
    Stored stored;
    stored.chunk = std::move(chunk);
    return stored;
  };
  Stored compact;
  compact.compact = true;
  Stored gzip = chunked({7, 3});
  gzip.deflate = 4;
  Stored all_filters = chunked({5, 4});
  all_filters.shuffle = true;
  all_filters.deflate = 1;
  all_filters.fletcher32 = true;
  Stored extendible = chunked({4, 10});
  extendible.extendible = true;
  Stored images = chunked({3, 2, 2, 5});
  images.deflate = 1;
  Stored positions = chunked({3, 3, 2, 5});
  positions.shuffle = true;
  positions.fletcher32 = true;
  Stored whole_samples = chunked({3, 3, 4, 5});
  whole_samples.deflate = 1;
  Stored checked = chunked({6, 7});
  checked.fletcher32 = true;
  return {{"contiguous", {23, 10}, {}, Storage::contiguous, {}},
          {"compact", {23, 10}, compact, Storage::compact, {}},
          {"ragged", {23, 10}, chunked({4, 10}), Storage::chunked, {}},
          {"feature split", {23, 10}, chunked({7, 3}), Storage::chunked, {}},
          {"one chunk", {23, 10}, chunked({23, 10}), Storage::chunked, {}},
          {"gzip", {23, 10}, gzip, Storage::chunked, {"deflate"}},
          {"all filters", {23, 10}, all_filters, Storage::chunked, {"shuffle", "deflate", "fletcher32"}},
          {"extendible", {23, 10}, extendible, Storage::chunked, {}},
          {"checksum", {23, 10}, checked, Storage::chunked, {"fletcher32"}},
          {"images", {11, 3, 4, 5}, images, Storage::chunked, {"deflate"}},
          {"positions", {11, 3, 4, 5}, positions, Storage::chunked, {"shuffle", "fletcher32"}},
          {"whole samples", {11, 3, 4, 5}, whole_samples, Storage::chunked, {"deflate"}}};
}

TEST(Layouts, AreAllReadInAnyBands) {
  const TempDir dir;
  for (const LayoutCase& test : layout_cases()) {
    SCOPED_TRACE(test.name);
    const DatasetIndex index = activations_of(write_dump(dir, test.shape, test.stored));
    EXPECT_EQ(index.storage, test.storage);
    EXPECT_EQ(index.filters, test.filters);
    EXPECT_EQ(index.shape, std::vector<std::uint64_t>(test.shape.begin(), test.shape.end()));
    EXPECT_EQ(index.chunk, std::vector<std::uint64_t>(test.stored.chunk.begin(), test.stored.chunk.end()));
    const auto expected = counting(index.bytes() / 4);
    for (const std::uint64_t band : {1U, 5U, 7U, 23U}) {
      for (const std::uint64_t cache : {0U, 100U, 1'000'000U}) {
        EXPECT_EQ(read_all(index, band, cache), expected) << "band " << band << ", cache " << cache;
      }
    }
  }
}

// Chunks of an odd number of bytes, and large ones, whose checksums fold in blocks.
TEST(Layouts, OfBytesWithChecksumsAreRead) {
  const TempDir dir;
  for (const Shape& chunk : {Shape{7, 3}, Shape{23, 101}}) {
    std::vector<std::uint8_t> numbers(std::size_t{23} * 101);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      numbers[i] = static_cast<std::uint8_t>(i * i + 255);
    }
    {
      const TestFile file(dir / "dump.h5");
      file.ramp("targets", {23});
      Stored stored;
      stored.chunk = chunk;
      stored.shuffle = true;
      stored.fletcher32 = true;
      file.dataset("layers/fc/activations", {23, 101}, numbers, stored);
    }
    EXPECT_EQ(read_all(activations_of(dir / "dump.h5"), 10),
              std::vector<double>(numbers.begin(), numbers.end()));
  }
}

TEST(Layouts, TellWhatReadsCost) {
  const TempDir dir;
  Stored gzip;
  gzip.chunk = {7, 3};
  gzip.deflate = 4;
  const DatasetIndex compressed = activations_of(write_dump(dir, {23, 10}, gzip));
  EXPECT_EQ(compressed.bytes(), 23U * 10U * 4U);
  EXPECT_GT(compressed.stored_bytes, 0U);
  EXPECT_EQ(open_rows(compressed, 0)->preferred_samples(), 7U);
  const DatasetIndex plain = activations_of(write_dump(dir, {23, 10}, {}));
  EXPECT_EQ(plain.stored_bytes, plain.bytes());
  EXPECT_EQ(open_rows(plain, 0)->preferred_samples(), 1U);
}

// Passes data through and counts how often it is asked to.
int decoded_chunks = 0;
std::size_t count_decoding(unsigned flags, std::size_t, const unsigned*, std::size_t bytes, std::size_t*,
                           void**) {
  decoded_chunks += (flags & H5Z_FLAG_REVERSE) != 0 ? 1 : 0;
  return bytes;
}

TEST(Reading, DecodesEveryChunkOnceInAnyBands) {
  const TempDir dir;
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, 300, 1, 1, "counting", nullptr, nullptr, count_decoding};
  must(H5Zregister(&filter));
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {100});
    Stored stored;
    stored.chunk = {16, 3};
    const Handle creation = creation_properties({100, 64}, stored);
    must(H5Pset_filter(creation.get(), 300, H5Z_FLAG_MANDATORY, 0, nullptr));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {100, 64}, creation.get());
    const std::vector<float> numbers(6400, 1.0F);
    must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  }
  const DatasetIndex index = activations_of(dir / "dump.h5");
  const std::uint64_t row_of_chunks = std::uint64_t{22} * 16 * 3 * sizeof(float);
  for (const std::uint64_t band : {16U, 5U, 1U, 23U}) {
    decoded_chunks = 0;
    (void)read_all(index, band, row_of_chunks);
    EXPECT_EQ(decoded_chunks, 7 * 22) << band;
  }
  decoded_chunks = 0;
  (void)read_all(index, 16, 0);
  EXPECT_EQ(decoded_chunks, 7 * 22);  // whole chunks need no cache
  must(H5Zunregister(300));
}

TEST(Reading, WorksFromSeveralThreads) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {60, 10}, {}));
  std::vector<std::thread> threads;
  std::array<std::vector<double>, 4> numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    threads.emplace_back([&, i] { numbers.at(i) = read_all(index, i + 1); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const auto& read : numbers) {
    EXPECT_EQ(read, counting(600));
  }
}

TEST(Reading, RejectsWhatIsNotThere) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_dump(dir, {5, 3}, {}));
  const auto rows = open_rows(index, 0);
  std::vector<std::byte> out(24);
  EXPECT_NO_THROW(rows->read(3, 2, out));
  EXPECT_NO_THROW(rows->read(5, 0, std::span(out).first(0)));
  EXPECT_THROW(rows->read(4, 2, out), UsageError);
  EXPECT_THROW(rows->read(0, 1, out), UsageError);
  EXPECT_THROW(rows->read(std::numeric_limits<std::uint64_t>::max(), 2, out), UsageError);
}

}  // namespace
}  // namespace collapscope::testing
