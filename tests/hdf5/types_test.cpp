// Every number type, bit by bit, in both byte orders; and what is not a number type.
#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>

#include "collapscope/core/decode.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Floating-point types that HDF5 1.10 has no name for.
Handle float16_type(bool big_endian) {
  Handle type(must(H5Tcopy(big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE)), H5Tclose);
  must(H5Tset_fields(type.get(), 15, 10, 5, 0, 10));
  must(H5Tset_size(type.get(), 2));
  must(H5Tset_ebias(type.get(), 15));
  return type;
}

Handle bfloat16_type(bool big_endian) {
  Handle type(must(H5Tcopy(big_endian ? H5T_IEEE_F32BE : H5T_IEEE_F32LE)), H5Tclose);
  must(H5Tset_fields(type.get(), 15, 7, 8, 0, 7));
  must(H5Tset_size(type.get(), 2));
  must(H5Tset_ebias(type.get(), 127));
  return type;
}

// Writes raw bytes as a dataset [N, 1] of a dump; returns its index.
DatasetIndex raw_activations(const std::string& path, hid_t type, const std::vector<unsigned char>& bytes) {
  const hsize_t count = bytes.size() / H5Tget_size(type);
  {
    const TestFile file(path);
    file.ramp("targets", {count});
    const Handle creation = creation_properties({count, 1}, {});
    const Handle dataset = file.create("layers/fc/activations", type, {count, 1}, creation.get());
    must(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()));
  }
  return activations_of(path);
}

template <class Word>
std::vector<unsigned char> to_bytes(const std::vector<Word>& words, bool big_endian) {
  std::vector<unsigned char> bytes;
  for (const Word word : words) {
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
      const std::size_t shift = 8 * (big_endian ? sizeof(Word) - 1 - i : i);
      bytes.push_back(static_cast<unsigned char>((static_cast<std::uint64_t>(word) >> shift) & 0xffU));
    }
  }
  return bytes;
}

struct TypeCase {
  const char* name;
  ElementKind kind;
  std::vector<unsigned char> (*bytes)(bool big_endian);
  Handle (*type)(bool big_endian);
  std::vector<double> expected;
};

Handle copy(hid_t type) { return {must(H5Tcopy(type)), H5Tclose}; }

template <class T>
std::vector<unsigned char> extremes(bool big_endian) {
  using Word = std::make_unsigned_t<T>;
  return to_bytes<Word>({static_cast<Word>(std::numeric_limits<T>::min()), Word{1}, Word{77},
                         static_cast<Word>(std::numeric_limits<T>::max() / 2 + 1)},
                        big_endian);
}

template <class T>
std::vector<double> extremes_read() {
  return {static_cast<double>(std::numeric_limits<T>::min()), 1, 77,
          static_cast<double>(static_cast<T>(std::numeric_limits<T>::max() / 2 + 1))};
}

