// The largest eigenpairs of a symmetric matrix, as a library gives them: Spectra, or LAPACK where Spectra is
// not installed.
#pragma once

#include <cstddef>
#include <optional>

#include "collapscope/core/matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope::linalg {

// The `count` largest eigenpairs, unchecked; nullopt: the library gave up. symmetric: finite, of order
// d > count >= 1; scale: a power of two near its norm. The same input gives the same bits.
[[nodiscard]] std::optional<Eigenbasis> top_eigen(const Matrix& symmetric, std::size_t count, double scale);

}  // namespace collapscope::linalg
