#include "hdf5/dtype.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::hdf5 {

namespace {

using NamedKind = std::pair<std::string_view, ElementKind>;

constexpr std::array<NamedKind, 34> known_names{{
    {"float16", ElementKind::float16}, {"half", ElementKind::float16},    {"f2", ElementKind::float16},
    {"fp16", ElementKind::float16},    {"f16", ElementKind::float16},     {"bfloat16", ElementKind::bfloat16},
    {"bf16", ElementKind::bfloat16},   {"float32", ElementKind::float32}, {"float", ElementKind::float32},
    {"single", ElementKind::float32},  {"f4", ElementKind::float32},      {"fp32", ElementKind::float32},
    {"float64", ElementKind::float64}, {"double", ElementKind::float64},  {"f8", ElementKind::float64},
    {"fp64", ElementKind::float64},    {"int8", ElementKind::int8},       {"i1", ElementKind::int8},
    {"int16", ElementKind::int16},     {"short", ElementKind::int16},     {"i2", ElementKind::int16},
    {"int32", ElementKind::int32},     {"i4", ElementKind::int32},        {"int64", ElementKind::int64},
    {"long", ElementKind::int64},      {"i8", ElementKind::int64},        {"uint8", ElementKind::uint8},
    {"u1", ElementKind::uint8},        {"uint16", ElementKind::uint16},   {"u2", ElementKind::uint16},
    {"uint32", ElementKind::uint32},   {"u4", ElementKind::uint32},       {"uint64", ElementKind::uint64},
    {"u8", ElementKind::uint64},
}};

// Without the library's name and the byte order, which the storage tells.
std::string plain_name(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  text.erase(0, text.rfind('.') + 1);
  text.erase(0, std::min(text.find_first_not_of("<>=|"), text.size()));
  return text;
}

std::optional<ElementKind> kind_named(const std::string& name) {
  const auto* const known = std::ranges::find(known_names, std::string_view(name), &NamedKind::first);
  return known == known_names.end() ? std::nullopt : std::optional(known->second);
}

bool is_bits_of_16(ElementKind kind) { return kind == ElementKind::uint16 || kind == ElementKind::int16; }

// Names of types with a fraction that are not read: float8_e4m3fn, complex64.
bool sounds_like_float(const std::string& name) {
  return name.find("float") != std::string::npos || name.find("complex") != std::string::npos;
}

// PyTorch's types of codes, which scales turn into numbers.
bool is_quantized(const std::string& name) { return name.starts_with("qint") || name.starts_with("quint"); }

bool same_size(ElementKind a, ElementKind b) { return ElementType{a}.size() == ElementType{b}.size(); }

// Whether numbers may be of `stored` although `name` (of the kind `named`) is said. Floats may have become
// wider or narrower and integers other integers; what has as many bits and is something else may be bits
// taken for numbers.
bool agree(ElementKind stored, const std::string& name, const std::optional<ElementKind>& named) {
  if (!named) {
    return ElementType{stored}.is_integer() ? !sounds_like_float(name) && !is_bits_of_16(stored) : true;
  }
  if (ElementType{stored}.is_integer() && !ElementType{*named}.is_integer()) {
    return false;
  }
  return stored == *named || !same_size(stored, *named);
}

std::string expectation(ElementKind stored, const std::optional<ElementKind>& named) {
  const bool half = named == ElementKind::bfloat16 || named == ElementKind::float16;
  const std::string option =
      half && is_bits_of_16(stored)
          ? fmt::format("; --dtype {0} reads their bits as {0}", ElementType{*named}.name())
          : "";
  if (named == ElementKind::bfloat16) {
    return "uint16 numbers" + option;
  }
  if (!named && stored == ElementKind::uint16) {
    return R"("bfloat16" or "uint16")";
  }
  return fmt::format("\"{}\"{}{}", ElementType{stored}.name(),
                     named ? fmt::format(", or numbers stored as {}", ElementType{*named}.name()) : "",
                     option);
}

[[noreturn]] void refuse(ElementType stored, const SaidType& said, const std::string& expected,
                         const Place& place) {
  throw InputError(place.file, place.object,
                   fmt::format("attribute '{}': found \"{}\" on {} numbers; expected {}", said.attribute,
                               printable(said.text), stored.name(), expected));
}

}  // namespace

std::optional<SaidType> said_type(const Attributes& attributes) {
  for (const char* name : {"dtype", "torch_dtype"}) {
    if (const auto text = attributes.text(name)) {
      return SaidType{name, *text};
    }
  }
  return std::nullopt;
}

ElementType interpret(ElementType stored, const std::optional<SaidType>& said,
                      const std::optional<ElementKind>& read_as, const Place& place) {
  const std::string name = said ? plain_name(said->text) : "";
  const std::optional<ElementKind> named = kind_named(name);
  if (is_quantized(name)) {
    refuse(stored, *said, "the numbers themselves: dequantize them before storing", place);
  }
  if (read_as && is_bits_of_16(stored.kind) && named != stored.kind) {
    if (named && named != read_as) {
      refuse(stored, *said, fmt::format("\"{0}\", as --dtype {0} says", ElementType{*read_as}.name()), place);
    }
    return {*read_as, stored.big_endian};
  }
  if (!said || named == stored.kind) {
    return stored;
  }
  if (named == ElementKind::bfloat16 && stored.kind == ElementKind::uint16) {
    return {ElementKind::bfloat16, stored.big_endian};
  }
  if (!agree(stored.kind, name, named)) {
    refuse(stored, *said, expectation(stored.kind, named), place);
  }
  return stored;
}

}  // namespace collapscope::hdf5
