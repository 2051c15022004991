// Storage layouts and filters that are read, and data that is missing or damaged.
#include <gmock/gmock.h>

#include <array>
#include <limits>
#include <string_view>
#include <thread>

#include "hdf5/lzf.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

std::string write_layout(const TempDir& dir, const Shape& shape, const Stored& stored) {
  const std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {shape[0]});
  file.ramp("layers/fc/activations", shape, stored);
  return path;
}

TEST(Layouts, AreAllReadInAnyBands) {
  const TempDir dir;
  for (const LayoutCase& test : layout_cases()) {
    SCOPED_TRACE(test.name);
    const DatasetIndex index = activations_of(write_layout(dir, test.shape, test.stored));
    EXPECT_EQ(index.storage, test.storage);
    EXPECT_EQ(index.filters, test.filters);
    EXPECT_EQ(index.shape, std::vector<std::uint64_t>(test.shape.begin(), test.shape.end()));
    EXPECT_EQ(index.chunk, std::vector<std::uint64_t>(test.stored.chunk.begin(), test.stored.chunk.end()));
    const auto expected = counting(index.bytes() / 4);
    for (const std::uint64_t band : {1, 5, 7, 23}) {
      for (const std::uint64_t cache : {0, 100, 1'000'000}) {
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
  const DatasetIndex compressed = activations_of(write_layout(dir, {23, 10}, gzip));
  EXPECT_EQ(compressed.bytes(), 23U * 10U * 4U);
  EXPECT_GT(compressed.stored_bytes, 0U);
  EXPECT_EQ(open_rows(compressed, 0)->preferred_samples(), 7U);
  const DatasetIndex plain = activations_of(write_layout(dir, {23, 10}, {}));
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
  const std::uint64_t row_of_chunks = 22 * 16 * 3 * sizeof(float);
  for (const std::uint64_t band : {16, 5, 1, 23}) {
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
  const DatasetIndex index = activations_of(write_layout(dir, {60, 10}, {}));
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
  const DatasetIndex index = activations_of(write_layout(dir, {5, 3}, {}));
  const auto rows = open_rows(index, 0);
  std::vector<std::byte> out(24);
  EXPECT_NO_THROW(rows->read(3, 2, out));
  EXPECT_NO_THROW(rows->read(5, 0, std::span(out).first(0)));
  EXPECT_THROW(rows->read(4, 2, out), UsageError);
  EXPECT_THROW(rows->read(0, 1, out), UsageError);
  EXPECT_THROW(rows->read(std::numeric_limits<std::uint64_t>::max(), 2, out), UsageError);
}

TEST(Reading, NoticesThatTheFileChanged) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_layout(dir, {5, 3}, {}));
  write_layout(dir, {6, 3}, {});
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

std::size_t pass_through(unsigned, std::size_t, const unsigned*, std::size_t bytes, std::size_t*, void**) {
  return bytes;
}

// What h5py stores for a chunk [8, 16] of float32: two rows of normal numbers, then k / 5 (in integers)
// for element k of rows 2 to 4, then zeros.
constexpr std::string_view lzf_chunk =
    "1f69f0b03e9155523f0c2fa93edbcda6bf67c5673f358be43ec47509bf28c4143f1f3ca9ba3e8998963ec3d5e83c62f5"
    "0b3f41883cbfded126be58d8f6befc4d193f1fa6b3223de4bc95be272b48bfb4ae83bec866053cd31b8dbee2a3a53f58"
    "dc803f1fb0832dc030cbf1bf75f732be5729d8be3bc55a3ea4895e3eac8a0740b2568ebf030000c040e0010300e0200b"
    "e00703010041e0090300102013e0070300202013e0070300302013e0070300402013e0070300502013e0070300602013"
    "e0070300702013e00703e0b300010000";

std::vector<unsigned char> from_hex(std::string_view text) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<unsigned char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// A dump whose activations [8, 16] are one lzf chunk, stored as `bytes`. An encoder is only there meanwhile.
std::string write_lzf(const TempDir& dir, const std::vector<unsigned char>& bytes) {
  const H5Z_class2_t encoder{H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", nullptr, nullptr, pass_through};
  must(H5Zregister(&encoder));
  const std::string path = dir / "dump.h5";
  {
    const TestFile file(path);
    file.ramp("targets", {8});
    Stored stored;
    stored.chunk = {8, 16};
    const Handle creation = creation_properties({8, 16}, stored);
    must(H5Pset_filter(creation.get(), 32000, H5Z_FLAG_OPTIONAL, 0, nullptr));
    const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {8, 16}, creation.get());
    const Shape origin{0, 0};
    must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, origin.data(), bytes.size(), bytes.data()));
  }
  must(H5Zunregister(32000));
  hdf5::register_lzf();
  return path;
}

TEST(Lzf, OfH5pyIsRead) {
  const TempDir dir;
  const DatasetIndex index = activations_of(write_lzf(dir, from_hex(lzf_chunk)));
  EXPECT_EQ(index.filters, std::vector<std::string>{"lzf"});
  EXPECT_EQ(index.stored_bytes, lzf_chunk.size() / 2);
  const std::vector<double> numbers = read_all(index, 3);
  EXPECT_EQ(std::vector<double>(numbers.begin(), numbers.begin() + 4),
            (std::vector<double>{0.3455841839313507F, 0.8216181397438049F, 0.3304370641708374F,
                                 -1.3031572103500366F}));
  for (std::size_t k = 32; k < 128; ++k) {
    EXPECT_EQ(numbers[k], k < 80 ? static_cast<double>(k / 5) : 0.0) << k;
  }
}

TEST(Lzf, OfAnotherSizeIsAnError) {
  const TempDir dir;
  for (const auto& [bytes, found] : {std::pair{from_hex("024141412000"), "found 6 bytes"},
                                     {from_hex(std::string(lzf_chunk) + "0041"), "found 513 bytes"}}) {
    const DatasetIndex index = activations_of(write_lzf(dir, bytes));
    EXPECT_THAT(input_error([&, &read = index] { (void)read_all(read, 8); }),
                AllOf(HasSubstr(found), HasSubstr("expected 512")));
  }
}

TEST(Lzf, ThatIsDamagedIsAnError) {
  const TempDir dir;
  std::vector<unsigned char> cut = from_hex(lzf_chunk);
  cut.pop_back();
  for (const auto& damaged : {cut, from_hex("00012005"), from_hex("e0"), from_hex("0041e0")}) {
    const DatasetIndex index = activations_of(write_lzf(dir, damaged));
    EXPECT_THAT(
        input_error([&] { (void)read_all(index, 8); }),
        AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("samples 0 to 7"), HasSubstr("lzf")));
  }
}