std::vector<TypeCase> type_cases() {
  return {
      {"float16",
       ElementKind::float16,
       [](bool big) {
         return to_bytes<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555}, big);
       },
       float16_type,
       {1, -2, 0x1p-24, 65504, 0x1.554p-2}},
      {"bfloat16",
       ElementKind::bfloat16,
       [](bool big) {
         return to_bytes<std::uint16_t>({0x3f80, 0xc000, 0x0001, 0x7f7f, 0x3eab}, big);
       },
       bfloat16_type,
       {1, -2, 0x1p-133, 0x1.fep127, 0x1.56p-2}},
      {"float32",
       ElementKind::float32,
       [](bool big) {
         return to_bytes<std::uint32_t>({0x3f800000, 0xc0000000, 0x00000001, 0x7f7fffff}, big);
       },
       [](bool big) { return copy(big ? H5T_IEEE_F32BE : H5T_IEEE_F32LE); },
       {1, -2, 0x1p-149, 0x1.fffffep127}},
      {"float64",
       ElementKind::float64,
       [](bool big) {
         return to_bytes<std::uint64_t>({0x3ff0000000000000, 0xc000000000000000, 1, 0x7fefffffffffffff}, big);
       },
       [](bool big) { return copy(big ? H5T_IEEE_F64BE : H5T_IEEE_F64LE); },
       {1, -2, 0x1p-1074, std::numeric_limits<double>::max()}},
      {"int8", ElementKind::int8, extremes<std::int8_t>,
       [](bool big) { return copy(big ? H5T_STD_I8BE : H5T_STD_I8LE); }, extremes_read<std::int8_t>()},
      {"int16", ElementKind::int16, extremes<std::int16_t>,
       [](bool big) { return copy(big ? H5T_STD_I16BE : H5T_STD_I16LE); }, extremes_read<std::int16_t>()},
      {"int32", ElementKind::int32, extremes<std::int32_t>,
       [](bool big) { return copy(big ? H5T_STD_I32BE : H5T_STD_I32LE); }, extremes_read<std::int32_t>()},
      {"int64", ElementKind::int64, extremes<std::int64_t>,
       [](bool big) { return copy(big ? H5T_STD_I64BE : H5T_STD_I64LE); }, extremes_read<std::int64_t>()},
      {"uint8", ElementKind::uint8, extremes<std::uint8_t>,
       [](bool big) { return copy(big ? H5T_STD_U8BE : H5T_STD_U8LE); }, extremes_read<std::uint8_t>()},
      {"uint16", ElementKind::uint16, extremes<std::uint16_t>,
       [](bool big) { return copy(big ? H5T_STD_U16BE : H5T_STD_U16LE); }, extremes_read<std::uint16_t>()},
      {"uint32", ElementKind::uint32, extremes<std::uint32_t>,
       [](bool big) { return copy(big ? H5T_STD_U32BE : H5T_STD_U32LE); }, extremes_read<std::uint32_t>()},
      {"uint64", ElementKind::uint64, extremes<std::uint64_t>,
       [](bool big) { return copy(big ? H5T_STD_U64BE : H5T_STD_U64LE); }, extremes_read<std::uint64_t>()},
  };
}

class NumberTypes : public ::testing::TestWithParam<bool> {};

TEST_P(NumberTypes, AreReadBitByBit) {
  const bool big_endian = GetParam();
  const TempDir dir;
  for (const TypeCase& test : type_cases()) {
    SCOPED_TRACE(test.name);
    const Handle type = test.type(big_endian);
    const auto bytes = test.bytes(big_endian);
    const DatasetIndex index = raw_activations(dir / "dump.h5", type.get(), bytes);
    EXPECT_EQ(index.element, (ElementType{test.kind, big_endian && index.element.size() > 1}));
    EXPECT_EQ(read_all(index, 2), test.expected);
    std::vector<std::byte> raw(bytes.size());
    open_rows(index, 0)->read(0, index.samples(), raw);
    EXPECT_TRUE(std::equal(raw.begin(), raw.end(), bytes.begin(), [](std::byte a, unsigned char b) {
      return std::to_integer<unsigned char>(a) == b;
    }));
  }
}

INSTANTIATE_TEST_SUITE_P(ByteOrder, NumberTypes, ::testing::Bool(),
                         [](const auto& order) { return order.param ? "BigEndian" : "LittleEndian"; });

// A dump whose activations, uint16 or another type, have the attribute dtype.
template <class T>
std::string dump_with_dtype(const TempDir& dir, const std::vector<T>& numbers, const std::string& dtype) {
  std::string path = dir / "dump.h5";
  const TestFile file(path);
  file.ramp("targets", {numbers.size()});
  file.dataset("layers/fc/activations", {numbers.size(), 1}, numbers);
  file.attribute("layers/fc/activations", "dtype", dtype);
  return path;
}

TEST(Dtype, MakesUint16Bfloat16) {
  const TempDir dir;
  for (const char* name : {"bfloat16", "torch.bfloat16"}) {
    const auto index = activations_of(dump_with_dtype<std::uint16_t>(dir, {0x3f80, 0xc000}, name));
    EXPECT_EQ(index.element, (ElementType{ElementKind::bfloat16, false}));
    EXPECT_EQ(read_all(index, 2), (std::vector<double>{1, -2}));
  }
}

