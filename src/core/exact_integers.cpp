#include "core/exact_integers.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace collapscope {

namespace {

constexpr std::size_t integer_bytes = sizeof(std::uint64_t);

std::uint64_t in_own_order(std::uint64_t value, bool reversed) {
  if (!reversed) {
    return value;
  }
  std::uint64_t turned = 0;
  for (std::size_t byte = 0; byte < integer_bytes; ++byte) {
    turned = turned << 8U | (value >> (8 * byte) & 0xffU);
  }
  return turned;
}

std::uint64_t magnitude(std::uint64_t value, bool is_signed) {
  return is_signed && value >> 63U != 0 ? ~value + 1 : value;
}

// Whether float64 holds it: its digits span no more than 53 bits.
bool is_exact(std::uint64_t magnitude) {
  const auto length = static_cast<int>(std::bit_width(magnitude));
  return magnitude == 0 || length - std::countr_zero(magnitude) <= 53;
}

std::uint64_t integer_at(std::span<const std::byte> stored, std::size_t place, bool reversed) {
  std::uint64_t value = 0;
  std::memcpy(&value, stored.data() + place * integer_bytes, integer_bytes);
  return in_own_order(value, reversed);
}

// Whether one is beyond 2^53; without a branch for each.
bool may_be_rounded(std::span<const std::byte> stored, bool is_signed, bool reversed) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < stored.size() / integer_bytes; ++i) {
    bits |= magnitude(integer_at(stored, i, reversed), is_signed);
  }
  return bits >> 53U != 0;
}

}  // namespace

std::optional<RoundedInteger> first_rounded(std::span<const std::byte> stored, const ElementType& element) {
  const bool is_signed = element.kind == ElementKind::int64;
  const bool reversed = element.big_endian != (std::endian::native == std::endian::big);
  if ((!is_signed && element.kind != ElementKind::uint64) || !may_be_rounded(stored, is_signed, reversed)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < stored.size() / integer_bytes; ++i) {
    const std::uint64_t value = integer_at(stored, i, reversed);
    if (const std::uint64_t size = magnitude(value, is_signed); !is_exact(size)) {
      return RoundedInteger{i, fmt::format("{}{}", is_signed && value >> 63U != 0 ? "-" : "", size)};
    }
  }
  return std::nullopt;
}

std::string rounded_message(const RoundedInteger& found, std::uint64_t row) {
  return fmt::format(
      "found {} in row {}, which float64 rounds; expected integers that it holds, such as those up to 2^53: "
      "subtract an offset beforehand, or take float64",
      found.text, row);
}

}  // namespace collapscope
