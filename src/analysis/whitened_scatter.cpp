#include "analysis/whitened_scatter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linalg/blas.hpp"

namespace collapscope {

namespace {

// A tenth of what the metrics are held to.
constexpr double accepted_error = 1e-9;

// c eps, for segments of so many rows: three times what was seen of rows that are all alike, whose roundings
// add up, and twenty times what was seen of others.
double rounding_of_products(std::uint64_t segment_rows) {
  return (32 + static_cast<double>(segment_rows) / 1024) * std::numeric_limits<double>::epsilon();
}

// Of the leading eigenvalues l so many that l_1 |P|_F keeps the accepted error; none where products could
// overflow or vanish.
std::size_t well_conditioned(const BetweenCovariance& between, double rounding) {
  const double largest = between.singular_values.empty() ? 0 : between.singular_values[0];
  if (!(largest > 1e-100 && largest < 1e100)) {
    return 0;
  }
  double squares = 0;
  std::size_t count = 0;
  for (; count < between.rank(); ++count) {
    const double ratio = largest / between.singular_values[count];
    squares += ratio * ratio * (ratio * ratio);
    if (!(rounding * std::sqrt(squares) <= accepted_error)) {
      break;
    }
  }
  return count;
}

// A^T A of the first rows of A, on and above the diagonal.
Matrix inverse_of(const Matrix& a, std::size_t rows) {
  Matrix inverse(a.cols(), a.cols());
  linalg::add_gram_upper(a.view().middle_rows(0, rows), inverse.view());
  return inverse;
}

}  // namespace

bool scatter_spares(std::uint64_t rows, std::size_t features, std::size_t rank, std::size_t apart) {
  constexpr double clearly = 0.85;
  const double d = static_cast<double>(features);
  const double r = static_cast<double>(rank);
  const double of_row = d + 4 * static_cast<double>(apart);
  const double of_inverse = d * r / static_cast<double>(rows);  // its share of each row
  return of_row + of_inverse <= clearly * 2 * r;
}

WhitenedScatter whitened_scatter(const BetweenCovariance& between, std::uint64_t rows,
                                 std::uint64_t segment_rows) {
  const Matrix& a = between.whitening;
  const std::size_t d = a.cols();
  const std::size_t kept = well_conditioned(between, rounding_of_products(std::min(rows, segment_rows)));
  if (between.rank() + between.outside.rows() != d || !scatter_spares(rows, d, between.rank(), d - kept)) {
    return {};
  }
  WhitenedScatter found{Matrix(d - kept, d), std::vector<double>(d - kept, 0.0), inverse_of(a, kept), {}};
  for (std::size_t q = kept; q < between.rank(); ++q) {
    const double root = between.singular_values[q];
    found.weights[q - kept] = 1 / root / root;
    for (std::size_t j = 0; j < d; ++j) {
      found.apart(q - kept, j) = root * a(q, j);
    }
  }
  std::ranges::copy(between.outside.values(),
                    found.apart.values().subspan((between.rank() - kept) * d).begin());
  return found;
}

WhitenedScatter whitened_scatter(const BetweenCovariance& between, const BetweenCovariance& by_rows,
                                 std::uint64_t rows, std::uint64_t segment_rows) {
  const double rounding = rounding_of_products(std::min(rows, segment_rows));
  const std::size_t rank = between.rank();
  if (by_rows.rank() != rank || well_conditioned(between, rounding) != rank ||
      well_conditioned(by_rows, rounding) != rank) {
    return {};
  }
  WhitenedScatter found = whitened_scatter(between, rows, segment_rows);
  if (!found.inverse.empty()) {
    found.inverse_by_rows = inverse_of(by_rows.whitening, rank);
  }
  return found;
}

}  // namespace collapscope
