// The first look again, by the plainest arithmetic that is more precise.
#pragma once

#include <cstddef>
#include <span>

#include "collapscope/core/element.hpp"
#include "collapscope/core/matrix.hpp"

namespace collapscope::bench {

// |scatter - S|_F / |S|_F for S = sum x x^T of stored rows [rows, d] about their mean, in long double, in two
// passes. Takes O(rows d^2) time on one thread.
[[nodiscard]] double scatter_error(const Matrix& scatter, std::span<const std::byte> stored,
                                   ElementType type);

}  // namespace collapscope::bench
