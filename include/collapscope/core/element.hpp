// Number types of stored activations, and what their rounding means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace collapscope {

enum class ElementKind : std::uint8_t {
  float16,
  bfloat16,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
};

// How one number is stored in a file.
struct ElementType {
  ElementKind kind = ElementKind::float64;
  bool big_endian = false;

  // Bytes per number.
  [[nodiscard]] std::size_t size() const;
  // Unit roundoff u of the type: 2^-11 float16, 2^-8 bfloat16, 2^-24 float32, 2^-53 float64, 0 for integers.
  [[nodiscard]] double unit_roundoff() const;
  [[nodiscard]] bool is_integer() const { return unit_roundoff() == 0; }
  // "float16", "bfloat16", "int32 big-endian", ...
  [[nodiscard]] std::string name() const;

  friend bool operator==(const ElementType&, const ElementType&) = default;
};

}  // namespace collapscope
