#include "collapscope/core/element.hpp"

#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

struct Properties {
  std::size_t size;
  double unit_roundoff;
  const char* name;
};

Properties properties(ElementKind kind) {
  switch (kind) {
    case ElementKind::float16:
      return {2, 0x1p-11, "float16"};
    case ElementKind::bfloat16:
      return {2, 0x1p-8, "bfloat16"};
    case ElementKind::float32:
      return {4, 0x1p-24, "float32"};
    case ElementKind::float64:
      return {8, 0x1p-53, "float64"};
    case ElementKind::int8:
      return {1, 0, "int8"};
    case ElementKind::int16:
      return {2, 0, "int16"};
    case ElementKind::int32:
      return {4, 0, "int32"};
    case ElementKind::int64:
      return {8, 0, "int64"};
    case ElementKind::uint8:
      return {1, 0, "uint8"};
    case ElementKind::uint16:
      return {2, 0, "uint16"};
    case ElementKind::uint32:
      return {4, 0, "uint32"};
    case ElementKind::uint64:
      return {8, 0, "uint64"};
  }
  throw UsageError("unknown element kind");
}

}  // namespace

std::size_t ElementType::size() const { return properties(kind).size; }

double ElementType::unit_roundoff() const { return properties(kind).unit_roundoff; }

std::string ElementType::name() const {
  std::string text = properties(kind).name;
  return big_endian && size() > 1 ? text + " big-endian" : text;
}

}  // namespace collapscope
