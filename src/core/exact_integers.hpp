// Integers of 64 bits that float64 does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "collapscope/core/element.hpp"

namespace collapscope {

struct RoundedInteger {
  std::size_t place = 0;  // among the numbers
  std::string text;       // its digits
};

// The first of these stored numbers that float64 would round; nullopt: none, or they are of another type.
[[nodiscard]] std::optional<RoundedInteger> first_rounded(std::span<const std::byte> stored,
                                                          const ElementType& element);

// "found ... in row ...", and what was expected.
[[nodiscard]] std::string rounded_message(const RoundedInteger& found, std::uint64_t row);

}  // namespace collapscope
