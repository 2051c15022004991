#include "hdf5/element_type.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr const char* expected_numbers =
    "numbers (float16, bfloat16, float32, float64, or integers of 8 to 64 bits)";

// Where the parts of a floating-point number lie, in bits.
struct FloatBits {
  std::size_t size;  // bytes
  std::size_t exponent_at;
  std::size_t exponent_bits;
  std::size_t fraction_bits;
  std::size_t bias;
  ElementKind kind;
};

constexpr std::array<FloatBits, 4> known_floats{{{2, 10, 5, 10, 15, ElementKind::float16},
                                                 {2, 7, 8, 7, 127, ElementKind::bfloat16},
                                                 {4, 23, 8, 23, 127, ElementKind::float32},
                                                 {8, 52, 11, 52, 1023, ElementKind::float64}}};

std::string class_name(H5T_class_t kind) {
  switch (kind) {
    case H5T_TIME:
      return "a time type";
    case H5T_STRING:
      return "strings";
    case H5T_BITFIELD:
      return "a bit field";
    case H5T_OPAQUE:
      return "an opaque type";
    case H5T_COMPOUND:
      return "a compound type";
    case H5T_REFERENCE:
      return "references";
    case H5T_ENUM:
      return "an enumeration, as booleans and named categories are stored: store its integers";
    case H5T_VLEN:
      return "a variable-length type";
    case H5T_ARRAY:
      return "an array type";
    default:
      return "an unknown type";
  }
}

[[noreturn]] void refuse(const Place& place, const std::string& found) {
  throw InputError(place.file, place.object, fmt::format("found {}; expected {}", found, expected_numbers));
}

// Whether numbers fill their bytes, with no unused bits.
bool fills_its_bytes(hid_t type) {
  return H5Tget_precision(type) == 8 * H5Tget_size(type) && H5Tget_offset(type) == 0;
}

bool is_big_endian(hid_t type, const Place& place) {
  const H5T_order_t order = H5Tget_order(type);
  if (H5Tget_size(type) > 1 && order != H5T_ORDER_LE && order != H5T_ORDER_BE) {
    refuse(place, "numbers in VAX or mixed byte order");
  }
  return H5Tget_size(type) > 1 && order == H5T_ORDER_BE;
}

ElementType float_type(hid_t type, const Place& place) {
  std::size_t sign = 0;
  std::size_t exponent_at = 0;
  std::size_t exponent_bits = 0;
  std::size_t fraction_at = 0;
  std::size_t fraction_bits = 0;
  check(H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &fraction_at, &fraction_bits), place,
        "read the type");
  const bool big_endian = is_big_endian(type, place);
  for (const FloatBits& known : known_floats) {
    if (H5Tget_size(type) == known.size && fills_its_bytes(type) && sign == 8 * known.size - 1 &&
        exponent_at == known.exponent_at && exponent_bits == known.exponent_bits && fraction_at == 0 &&
        fraction_bits == known.fraction_bits && H5Tget_ebias(type) == known.bias &&
        H5Tget_norm(type) == H5T_NORM_IMPLIED) {
      return {known.kind, big_endian};
    }
  }
  refuse(place,
         fmt::format("a floating-point type of {} bytes with {} exponent bits (bias {}) and {} fraction bits",
                     H5Tget_size(type), exponent_bits, H5Tget_ebias(type), fraction_bits));
}

ElementType integer_type(hid_t type, const Place& place) {
  const std::size_t size = H5Tget_size(type);
  const H5T_sign_t sign = H5Tget_sign(type);
  const bool big_endian = is_big_endian(type, place);
  if (fills_its_bytes(type) && (sign == H5T_SGN_2 || sign == H5T_SGN_NONE)) {
    const bool is_signed = sign == H5T_SGN_2;
    switch (size) {
      case 1:
        return {is_signed ? ElementKind::int8 : ElementKind::uint8, big_endian};
      case 2:
        return {is_signed ? ElementKind::int16 : ElementKind::uint16, big_endian};
      case 4:
        return {is_signed ? ElementKind::int32 : ElementKind::uint32, big_endian};
      case 8:
        return {is_signed ? ElementKind::int64 : ElementKind::uint64, big_endian};
      default:
        break;
    }
  }
  refuse(place, fmt::format("an integer type of {} bits in {} bytes", H5Tget_precision(type), size));
}

}  // namespace

bool is_boolean(hid_t type) {
  if (H5Tget_class(type) != H5T_ENUM || H5Tget_nmembers(type) != 2) {
    return false;
  }
  const auto has = [&](const char* name, std::int64_t expected) {
    std::array<std::byte, sizeof(std::int64_t)> bytes{};  // the member's value, made wide in place
    if (H5Tget_size(type) > bytes.size() || H5Tenum_valueof(type, name, bytes.data()) < 0) {
      return false;
    }
    const Handle base(H5Tget_super(type), H5Tclose);
    std::int64_t value = -1;
    if (H5Tconvert(base.get(), H5T_NATIVE_INT64, 1, bytes.data(), nullptr, H5P_DEFAULT) < 0) {
      return false;
    }
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value == expected;
  };
  return has("FALSE", 0) && has("TRUE", 1);
}

ElementType element_type(hid_t type, bool booleans, const Place& place) {
  if (booleans && is_boolean(type)) {
    const Handle base = own(H5Tget_super(type), H5Tclose, place, "read the type");
    return element_type(base.get(), false, place);
  }
  const H5T_class_t kind = H5Tget_class(type);
  if (kind != H5T_FLOAT && kind != H5T_INTEGER) {
    refuse(place, class_name(kind));
  }
  return kind == H5T_FLOAT ? float_type(type, place) : integer_type(type, place);
}

}  // namespace collapscope::hdf5
