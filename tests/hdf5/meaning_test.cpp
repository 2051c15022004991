// What attributes and filters say of numbers: missing values, packing, and what storing has cost.
#include <gmock/gmock.h>

#include <cmath>

#include "analysis/stored_roundoff.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A dump with activations [200, 3] of T, all 1 but those of `row`, and an attribute.
template <class T, class Value>
std::string write_attribute(const TempDir& dir, std::uint64_t row, T number, const std::string& name,
                            Value value, const Stored& stored = {}) {
  std::string path = dir / "dump.h5";
  std::vector<T> numbers(600, T{1});
  numbers[3 * row + 1] = number;
  numbers[3 * 180] = number;
  const TestFile file(path);
  file.ramp("targets", {200});
  file.dataset("layers/fc/activations", {200, 3}, numbers, stored);
  file.attribute("layers/fc/activations", name, value);
  return path;
}

std::string reading_error(const std::string& path) {
  return input_error([&] { (void)read_all(activations_of(path), 200); });
}

TEST(MissingValues, AreNamedWithTheirFirstRow) {
  const TempDir dir;
  for (const char* name : {"_FillValue", "missing_value"}) {
    EXPECT_THAT(
        reading_error(write_attribute<float>(dir, 7, -9999, name, -9999.0)),
        AllOf(HasSubstr("/layers/fc/activations"), HasSubstr("row 7,"), HasSubstr(name), HasSubstr("-9999")));
  }
  // 0.1 is another number as float32.
  EXPECT_THAT(reading_error(write_attribute<float>(dir, 3, 0.1F, "_FillValue", 0.1)), HasSubstr("row 3,"));
  EXPECT_THAT(reading_error(write_attribute<std::int16_t>(dir, 9, -1, "_FillValue", -1)),
              HasSubstr("row 9,"));
  EXPECT_THAT(reading_error(
                  write_attribute<double>(dir, 0, 9.969209968386869e36, "_FillValue", 9.969209968386869e36)),
              HasSubstr("row 0,"));
  Stored chunked;
  chunked.chunk = {16, 2};
  chunked.deflate = 1;
  EXPECT_THAT(reading_error(write_attribute<float>(dir, 7, -9999, "_FillValue", -9999.0, chunked)),
              HasSubstr("row 7,"));
}

TEST(MissingValues, ThatAreNotThereChangeNothing) {
  const TempDir dir;
  const auto index = activations_of(write_attribute<float>(dir, 7, 2, "_FillValue", -9999.0));
  EXPECT_EQ(read_all(index, 200).at(22), 2);
  const auto nan = activations_of(write_attribute<float>(dir, 7, 2, "_FillValue", std::nan("")));
  EXPECT_EQ(read_all(nan, 200).at(22), 2);
}

