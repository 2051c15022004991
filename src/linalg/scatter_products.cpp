#include "linalg/scatter_products.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

// Row by row, so that the sum's own rounding is small.
double sum_of_row_squares(const Matrix& a) {
  const Vector of_rows = row_products(
      a, [&](std::size_t i) { return a.view().row(i); }, share);
  return std::accumulate(of_rows.begin(), of_rows.end(), 0.0);
}

// |X^T X|_F^2 = |X X^T|_F^2
double square_norm_of_gram(MatrixView<const double> x) {
  Matrix gram(x.rows(), x.rows());
  gemm(1.0, x, Transpose::no, x, Transpose::yes, 0.0, gram.view());
  return sum_of_row_squares(gram);
}

void multiply(std::span<double> numbers, const auto& change) {
  constexpr std::size_t block = std::size_t{1} << 18U;  // numbers that a thread takes at a time
  share((numbers.size() + block - 1) / block, [&](std::size_t number) {
    const std::size_t first = number * block;
    for (double& value : numbers.subspan(first, std::min(block, numbers.size() - first))) {
      value = change(value);
    }
  });
}

}  // namespace

double square_norm(const Matrix& a) { return sum_of_row_squares(a); }

double square_norm(const Scatter& scatter) {
  return scatter.holds_rows() ? square_norm_of_gram(scatter.rows.view()) : square_norm(scatter.products);
}

double leading_norm(const Scatter& scatter, std::size_t count) {
  if (scatter.holds_rows()) {
    const MatrixView<const double> x = scatter.rows.view().middle_cols(0, count);
    Matrix gram(x.rows(), x.rows());
    gemm(1.0, x, Transpose::no, x, Transpose::yes, 0.0, gram.view());
    return frobenius(gram.values());
  }
  Matrix block(count, count);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(scatter.products.view().row(i).data(), count, block.view().row(i).data());
  }
  return frobenius(block.values());
}

double trace_along(const Matrix& a, const Scatter& scatter) {
  if (a.empty() || scatter.empty()) {
    return 0;
  }
  if (scatter.holds_rows()) {
    const Matrix along = product(scatter.rows, Transpose::no, a, Transpose::yes);
    return sum_of_row_squares(along);
  }
  const Matrix products = product(a, Transpose::no, scatter.products, Transpose::no);
  return std::inner_product(a.values().begin(), a.values().end(), products.values().begin(), 0.0);
}

void divide(Scatter& scatter, double divisor) {
  multiply(scatter.products.values(), [divisor](double value) { return value / divisor; });
  const double root = std::sqrt(divisor);
  multiply(scatter.rows.values(), [root](double value) { return value / root; });
}

}  // namespace collapscope::linalg
