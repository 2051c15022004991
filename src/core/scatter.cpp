#include "collapscope/core/scatter.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/vector_math.hpp"

namespace collapscope {

namespace {

// Adds x^T x to the block of `to` at (i, j), all rows of it one after another.
struct Block {
  std::size_t i;
  std::size_t i_end;
  std::size_t j;
  std::size_t j_end;
};

void add_products(Matrix& to, const Matrix& rows, const Block& block) {
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    const auto x = rows.view().row(r);
    for (std::size_t i = block.i; i < block.i_end; ++i) {
      double* const out = to.data() + i * to.cols();
      for (std::size_t j = block.j; j < block.j_end; ++j) {
        out[j] += x[i] * x[j];
      }
    }
  }
}

// For a matrix that outgrows its rows once in its life; blocks stay in the cache.
Matrix products_of(const Matrix& rows) {
  constexpr std::size_t side = 128;
  const std::size_t d = rows.cols();
  Matrix out(d, d);
  for (std::size_t i = 0; i < d; i += side) {
    for (std::size_t j = i; j < d; j += side) {
      add_products(out, rows, {i, std::min(d, i + side), j, std::min(d, j + side)});
    }
  }
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      out(i, j) = out(j, i);
    }
  }
  return out;
}

}  // namespace

bool are_few_rows(std::uint64_t rows, std::size_t features) {
  constexpr std::size_t least_features = 256;  // below, the matrix is as quick: bench/eigen_bench.cpp
  constexpr std::size_t few_ratio = 4;
  return features >= least_features && rows <= features / few_ratio;
}

Scatter Scatter::of_rows(Matrix few) {
  Scatter scatter;
  scatter.rows = std::move(few);
  return scatter;
}

double Scatter::operator()(std::size_t i, std::size_t j) const {
  if (!holds_rows()) {
    return products(i, j);
  }
  double sum = 0;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    sum += rows(r, i) * rows(r, j);
  }
  return sum;
}

void Scatter::multiply_out() {
  if (holds_rows()) {
    products = products_of(rows);
    rows = Matrix();
  }
}

double trace(const Scatter& scatter) {
  if (!scatter.holds_rows()) {
    return trace(scatter.products);
  }
  double sum = 0;
  for (std::size_t r = 0; r < scatter.rows.rows(); ++r) {
    const auto x = scatter.rows.view().row(r);
    sum += std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
  }
  return sum;
}

std::vector<double> product(const Scatter& scatter, const std::vector<double>& v) {
  return scatter.holds_rows() ? transposed_product(scatter.rows, product(scatter.rows, v))
                              : product(scatter.products, v);
}

void add_square(Scatter& scatter, double weight, const std::vector<double>& x) {
  if (!scatter.holds_rows()) {
    add_outer(scatter.products, weight, x, x);
    return;
  }
  Matrix longer(scatter.rows.rows() + 1, x.size());
  std::ranges::copy(scatter.rows.values(), longer.data());
  const double root = std::sqrt(weight);
  std::ranges::transform(x, longer.view().row(scatter.rows.rows()).begin(),
                         [root](double value) { return root * value; });
  scatter.rows = std::move(longer);
}

}  // namespace collapscope