TEST(Dtype, ThatAgreesChangesNothing) {
  const TempDir dir;
  const auto integers = activations_of(dump_with_dtype<std::uint16_t>(dir, {0x3f80}, "uint16"));
  EXPECT_EQ(integers.element.kind, ElementKind::uint16);
  const auto widened = activations_of(dump_with_dtype<float>(dir, {1.0F}, "bfloat16"));
  EXPECT_EQ(widened.element.kind, ElementKind::float32);
}

TEST(Dtype, ThatContradictsTheNumbersIsAnError) {
  const TempDir dir;
  EXPECT_THAT(index_error(dump_with_dtype<std::uint16_t>(dir, {1}, "bf\x1b[2J")),
              AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr("found \"bf\\x1b[2J\""),
                    HasSubstr("expected \"bfloat16\"")));
  EXPECT_THAT(index_error(dump_with_dtype<std::int16_t>(dir, {1}, "bfloat16")),
              AllOf(HasSubstr("int16 numbers"), HasSubstr("expected uint16")));
}

template <class T>
std::string dtype_error(const TempDir& dir, const std::string& dtype) {
  return index_error(dump_with_dtype<T>(dir, {1}, dtype));
}

TEST(Dtype, OfFloatsIsNeverTakenForIntegers) {
  const TempDir dir;
  EXPECT_THAT(dtype_error<std::int16_t>(dir, "float16"),
              AllOf(HasSubstr("found \"float16\" on int16 numbers"), HasSubstr("--dtype float16")));
  EXPECT_THAT(dtype_error<std::int16_t>(dir, "torch.bfloat16"),
              AllOf(HasSubstr("int16 numbers"), HasSubstr("--dtype bfloat16")));
  for (const char* dtype : {"float32", "torch.float32", "numpy.float32", "<f4", "float", "complex64"}) {
    EXPECT_THAT(dtype_error<std::int32_t>(dir, dtype), HasSubstr("on int32 numbers")) << dtype;
    EXPECT_THAT(dtype_error<std::uint32_t>(dir, dtype), HasSubstr("on uint32 numbers")) << dtype;
  }
  for (const char* dtype : {"float64", "double", ">f8", "torch.double"}) {
    EXPECT_THAT(dtype_error<std::int64_t>(dir, dtype), HasSubstr("expected \"int64\"")) << dtype;
    EXPECT_THAT(dtype_error<std::uint64_t>(dir, dtype), HasSubstr("float64")) << dtype;
  }
  EXPECT_THAT(dtype_error<std::uint8_t>(dir, "torch.float8_e4m3fn"), HasSubstr("on uint8 numbers"));
  EXPECT_THAT(dtype_error<std::uint16_t>(dir, "half"), HasSubstr("--dtype float16"));
}

TEST(Dtype, OfTheSameSizeMustBeTheSame) {
  const TempDir dir;
  EXPECT_THAT(dtype_error<std::int32_t>(dir, "uint32"), HasSubstr("expected \"int32\""));
  EXPECT_THAT(dtype_error<float>(dir, "int32"), HasSubstr("found \"int32\" on float32 numbers"));
  EXPECT_THAT(dtype_error<double>(dir, "int64"), HasSubstr("on float64 numbers"));
}

TEST(Dtype, OfAnotherSizeTellsWhereNumbersCameFrom) {
  const TempDir dir;
  EXPECT_EQ(activations_of(dump_with_dtype<double>(dir, {1}, "float32")).element.kind, ElementKind::float64);
  EXPECT_EQ(activations_of(dump_with_dtype<float>(dir, {1}, "float16")).element.kind, ElementKind::float32);
  EXPECT_EQ(activations_of(dump_with_dtype<float>(dir, {1}, "int8")).element.kind, ElementKind::float32);
  EXPECT_EQ(activations_of(dump_with_dtype<std::int64_t>(dir, {1}, "int8")).element.kind, ElementKind::int64);
  EXPECT_EQ(activations_of(dump_with_dtype<std::int64_t>(dir, {1}, "long")).element.kind, ElementKind::int64);
  EXPECT_EQ(activations_of(dump_with_dtype<std::uint8_t>(dir, {1}, "bool")).element.kind, ElementKind::uint8);
}

