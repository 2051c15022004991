// Files that are damaged, or change, behind the back of a reader.
#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <span>

#include "hdf5/chunk_tree.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/links.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t all_threads[] = {1, 2, 5};
constexpr const char* damaged_rows = "layers/fc/activations";

Stored gzip(Shape chunk) {
  Stored stored;
  stored.chunk = std::move(chunk);
  stored.deflate = 1;
  return stored;
}

StoredChunk chunk_at(const std::string& path, const Shape& offset) {
  const TestFile file(path, TestFile::Mode::append);
  const Handle dataset(must(H5Dopen2(file.id(), damaged_rows, H5P_DEFAULT)), H5Dclose);
  return stored_chunk(dataset, offset);
}

TEST(EngineDamage, IsNamedTheSameOnAnyNumberOfThreads) {
  const TempDir dir;
  const std::string path = write_dump(dir, {20'000, 100}, gzip({500, 50}));
  for (const Shape& offset : {Shape{7000, 50}, Shape{7500, 0}, Shape{19'500, 50}}) {
    const StoredChunk chunk = chunk_at(path, offset);
    overwrite(path, chunk.address, std::vector<unsigned char>(chunk.size, 0x55));
  }
  const DatasetIndex index = activations_of(path);
  for (const std::uint64_t threads : all_threads) {
    const auto rows = open_rows(index, ReadOptions{1 << 22, threads});
    std::vector<std::byte> out(index.bytes());
    for (int again = 0; again < 3; ++again) {
      EXPECT_THAT(input_error([&] { rows->read(0, 20'000, out); }),
                  AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("chunk at [7000, 50]"),
                        HasSubstr("samples 7000 to 7499"), HasSubstr("deflate: ")));
    }
    EXPECT_NO_THROW(rows->read(0, 7000, std::span(out).first(std::size_t{7000} * 400)));
    EXPECT_THAT(input_error([&] { rows->read(7400, 10, std::span(out).first(4000)); }),
                HasSubstr("chunk at [7000, 50]"));
    EXPECT_NO_THROW(rows->read(8000, 11'499, std::span(out).first(std::size_t{11'499} * 400)));
  }
}

// Cut off in the middle, or with an end that comes too early.
TEST(EngineDamage, OfStreamsThatEndEarlyIsSeen) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  for (const std::size_t kept : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{5}}) {
    {
      const std::string source = write_dump(dir, {64, 100}, gzip({64, 100}));
      const StoredChunk chunk = chunk_at(source, {0, 0});
      const auto bytes = file_bytes(source);
      const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(chunk.address);
      std::vector<unsigned char> packed(begin, begin + static_cast<std::ptrdiff_t>(chunk.size));
      packed.resize(kept == 0 ? packed.size() - 1 : packed.size() * kept / 6);
      const TestFile file(path, TestFile::Mode::append);
      const Handle dataset(must(H5Dopen2(file.id(), damaged_rows, H5P_DEFAULT)), H5Dclose);
      const Shape origin{0, 0};
      must(H5Dwrite_chunk(dataset.get(), H5P_DEFAULT, 0, origin.data(), packed.size(), packed.data()));
    }
    const DatasetIndex index = activations_of(path);
    EXPECT_THAT(input_error([&] { (void)read_all(index, 64); }),
                AllOf(HasSubstr("chunk at [0, 0]"), HasSubstr("deflate: ")))
        << kept;
  }
}

TEST(EngineDamage, FilesThatShrinkAreAnError) {
  const TempDir dir;
  Stored rows_of_chunks;
  rows_of_chunks.chunk = {500, 100};
  for (const Stored& stored : {Stored{}, rows_of_chunks, gzip({500, 100}), gzip({500, 10})}) {
    for (const std::uint64_t threads : all_threads) {
      const std::string path = write_dump(dir, {20'000, 100}, stored);
      const DatasetIndex index = activations_of(path);
      const auto rows = open_rows(index, ReadOptions{1 << 22, threads});
      std::vector<std::byte> out(index.bytes());
      EXPECT_NO_THROW(rows->read(0, 10, std::span(out).first(4000)));
      std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
      EXPECT_THAT(input_error([&] { rows->read(0, 20'000, out); }),
                  AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("become shorter")));
    }
  }
}

// What a tree says of a dataset whose tree was damaged after it was opened: everything right, or nothing.
class TreeDamage : public ::testing::Test {
 protected:
  TreeDamage() : path_(write_dump(dir_, {400, 20}, gzip({4, 10}))), index_(activations_of(path_)) {}

  // The chunks that a tree read anew shows; nullopt when it is refused.
  [[nodiscard]] std::optional<std::vector<hdf5::StoredChunk>> chunks() const {
    DatasetIndex index = index_;
    index.state.reset();  // it has been damaged since
    const hdf5::StoredFile file = hdf5::StoredFile::open(index);
    const auto tree = hdf5::ChunkTree::of(index, file);
    return tree ? std::optional(tree->chunks(0, 199, file, {index.file, index.object})) : std::nullopt;
  }

  // Where the nodes of the tree begin.
  [[nodiscard]] static std::vector<std::size_t> nodes(const std::vector<unsigned char>& bytes) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i + 5 < bytes.size(); ++i) {
      if (bytes[i] == 'T' && bytes[i + 1] == 'R' && bytes[i + 2] == 'E' && bytes[i + 3] == 'E' &&
          bytes[i + 4] == 1) {
        found.push_back(i);
      }
    }
    return found;
  }

  TempDir dir_;
  std::string path_;
  DatasetIndex index_;
};

TEST_F(TreeDamage, IsNotBelieved) {
  const auto sound = chunks();
  ASSERT_TRUE(sound);
  ASSERT_EQ(sound->size(), 200U);
  const std::vector<unsigned char> bytes = file_bytes(path_);
  const std::vector<std::size_t> starts = nodes(bytes);
  ASSERT_GT(starts.size(), 4U);
  std::size_t refused = 0;
  for (const std::size_t start : {starts.front(), starts[2], starts.back()}) {
    for (std::size_t i = 0; i < 200; ++i) {
      for (const unsigned flip : {0x01U, 0x80U}) {
        overwrite(path_, start + i, {static_cast<unsigned char>(bytes[start + i] ^ flip)});
        const auto found = chunks();
        refused += found ? 0 : 1;
        EXPECT_TRUE(!found || found->size() == 200) << start + i;
        overwrite(path_, start + i, {bytes[start + i]});
      }
    }
  }
  EXPECT_GT(refused, 300U);
}

TEST_F(TreeDamage, SinceItWasOpenedIsAnError) {
  const auto rows = open_rows(index_, ReadOptions{0, 2});
  std::vector<std::byte> out(index_.bytes());
  EXPECT_NO_THROW(rows->read(0, 400, out));
  const std::vector<unsigned char> bytes = file_bytes(path_);
  for (const std::size_t start : nodes(bytes)) {
    overwrite(path_, start, {'X'});
  }
  EXPECT_THAT(input_error([&] { rows->read(0, 400, out); }),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("index of chunks")));
}

// A chunk whose address leads out of the file.
TEST_F(TreeDamage, OfAddressesIsNamed) {
  const auto sound = chunks();
  ASSERT_TRUE(sound);
  const std::vector<unsigned char> bytes = file_bytes(path_);
  const hdf5::StoredChunk& chunk = sound->at(33);
  std::size_t at = 0;
  for (const std::size_t start : nodes(bytes)) {
    for (std::size_t i = start; i + 8 < std::min(start + 3000, bytes.size()); ++i) {
      std::uint64_t address = 0;
      std::memcpy(&address, bytes.data() + i, sizeof address);
      at = address == chunk.address ? i : at;
    }
  }
  ASSERT_NE(at, 0U);
  overwrite(path_, at + 6, {0x7f, 0xff});
  index_.state.reset();
  EXPECT_THAT(input_error([&] { (void)read_all(index_, 100); }),
              AllOf(HasSubstr("chunk at [64, 10]"), HasSubstr("the file ends at byte")));
}

}  // namespace
}  // namespace collapscope::testing