TEST(MissingValues, OfSourcesCountInVirtualDatasets) {
  const TempDir dir;
  const std::string path = write_attribute<float>(dir, 7, -9999, "_FillValue", -9999.0);
  {
    const TestFile file(path, TestFile::Mode::append);
    const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
    const Shape shape{200, 3};
    const Handle space(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
    must(H5Pset_virtual(creation.get(), space.get(), ".", "/layers/fc/activations", space.get()));
    (void)file.create("layers/virtual/activations", H5T_NATIVE_FLOAT, shape, creation.get());
  }
  const DumpIndex dump = index_dump(path);
  EXPECT_THAT(input_error([&] { (void)read_all(dump.checkpoints.at(0).layers.at(1).activations, 50); }),
              AllOf(HasSubstr("/layers/virtual/activations"), HasSubstr("row 7,")));
}

// Activations [200, 3] with a fill value, all written but `row`, and a virtual dataset that shows them.
std::string write_filled(const TempDir& dir, std::uint64_t row, const Stored& stored) {
  std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {200});
  const Shape shape{200, 3};
  const Handle creation = creation_properties(shape, stored);
  const float fill = -1;
  must(H5Pset_fill_value(creation.get(), H5T_NATIVE_FLOAT, &fill));
  must(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY));
  const Handle dataset = file.create("layers/fc/activations", H5T_NATIVE_FLOAT, shape, creation.get());
  const Handle space(must(H5Dget_space(dataset.get())), H5Sclose);
  for (hsize_t i = 0; i < 200; ++i) {
    const Shape start{i, 0};
    const Shape count{1, 3};
    const std::vector<float> numbers{-1, static_cast<float>(i), -1};
    const Handle memory(must(H5Screate_simple(2, count.data(), nullptr)), H5Sclose);
    must(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
    if (i != row) {
      must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, memory.get(), space.get(), H5P_DEFAULT, numbers.data()));
    }
  }
  const Handle shows(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  const Handle all(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
  must(H5Pset_virtual(shows.get(), all.get(), ".", "/layers/fc/activations", all.get()));
  (void)file.create("layers/virtual/activations", H5T_NATIVE_FLOAT, shape, shows.get());
  return path;
}

TEST(FillValues, AreFoundAmidWrittenRowsWhateverTheStorage) {
  const TempDir dir;
  Stored chunked;
  chunked.chunk = {64, 2};
  chunked.deflate = 1;
  for (const Stored& stored : {Stored{}, chunked}) {
    const DumpIndex dump = index_dump(write_filled(dir, 73, stored));
    for (const LayerIndex& layer : dump.checkpoints.at(0).layers) {
      EXPECT_THAT(
          input_error([&] { (void)read_all(layer.activations, 50); }),
          AllOf(HasSubstr("/layers/" + layer.name + "/activations"), HasSubstr("nothing but -1 in row 73,")));
      std::vector<std::byte> room(layer.activations.bytes());
      const auto reader = open_rows(layer.activations, std::uint64_t{1} << 20);
      if (const auto twin = reader->twin(1)) {
        EXPECT_THROW(twin->read(0, 200, room), InputError);
      }
    }
  }
}

TEST(FillValues, OfRowsThatWereAllWrittenChangeNothing) {
  const TempDir dir;
  EXPECT_EQ(read_all(activations_of(write_filled(dir, 200, {})), 200).at(301), 100);
}

// Activations [2, 1] of uint16 behind a virtual dataset, each with what it says of its type.
std::string write_virtual(const TempDir& dir, const char* source, const char* shown) {
  std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {2});
  file.dataset<std::uint16_t>("bits", {2, 1}, {0x3f80, 0xc000});
  const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  const Shape shape{2, 1};
  const Handle space(must(H5Screate_simple(2, shape.data(), nullptr)), H5Sclose);
  must(H5Pset_virtual(creation.get(), space.get(), ".", "/bits", space.get()));
  (void)file.create("layers/fc/activations", H5T_NATIVE_UINT16, shape, creation.get());
  if (*source != '\0') {
    file.attribute("bits", "dtype", source);
  }
  if (*shown != '\0') {
    file.attribute("layers/fc/activations", "dtype", shown);
  }
  return path;
}

TEST(VirtualTypes, AreWhatTheirSourcesSay) {
  const TempDir dir;
  for (const char* source : {"", "bfloat16"}) {
    EXPECT_EQ(read_all(activations_of(write_virtual(dir, source, "bfloat16")), 2),
              (std::vector<double>{1, -2}));
  }
  EXPECT_THAT(index_error(write_virtual(dir, "bfloat16", "")),
              AllOf(HasSubstr("holds bfloat16 numbers"), HasSubstr("the virtual dataset uint16")));
}