TEST(MissingFilter, IsNamedBeforeAnythingIsRead) {
  const TempDir dir;
  for (const auto& [id, name] :
       {std::pair<H5Z_filter_t, const char*>{32026, "blosc2"}, {333, "my\\x1bfilter"}}) {
    const H5Z_class2_t filter{H5Z_CLASS_T_VERS,
                              id,
                              1,
                              1,
                              "my\x1b"
                              "filter",
                              nullptr,
                              nullptr,
                              pass_through};
    must(H5Zregister(&filter));
    {
      const TestFile file(dir / "dump.h5");
      file.ramp("targets", {4});
      Stored stored;
      stored.chunk = {2, 3};
      const Handle creation = creation_properties({4, 3}, stored);
      must(H5Pset_filter(creation.get(), id, H5Z_FLAG_MANDATORY, 0, nullptr));
      const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, {4, 3}, creation.get());
      const std::vector<float> numbers(12, 1.0F);
      must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
    }
    const DatasetIndex index = activations_of(dir / "dump.h5");
    must(H5Zunregister(id));
    for (const std::string& message :
         {index_error(dir / "dump.h5"), input_error([&, &read = index] { (void)open_rows(read, 0); })}) {
      EXPECT_THAT(message, AllOf(HasSubstr("/layers/fc/activations"), HasSubstr(std::to_string(id)),
                                 HasSubstr(name), HasSubstr("not available"), HasSubstr("HDF5_PLUGIN_PATH")));
    }
  }
}

// A dump with activations [10, 6] in chunks (4, 3), of which only the chunks at `offsets` are written.
std::string write_some_chunks(const TempDir& dir, const std::vector<Shape>& offsets) {
  const std::string path = dir / "dump.h5";
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

TEST(Chunks, LargerThanAllowedAreRefused) {
  const TempDir dir;
  Stored stored;
  stored.chunk = {10, 6};
  const std::string path = write_layout(dir, {10, 6}, stored);
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
  const std::string path = dir / "dump.h5";
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
  std::vector<std::byte> out(5 * 50 * sizeof(float));
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
  const std::string path = dir / "dump.h5";
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

}  // namespace
}  // namespace collapscope::testing
