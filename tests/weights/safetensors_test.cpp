// What is in safetensors files, and what is refused.
#include "weights/safetensors.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "weights/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string bytes(std::size_t count) { return std::string(count, '\1'); }

TEST(Safetensors, TensorsAreReadAsTheyAreStored) {
  const TempDir dir;
  const std::string path = dir / "w.safetensors";
  write_tensors(path,
                {{"fc.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"fc.bias", {2}, {7, 8}}, {"none", {0, 3}, {}}});
  const auto tensors = index_safetensors(path);
  ASSERT_EQ(tensors.size(), 3U);
  EXPECT_EQ(tensors.at("fc.weight").type, "F32");
  const Matrix weight = read_matrix(tensors.at("fc.weight").dataset);
  EXPECT_THAT(weight.values(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(weight.cols(), 3U);
  EXPECT_THAT(read_matrix(tensors.at("fc.bias").dataset).values(), ElementsAre(7, 8));
}

TEST(Safetensors, EveryTypeOfNumber) {
  const TempDir dir;
  const std::string path = dir / "w.safetensors";
  using namespace std::string_literals;
  write_safetensors(path,
                    R"({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},)"
                    R"( "b": {"dtype": "F16", "shape": [1], "data_offsets": [8, 10]},)"
                    R"( "c": {"dtype": "BF16", "shape": [1], "data_offsets": [10, 12]},)"
                    R"( "d": {"dtype": "I16", "shape": [1], "data_offsets": [12, 14]},)"
                    R"( "e": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [14, 16]}}   )",
                    "\0\0\0\0\0\0\xf8\x3f\0\x3e\xc0\x3f\xfe\xff\1\1"s);
  const auto tensors = index_safetensors(path);
  const auto number = [&](const std::string& name) { return read_matrix(tensors.at(name).dataset)(0, 0); };
  EXPECT_EQ(number("a"), 1.5);
  EXPECT_EQ(number("b"), 1.5);
  EXPECT_EQ(number("c"), 1.5);
  EXPECT_EQ(number("d"), -2);
  EXPECT_FALSE(tensors.at("e").readable);
}

TEST(Safetensors, OtherFilesAreCalledWhatTheyAre) {
  const TempDir dir;
  const auto refusal = [&](const std::string& content) {
    std::ofstream(dir / "w.safetensors", std::ios::binary) << content;
    return input_error([&] { (void)index_safetensors(dir / "w.safetensors"); });
  };
  EXPECT_THAT(
      refusal("version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 1234\n"),
      AllOf(HasSubstr("no safetensors file: it is a pointer of Git LFS"), HasSubstr("`git lfs pull`")));
  EXPECT_THAT(refusal("PK\x03\x04 and more bytes than eight"), HasSubstr("it is a zip archive"));
  EXPECT_THAT(refusal("\x80\x02}q and more"), HasSubstr("it is a pickle"));
  EXPECT_THAT(refusal("{\"a\": 1, \"b\": 2}"), HasSubstr("it is JSON; of an index of several files"));
  EXPECT_THAT(refusal(std::string("{\0\0\0\0\0\0\0{}", 10)),
              HasSubstr("found a header of 123 bytes in a file of 10"));
  EXPECT_THAT(input_error([&] { (void)index_safetensors(dir.path()); }),
              HasSubstr("it is a folder; expected"));
  EXPECT_THAT(refusal(""), HasSubstr("found a header of 0 bytes in a file of 0"));
  {
    const TestFile hdf5(dir / "w.safetensors");
    hdf5.ramp("fc/weight", {2, 3});
  }
  EXPECT_THAT(input_error([&] { (void)index_safetensors(dir / "w.safetensors"); }),
              AllOf(HasSubstr("it is an HDF5 file"), HasSubstr("need no --weights")));
}

struct Broken {
  std::string name;
  std::string header;
  std::size_t numbers;
  std::string message;
};

void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.name; }

class BrokenSafetensors : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenSafetensors, IsRefusedWithWhatWasFound) {
  const TempDir dir;
  const std::string path = dir / "w.safetensors";
  write_safetensors(path, GetParam().header, bytes(GetParam().numbers));
  EXPECT_THAT(input_error([&] { (void)index_safetensors(path); }), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Files, BrokenSafetensors,
    ::testing::Values(
        Broken{"list", "[]", 0, "does not begin with '{'"},
        Broken{"text", "{\"a\": ", 0, "header: truncated"},
        Broken{"twice", R"({"a": {"dtype":"U8","shape":[1],"data_offsets":[0,1]}, "a": {}})", 1, "twice"},
        Broken{"no type", R"({"a": {"shape":[1],"data_offsets":[0,1]}})", 1, "a: expected dtype"},
        Broken{"no object", R"({"a": 3})", 0, "a: expected dtype"},
        Broken{"negative", R"({"a": {"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "expected dtype"},
        Broken{"fraction", R"({"a": {"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1,
               "expected dtype"},
        Broken{"beyond", R"({"a": {"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 8,
               "found bytes 0 to 9; expected a range in 0 to 8"},
        Broken{"backwards", R"({"a": {"dtype":"U8","shape":[1],"data_offsets":[2,1]}})", 2,
               "found bytes 2 to 1"},
        Broken{"shape", R"({"a": {"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
               "found 4 bytes of F32 numbers for shape [2]"},
        Broken{"overflow", R"({"a": {"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}})",
               4, "found 4 bytes of F32"},
        Broken{
            "overlap",
            R"({"a": {"dtype":"U8","shape":[2],"data_offsets":[0,2]}, "b": {"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
            3, "b: found its first byte at 1; expected 2"},
        Broken{"gap", R"({"a": {"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
               "found its first byte at 1; expected 0"},
        Broken{"rest", R"({"a": {"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 3,
               "found 3 bytes of numbers; expected 1"}),
    [](const auto& broken) {
      std::string name = broken.param.name;
      std::erase(name, ' ');
      return name;
    });

TEST(Safetensors, FilesOfAnotherKindAreRefused) {
  const TempDir dir;
  const auto error_of = [&](const std::string& name) {
    return input_error([&] { (void)index_safetensors(dir / name); });
  };
  EXPECT_THAT(error_of("missing"), HasSubstr("No such file"));
  write_raw(dir / "short", 3, "", "");
  EXPECT_THAT(error_of("short"), HasSubstr("found a header of 3 bytes in a file of 8"));
  write_raw(dir / "huge", ~std::uint64_t{0}, "{}", "");
  EXPECT_THAT(error_of("huge"), HasSubstr("no safetensors file"));
  write_small_dump(dir / "dump.h5");
  EXPECT_THAT(error_of("dump.h5"), HasSubstr("no safetensors file"));
}

TEST(Safetensors, AFileCutSinceThenIsRefusedWhenRead) {
  const TempDir dir;
  const std::string path = dir / "w.safetensors";
  write_tensors(path, {{"fc.weight", {2, 2}, {1, 2, 3, 4}}});
  DatasetIndex weight = index_safetensors(path).at("fc.weight").dataset;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THAT(input_error([&] { (void)read_matrix(weight); }),
              HasSubstr("fc.weight: the file has changed meanwhile"));
  weight.state.reset();
  EXPECT_THAT(input_error([&] { (void)read_matrix(weight); }),
              HasSubstr("fc.weight: its 16 bytes lie at byte"));
}

}  // namespace
}  // namespace collapscope::testing