// Of the layer's group, where the dataset itself says nothing.
TEST(Dtype, OfTheGroupCountsToo) {
  const TempDir dir;
  const auto write = [&](const std::string& dtype) {
    std::string path = dir / "dump.h5";
    const TestFile file(path);
    file.ramp("targets", {2});
    file.dataset<std::uint16_t>("layers/fc/activations", {2, 1}, {0x3f80, 0xc000});
    file.attribute("layers/fc", "dtype", dtype);
    return path;
  };
  EXPECT_EQ(read_all(activations_of(write("bfloat16")), 2), (std::vector<double>{1, -2}));
  EXPECT_THAT(index_error(write("float16")), HasSubstr("found \"float16\" on uint16 numbers"));
}

TEST(Dtype, OfTheUserSaysWhatIntegersOf16BitsHold) {
  const TempDir dir;
  IndexOptions options;
  options.read_as = ElementKind::float16;
  const auto read = [&](const std::string& path) {
    return read_all(index_dump(path, options).checkpoints.at(0).layers.at(0).activations, 1);
  };
  const auto plain = [&](auto number) {
    std::string path = dir / "dump.h5";
    const TestFile file(path);
    file.ramp("targets", {1});
    file.dataset<decltype(number)>("layers/fc/activations", {1, 1}, {number});
    return path;
  };
  EXPECT_EQ(read(plain(std::uint16_t{0x3c00})), std::vector<double>{1});
  EXPECT_EQ(read(plain(std::int16_t{-0x4000})), std::vector<double>{-2});
  EXPECT_EQ(read(plain(std::int32_t{0x3c00})), std::vector<double>{0x3c00});
  EXPECT_EQ(read(dump_with_dtype<std::int16_t>(dir, {0x3c00}, "float16")), std::vector<double>{1});
  EXPECT_EQ(read(dump_with_dtype<std::int16_t>(dir, {0x3c00}, "int16")), std::vector<double>{0x3c00});
  EXPECT_THAT(index_error(dump_with_dtype<std::uint16_t>(dir, {1}, "bfloat16"), options),
              HasSubstr("expected \"float16\", as --dtype float16 says"));
}

// The error of a dump whose activations have `type`; nothing is written.
std::string type_error(const TempDir& dir, hid_t type) {
  const std::string path = dir / "dump.h5";
  {
    const TestFile file(path);
    file.ramp("targets", {2});
    const Handle creation = creation_properties({2, 1}, {});
    (void)file.create("layers/fc/activations", type, {2, 1}, creation.get());
  }
  return index_error(path);
}

Handle compound_type() {
  Handle type(must(H5Tcreate(H5T_COMPOUND, 16)), H5Tclose);
  must(H5Tinsert(type.get(), "r", 0, H5T_NATIVE_DOUBLE));
  must(H5Tinsert(type.get(), "i", 8, H5T_NATIVE_DOUBLE));
  return type;
}

TEST(BadTypes, AreNamed) {
  const TempDir dir;
  const Handle text = copy(H5T_C_S1);
  const Handle compound = compound_type();
  const Handle boolean = boolean_type();
  const Handle vlen(must(H5Tvlen_create(H5T_NATIVE_FLOAT)), H5Tclose);
  const Handle opaque(must(H5Tcreate(H5T_OPAQUE, 2)), H5Tclose);
  const hsize_t three = 3;
  const Handle array(must(H5Tarray_create2(H5T_NATIVE_FLOAT, 1, &three)), H5Tclose);
  const std::vector<std::pair<hid_t, const char*>> cases{
      {text.get(), "found strings"},
      {compound.get(), "found a compound type"},
      {boolean.get(), "found an enumeration"},
      {vlen.get(), "found a variable-length type"},
      {opaque.get(), "found an opaque type"},
      {array.get(), "found an array type"},
      {H5T_NATIVE_LDOUBLE, "found a floating-point type of 16 bytes"},
      {H5T_VAX_F32, "VAX"},
      {H5T_STD_REF_OBJ, "found references"},
      {H5T_STD_B16LE, "found a bit field"}};
  for (const auto& [type, found] : cases) {
    SCOPED_TRACE(found);
    EXPECT_THAT(type_error(dir, type),
                AllOf(HasSubstr("dump.h5: /layers/fc/activations: "), HasSubstr(found)));
  }
}

