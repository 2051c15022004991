#include "kernels/support.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "collapscope/core/decode.hpp"

namespace collapscope::test {

namespace {

bool is_float(ElementKind kind) {
  return kind == ElementKind::float16 || kind == ElementKind::bfloat16 || kind == ElementKind::float32 ||
         kind == ElementKind::float64;
}

// Exponent bits, of the bits as an integer: where they begin, how many, and the exponent of 1.
struct Exponent {
  unsigned shift;
  unsigned bits;
  std::uint64_t of_one;
};

Exponent exponent_of(ElementKind kind) {
  switch (kind) {
    case ElementKind::float16:
      return {10, 5, 15};
    case ElementKind::bfloat16:
      return {7, 8, 127};
    case ElementKind::float32:
      return {23, 8, 127};
    default:
      return {52, 11, 1023};
  }
}

std::uint64_t exponent_mask(const Exponent& exponent) {
  return ((std::uint64_t{1} << exponent.bits) - 1) << exponent.shift;
}

// One number in five is a zero or subnormal; the others lie between 2^-8 and 2^7.
std::uint64_t random_bits(ElementKind kind, Random& random) {
  const std::uint64_t bits = (static_cast<std::uint64_t>(random.below(std::size_t{1} << 32U)) << 32U) |
                             random.below(std::size_t{1} << 32U);
  if (!is_float(kind)) {
    return bits;
  }
  const Exponent exponent = exponent_of(kind);
  const std::uint64_t middle = random.below(5) == 0 ? 0 : exponent.of_one - 8 + random.below(16);
  return (bits & ~exponent_mask(exponent)) | (middle << exponent.shift);
}

void put(std::byte* at, ElementType type, std::uint64_t bits) {
  std::memcpy(at, &bits, type.size());
  if (type.big_endian) {
    std::reverse(at, at + type.size());
  }
}

}  // namespace

std::vector<ElementType> all_element_types() {
  std::vector<ElementType> types;
  for (const ElementKind kind :
       {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32, ElementKind::float64,
        ElementKind::int8, ElementKind::int16, ElementKind::int32, ElementKind::int64, ElementKind::uint8,
        ElementKind::uint16, ElementKind::uint32, ElementKind::uint64}) {
    types.push_back({kind, false});
    types.push_back({kind, true});
  }
  return types;
}

bool has_infinity(ElementType type) { return is_float(type.kind); }

StoredData::StoredData(ElementType type, std::size_t count, std::size_t offset, Random& random)
    : type_(type), begin_(offset * type.size()), storage_(begin_ + count * type.size()) {
  for (std::size_t i = 0; i < count; ++i) {
    put(storage_.data() + begin_ + i * type.size(), type, random_bits(type.kind, random));
  }
}

StoredData::StoredData(std::span<const double> values, std::size_t offset)
    : begin_(offset * sizeof(double)), storage_(begin_ + values.size_bytes()) {
  std::memcpy(storage_.data() + begin_, values.data(), values.size_bytes());
}

std::vector<double> StoredData::decoded() const {
  std::vector<double> values(bytes().size() / type_.size());
  decode_elements(bytes(), type_, values);
  return values;
}

void StoredData::set(std::size_t index, double nan_or_infinity) {
  const Exponent exponent = exponent_of(type_.kind);
  const std::uint64_t sign =
      std::signbit(nan_or_infinity) ? std::uint64_t{1} << (exponent.shift + exponent.bits) : 0;
  const std::uint64_t fraction = std::isnan(nan_or_infinity) ? 1 : 0;
  put(storage_.data() + begin_ + index * type_.size(), type_, sign | exponent_mask(exponent) | fraction);
}

std::vector<LaunchShape> row_launches() {
  return {{{1, 1}, {1, 1}}, {{3, 1}, {1, 4}},  {{1, 1}, {2, 2}},  {{2, 1}, {4, 1}},
          {{1, 1}, {8, 3}}, {{5, 1}, {16, 2}}, {{1, 1}, {32, 8}}, {{100, 1}, {32, 1}}};
}

std::vector<LaunchShape> column_launches() {
  return {{{1, 1}, {1, 1}}, {{2, 3}, {4, 1}}, {{1, 1}, {32, 8}}, {{3, 2}, {1, 5}}, {{50, 50}, {2, 2}}};
}

std::vector<LaunchShape> item_launches() {
  return {{{1, 1}, {1, 1}}, {{3, 1}, {7, 1}}, {{1, 1}, {256, 1}}, {{100, 1}, {2, 1}}};
}

DeviceRows::DeviceRows(std::size_t rows, std::size_t cols, std::size_t padding)
    : cols_(cols), storage_(rows, cols + padding) {
  std::fill(storage_.values().begin(), storage_.values().end(), nan);
}

DeviceRows::DeviceRows(const Matrix& values, std::size_t padding)
    : DeviceRows(values.rows(), values.cols(), padding) {
  for (std::size_t i = 0; i < values.rows(); ++i) {
    const auto row = values.view().row(i);
    std::copy(row.begin(), row.end(), storage_.view().row(i).begin());
  }
}

kernels::DeviceMatrix DeviceRows::matrix() {
  return {storage_.data(), storage_.rows(), cols_, storage_.cols()};
}

bool DeviceRows::padding_untouched() const {
  for (std::size_t i = 0; i < storage_.rows(); ++i) {
    const auto row = storage_.view().row(i).subspan(cols_);
    if (!std::all_of(row.begin(), row.end(), [](double value) { return std::isnan(value); })) {
      return false;
    }
  }
  return true;
}

}  // namespace collapscope::test
