// Naive references: every formula as it is written down, no matter the cost.
#include "core/support.hpp"

#include <algorithm>
#include <cmath>

namespace collapscope::test {

namespace {

using Long = long double;

// A centre kept as a row and what lies between: a single number far from 0 would lose digits.
struct Centre {
  std::vector<double> row;
  std::vector<Long> rest;

  [[nodiscard]] Long to(const Matrix& a, std::size_t i, std::size_t j) const {
    return static_cast<Long>(a(i, j)) - row[j] - rest[j];
  }
  [[nodiscard]] std::vector<double> values() const {
    std::vector<double> out;
    for (std::size_t j = 0; j < row.size(); ++j) {
      out.push_back(static_cast<double>(row[j] + rest[j]));
    }
    return out;
  }
};

Centre origin(std::size_t size) { return {std::vector<double>(size, 0.0), std::vector<Long>(size, 0)}; }

Centre mean_of(const Matrix& a) {
  Centre mean = origin(a.cols());
  for (std::size_t j = 0; j < a.cols(); ++j) {
    mean.row[j] = a(0, j);
    Long sum = 0;
    for (std::size_t i = 0; i < a.rows(); ++i) {
      sum += static_cast<Long>(a(i, j)) - a(0, j);
    }
    mean.rest[j] = sum / static_cast<Long>(a.rows());
  }
  return mean;
}

std::vector<double> rounded(const std::vector<Long>& values) { return {values.begin(), values.end()}; }

// sum_i u_i v_i^T about two centres.
Matrix scatter(const Matrix& u, const Centre& u0, const Matrix& v, const Centre& v0) {
  std::vector<Long> sums(u.cols() * v.cols(), 0);
  for (std::size_t i = 0; i < u.rows(); ++i) {
    for (std::size_t j = 0; j < u.cols(); ++j) {
      for (std::size_t k = 0; k < v.cols(); ++k) {
        sums[j * v.cols() + k] += u0.to(u, i, j) * v0.to(v, i, k);
      }
    }
  }
  Matrix out(u.cols(), v.cols());
  std::copy(sums.begin(), sums.end(), out.values().begin());
  return out;
}

Long squared_length(const Matrix& a, std::size_t i, const Centre& centre) {
  Long sum = 0;
  for (std::size_t j = 0; j < a.cols(); ++j) {
    sum += centre.to(a, i, j) * centre.to(a, i, j);
  }
  return sum;
}

}  // namespace

Matrix random_matrix(std::size_t rows, std::size_t cols, Random& random) {
  Matrix out(rows, cols);
  for (double& value : out.values()) {
    value = random.normal();
  }
  return out;
}

Matrix random_orthonormal(std::size_t rows, std::size_t size, Random& random) {
  std::vector<std::vector<Long>> basis;
  while (basis.size() < rows) {
    std::vector<Long> v(size);
    std::generate(v.begin(), v.end(), [&] { return random.normal(); });
    for (int round = 0; round < 3; ++round) {
      for (const auto& q : basis) {
        Long along = 0;
        for (std::size_t j = 0; j < size; ++j) {
          along += q[j] * v[j];
        }
        for (std::size_t j = 0; j < size; ++j) {
          v[j] -= along * q[j];
        }
      }
      Long squares = 0;
      for (const Long value : v) {
        squares += value * value;
      }
      for (Long& value : v) {
        value /= std::sqrt(squares);
      }
    }
    basis.push_back(std::move(v));
  }
  Matrix out(rows, size);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy(basis[i].begin(), basis[i].end(), out.view().row(i).begin());
  }
  return out;
}

Matrix covariance(const std::vector<double>& values, Random& random) {
  const std::size_t n = values.size();
  Matrix a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = values[i];
  }
  for (int turn = 0; turn < 3; ++turn) {
    const Matrix v = random_orthonormal(1, n, random);  // A <- (I - 2 v v^T) A (I - 2 v v^T)
    std::vector<double> product(n, 0.0);
    double along = 0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        product[i] += a(i, j) * v(0, j);
      }
      along += product[i] * v(0, i);
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        a(i, j) += 4 * along * v(0, i) * v(0, j) - 2 * (v(0, i) * product[j] + product[i] * v(0, j));
        a(j, i) = a(i, j);
      }
    }
  }
  return a;
}