// An enumeration with these members; none as booleans are stored, unless they are FALSE = 0 and TRUE = 1.
Handle enumeration(hid_t base, const std::vector<std::pair<const char*, std::int16_t>>& members) {
  Handle type(must(H5Tenum_create(base)), H5Tclose);
  for (const auto& [name, value] : members) {
    std::int16_t stored = value;
    must(H5Tconvert(H5T_NATIVE_INT16, base, 1, &stored, nullptr, H5P_DEFAULT));
    must(H5Tenum_insert(type.get(), name, &stored));
  }
  return type;
}

void write_labels(const std::string& path, hid_t type, const std::string& task, const Stored& stored = {}) {
  const TestFile file(path);
  file.attribute("/", "task", task);
  const Handle creation = creation_properties({4}, stored);
  const Handle labels = file.create("targets", type, {4}, creation.get());
  const std::int8_t values[]{0, 1, 1, 0};
  const Handle one_byte = enumeration(H5T_NATIVE_INT8, {{"FALSE", 0}, {"TRUE", 1}});
  must(H5Dwrite(labels.get(), H5Tget_size(type) == 1 ? type : one_byte.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                values));
  file.ramp("layers/fc/activations", {4, 2});
}

TEST(BooleanLabels, AreTheIntegersThatTheyAreStoredAs) {
  const TempDir dir;
  const std::vector<std::pair<const char*, std::int16_t>> members{{"FALSE", 0}, {"TRUE", 1}};
  const Handle wide = enumeration(H5T_STD_I16BE, members);
  const Handle narrow = boolean_type();
  for (const hid_t type : {narrow.get(), wide.get()}) {
    for (const Stored& stored : {Stored{}, Stored{{}, true}, Stored{{3}, false, false, 1}}) {
      write_labels(dir / "dump.h5", type, "classification", stored);
      const DumpIndex index = index_dump(dir / "dump.h5");
      ASSERT_EQ(index.checkpoints.size(), 1U);
      const DatasetIndex& labels = index.checkpoints[0].targets;
      EXPECT_EQ(labels.element.kind, type == wide.get() ? ElementKind::int16 : ElementKind::int8);
      EXPECT_EQ(labels.element.big_endian, type == wide.get());
      EXPECT_EQ(read_all(labels, 3), std::vector<double>({0, 1, 1, 0}));
    }
  }
}

TEST(BooleanLabels, AreNoTargetsOfARegression) {
  const TempDir dir;
  write_labels(dir / "dump.h5", boolean_type().get(), "regression");
  EXPECT_THAT(index_error(dir / "dump.h5"), HasSubstr("/targets: found an enumeration"));
}

TEST(BooleanLabels, AreNoOtherEnumerations) {
  const TempDir dir;
  const std::vector<std::vector<std::pair<const char*, std::int16_t>>> others{
      {{"FALSE", 1}, {"TRUE", 0}},
      {{"NO", 0}, {"YES", 1}},
      {{"FALSE", 0}, {"TRUE", 1}, {"MAYBE", 2}},
      {{"FALSE", 0}}};
  for (const auto& members : others) {
    const Handle type = enumeration(H5T_NATIVE_INT8, members);
    write_labels(dir / "dump.h5", type.get(), "classification");
    EXPECT_THAT(index_error(dir / "dump.h5"), HasSubstr("/targets: found an enumeration"));
  }
}

TEST(BadTypes, OddFloatsAndIntegersAreNamed) {
  const TempDir dir;
  const Handle fp8 = copy(H5T_IEEE_F32LE);  // E4M3
  must(H5Tset_fields(fp8.get(), 7, 3, 4, 0, 3));
  must(H5Tset_size(fp8.get(), 1));
  must(H5Tset_ebias(fp8.get(), 7));
  EXPECT_THAT(
      type_error(dir, fp8.get()),
      AllOf(HasSubstr("1 bytes with 4 exponent bits (bias 7) and 3 fraction bits"), HasSubstr("bfloat16")));
  const Handle twelve_bits = copy(H5T_STD_I16LE);
  must(H5Tset_precision(twelve_bits.get(), 12));
  EXPECT_THAT(type_error(dir, twelve_bits.get()), HasSubstr("an integer type of 12 bits in 2 bytes"));
}

}  // namespace
}  // namespace collapscope::testing