TEST(Packing, IsRefusedUnlessItChangesNothing) {
  const TempDir dir;
  EXPECT_THAT(index_error(write_attribute<std::int16_t>(dir, 7, 5, "scale_factor", 0.01)),
              AllOf(HasSubstr("'scale_factor': found 0.01"), HasSubstr("unpacked")));
  EXPECT_THAT(index_error(write_attribute<float>(dir, 7, 5, "add_offset", 3)),
              HasSubstr("'add_offset': found 3"));
  EXPECT_THAT(index_error(write_attribute<std::int8_t>(dir, 7, 5, "_Unsigned", "true")),
              HasSubstr("'_Unsigned'"));
  EXPECT_EQ(read_all(activations_of(write_attribute<float>(dir, 7, 5, "scale_factor", 1.0)), 200).at(22), 5);
  EXPECT_EQ(read_all(activations_of(write_attribute<float>(dir, 7, 5, "add_offset", 0)), 200).at(22), 5);
}

// The loss of activations [64, 4] stored with scale-offset.
template <class T>
StorageLoss scale_offset(const TempDir& dir, H5Z_SO_scale_type_t type, int scale) {
  const std::string path = dir / "dump.h5";
  {
    const TestFile file(path);
    file.ramp("targets", {64});
    Stored stored;
    stored.chunk = {16, 4};
    const Handle creation = creation_properties({64, 4}, stored);
    must(H5Pset_scaleoffset(creation.get(), type, scale));
    const Handle dataset = file.create("layers/fc/activations", native<T>(), {64, 4}, creation.get());
    const std::vector<T> numbers(256, T{3});
    must(H5Dwrite(dataset.get(), native<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()));
  }
  return activations_of(path).loss;
}

TEST(StorageLoss, OfScaleOffsetIsItsStep) {
  const TempDir dir;
  EXPECT_DOUBLE_EQ(scale_offset<float>(dir, H5Z_SO_FLOAT_DSCALE, 2).step, 0.01);
  EXPECT_DOUBLE_EQ(scale_offset<double>(dir, H5Z_SO_FLOAT_DSCALE, 5).step, 1e-5);
  EXPECT_EQ(scale_offset<std::int32_t>(dir, H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT), StorageLoss{});
  EXPECT_EQ(scale_offset<std::int32_t>(dir, H5Z_SO_INT, 5).unknown, "scaleoffset");
}

TEST(StorageLoss, OfQuantizationIsItsDigits) {
  const TempDir dir;
  const auto digits = activations_of(
      write_attribute<float>(dir, 7, 5, "_QuantizeGranularBitRoundNumberOfSignificantDigits", 3));
  EXPECT_DOUBLE_EQ(digits.loss.relative, 0.005);
  const auto bits =
      activations_of(write_attribute<float>(dir, 7, 5, "_QuantizeBitRoundNumberOfSignificantBits", 7));
  EXPECT_DOUBLE_EQ(bits.loss.relative, 0x1p-8);
}

TEST(StoredRoundoff, HoldsTypeAndLoss) {
  DatasetIndex exact;
  exact.element = {ElementKind::float32};
  EXPECT_DOUBLE_EQ(stored_roundoff({&exact}, 10, 4), 0x1p-24);
  DatasetIndex rounded = exact;
  rounded.loss.step = 0.01;
  // u^2 / 3 of the mean square is d q^2 / 12.
  const double u = stored_roundoff({&exact, &rounded}, 10, 4);
  EXPECT_NEAR(u * u / 3 * 4, 10 * 1e-4 / 12, 1e-12);
}

TEST(StorageLoss, OfSmallFloat16IsItsStep) {
  DatasetIndex half;
  half.element.kind = ElementKind::float16;
  EXPECT_EQ(stored_roundoff({&half}, 10, 10 * 0.01 * 0.01), 0x1p-11) << "of normal numbers";
  const double rms = 0x1p-20;  // a sixteenth of it is the step
  EXPECT_DOUBLE_EQ(stored_roundoff({&half}, 10, 10 * rms * rms), std::hypot(0x1p-11, 0x1p-5));
  half.element.kind = ElementKind::bfloat16;
  EXPECT_EQ(stored_roundoff({&half}, 10, 10 * rms * rms), 0x1p-8);
}

}  // namespace
}  // namespace collapscope::testing
