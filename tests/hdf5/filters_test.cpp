// Filters: lzf, which HDF5 lacks, and those that are nowhere to be had.
#include <gmock/gmock.h>

#include <cmath>
#include <string_view>

#include "hdf5/lzf.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

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
  std::string path = dir / "dump.h5";
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
    EXPECT_EQ(numbers[k], k < 80 ? std::floor(static_cast<double>(k) / 5) : 0.0) << k;
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

}  // namespace
}  // namespace collapscope::testing
