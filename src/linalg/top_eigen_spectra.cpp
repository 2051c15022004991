// Implicitly restarted Lanczos, fully reorthogonalized, over our BLAS's matrix-vector product. It takes some
// 50 to 300 products; one costs what reading half the matrix costs.
#include <Spectra/SymEigsSolver.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "linalg/blas.hpp"
#include "linalg/top_eigen.hpp"

namespace collapscope::linalg {

namespace {

// x -> (A / scale + I) x. Spectra's thresholds are partly absolute, partly relative to each eigenvalue: with
// a norm near 1, and 1 added, all of them are relative to the norm of A, as LAPACK's errors are. Small
// eigenvalues would otherwise take more products than their digits are worth.
class Product {
 public:
  using Scalar = double;
  Product(const Matrix& symmetric, double scale) : a_(symmetric), scale_(scale) {}

  [[nodiscard]] Eigen::Index rows() const { return static_cast<Eigen::Index>(a_.rows()); }
  [[nodiscard]] Eigen::Index cols() const { return rows(); }
  void perform_op(const double* x, double* y) const {
    std::copy_n(x, a_.rows(), y);
    symv(1 / scale_, a_.view(), {x, a_.rows()}, 1, {y, a_.rows()});
  }

 private:
  const Matrix& a_;
  double scale_;
};

// The rows of `vectors`, normalized, with v^T A v, which lacks the rounding of the added 1, in their order.
Eigenbasis with_rayleigh_quotients(const Matrix& symmetric, Matrix vectors) {
  std::vector<std::pair<double, std::size_t>> quotients;
  std::vector<double> image(vectors.cols());
  for (std::size_t j = 0; j < vectors.rows(); ++j) {
    const auto v = vectors.view().row(j);
    const double length = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    for (double& x : v) {
      x /= length;
    }
    symv(1, symmetric.view(), v, 0, image);
    quotients.emplace_back(std::inner_product(v.begin(), v.end(), image.begin(), 0.0), j);
  }
  std::sort(quotients.rbegin(), quotients.rend());
  Eigenbasis basis{{}, Matrix(vectors.rows(), vectors.cols())};
  for (const auto& [value, j] : quotients) {
    std::copy_n(vectors.view().row(j).data(), vectors.cols(), basis.vectors.view().row(basis.size()).data());
    basis.values.push_back(value);
  }
  return basis;
}

}  // namespace

std::optional<Eigenbasis> top_eigen(const Matrix& symmetric, std::size_t count, double scale) {
  const std::size_t d = symmetric.rows();
  const std::size_t space = std::min(d, std::max<std::size_t>(2 * count + 10, 30));
  // A restart costs up to space - count products. All of them together stay well below LAPACK's time for all
  // pairs, which is that of some d products.
  const std::size_t most_restarts = std::max<std::size_t>(20, d / 4 / (space - count));
  const double tolerance = std::sqrt(static_cast<double>(d)) * std::numeric_limits<double>::epsilon();
  try {
    Product product(symmetric, scale);
    Spectra::SymEigsSolver<Product> solver(product, static_cast<Eigen::Index>(count),
                                           static_cast<Eigen::Index>(space));
    solver.init();
    const Eigen::Index found =
        solver.compute(Spectra::SortRule::LargestAlge, static_cast<Eigen::Index>(most_restarts), tolerance);
    if (solver.info() != Spectra::CompInfo::Successful || found < static_cast<Eigen::Index>(count)) {
      return std::nullopt;
    }
    const Eigen::MatrixXd columns = solver.eigenvectors();
    Matrix vectors(count, d);
    std::copy_n(columns.data(), count * d, vectors.data());
    return with_rayleigh_quotients(symmetric, std::move(vectors));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace collapscope::linalg