Matrix rows_of(const Matrix& a, std::size_t first, std::size_t count) {
  Matrix out(count, a.cols());
  std::copy_n(a.values().begin() + static_cast<std::ptrdiff_t>(first * a.cols()), out.values().size(),
              out.values().begin());
  return out;
}

Padded::Padded(const Matrix& a) : cols_(a.cols()), storage_(a.rows(), a.cols() + 2) {
  std::fill(storage_.values().begin(), storage_.values().end(), nan);
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const auto from = a.view().row(i);
    std::copy(from.begin(), from.end(), storage_.view().row(i).begin());
  }
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) {
    return infinity;
  }
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    largest = std::isnan(difference) ? infinity : std::max(largest, difference);
  }
  return largest;
}

Matrix identity(std::size_t size) {
  Matrix out(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    out(i, i) = 1;
  }
  return out;
}

double orthogonality_error(const Matrix& q) {
  double worst = 0;
  for (std::size_t i = 0; i < q.rows(); ++i) {
    for (std::size_t j = 0; j < q.rows(); ++j) {
      Long sum = i == j ? -1 : 0;
      for (std::size_t c = 0; c < q.cols(); ++c) {
        sum += static_cast<Long>(q(i, c)) * q(j, c);
      }
      const double error = static_cast<double>(std::abs(sum));
      worst = std::isnan(error) ? infinity : std::max(worst, error);
    }
  }
  return worst;
}

Moments naive_moments(const Matrix& features, const Matrix& targets) {
  Moments m(features.cols(), targets.cols(), true);
  m.count = features.rows();
  const Centre x0 = mean_of(features);
  const Centre y0 = mean_of(targets);
  m.feature_mean = x0.values();
  m.target_mean = y0.values();
  m.feature_scatter = scatter(features, x0, features, x0);
  m.cross_scatter = scatter(features, x0, targets, y0);
  m.target_scatter = scatter(targets, y0, targets, y0);
  Long aa = 0;
  Long ab = 0;
  Long bb = 0;
  Long norms = 0;
  std::vector<Long> a_x(features.cols(), 0);
  std::vector<Long> b_x(features.cols(), 0);
  std::vector<Long> a_y(targets.cols(), 0);
  std::vector<Long> b_y(targets.cols(), 0);
  Matrix unit = features;
  for (std::size_t i = 0; i < features.rows(); ++i) {
    const Long a = squared_length(features, i, x0);
    const Long b = squared_length(targets, i, y0);
    aa += a * a;
    ab += a * b;
    bb += b * b;
    for (std::size_t j = 0; j < a_x.size(); ++j) {
      a_x[j] += a * x0.to(features, i, j);
      b_x[j] += b * x0.to(features, i, j);
    }
    for (std::size_t j = 0; j < a_y.size(); ++j) {
      a_y[j] += a * y0.to(targets, i, j);
      b_y[j] += b * y0.to(targets, i, j);
    }
    const Long length = std::sqrt(squared_length(features, i, origin(features.cols())));
    norms += length;
    m.zero_rows += length == 0 ? 1 : 0;
    for (double& value : unit.view().row(i)) {
      value = length == 0 ? 0 : static_cast<double>(value / length);
    }
  }
  m.unbiased = {static_cast<double>(aa),
                static_cast<double>(ab),
                static_cast<double>(bb),
                rounded(a_x),
                rounded(a_y),
                rounded(b_x),
                rounded(b_y)};
  m.norm_sum = static_cast<double>(norms);
  m.normalized_scatter = scatter(unit, origin(unit.cols()), unit, origin(unit.cols()));
  return m;
}

}  // namespace collapscope::test
