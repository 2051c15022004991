#include "collapscope/metrics/class_summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"
#include "linalg/scatter_products.hpp"
#include "metrics/class_geometry.hpp"
#include "metrics/equal_rows.hpp"

namespace collapscope {

namespace {

constexpr double cut = 1e-10;  // on eigenvalues
// Classes and features whose covariances are decomposed side by side: larger ones share out their products.
constexpr std::size_t most_at_once = 1024;

// Rows [first, first + count) of X.
Matrix weighted_rows(const Matrix& rows, const Vector& centre, std::span<const double> weights,
                     std::size_t first, std::size_t count) {
  Matrix out(count, rows.cols());
  for (std::size_t i = 0; i < count; ++i) {
    const auto from = rows.view().row(first + i);
    const double root = std::sqrt(weights[first + i]);
    for (std::size_t j = 0; j < centre.size(); ++j) {
      out(i, j) = root * (from[j] - centre[j]);
    }
  }
  return out;
}

// X^T X, some rows at a time.
Matrix gram_of(const Matrix& rows, const Vector& centre, std::span<const double> weights) {
  constexpr std::size_t at_once = 1024;
  Matrix gram(rows.cols(), rows.cols());
  for (std::size_t first = 0; first < rows.rows(); first += at_once) {
    const Matrix some = weighted_rows(rows, centre, weights, first, std::min(at_once, rows.rows() - first));
    linalg::add_gram_upper(some.view(), gram.view());
  }
  linalg::mirror_upper(gram.view());
  return gram;
}

void keep_whitening(BetweenCovariance& found, const Matrix& vectors) {
  const auto& s = found.singular_values;
  std::size_t rank = 0;
  while (rank < s.size() && s[rank] > 0 && s[rank] * s[rank] > cut * (s[0] * s[0])) {
    ++rank;
  }
  for (const double value : s) {
    const double ratio = s[0] > 0 ? value * value / (s[0] * s[0]) : 0;
    found.near_cut = found.near_cut || (ratio > cut * 0.99 && ratio < cut * 1.01);
  }
  found.whitening = Matrix(rank, vectors.cols());
  for (std::size_t i = 0; i < rank; ++i) {
    found.inverse_trace += 1 / s[i] / s[i];
    for (std::size_t j = 0; j < vectors.cols(); ++j) {
      found.whitening(i, j) = vectors(i, j) / s[i];
    }
  }
  if (const std::size_t d = vectors.cols(); vectors.rows() == d && 8 * (d - rank) <= d) {
    found.outside = Matrix(d - rank, d);
    std::ranges::copy(vectors.values().subspan(rank * d), found.outside.values().begin());
  }
}

// Sums about a pilot as means about `origin`.
Matrix means_of(Matrix sums, const Vector& counts, const Vector& pilot, const Vector& origin) {
  for (std::size_t c = 0; c < sums.rows(); ++c) {
    for (std::size_t j = 0; j < sums.cols(); ++j) {
      sums(c, j) = sums(c, j) / counts[c] + (pilot[j] - origin[j]);
    }
  }
  return sums;
}

// How far from the true mean of each class its mean may be by rounding: of a sum about the pilot, whose terms
// may all be the same, and of what leads from the pilot to `origin`.
Vector roundings_of_means(const ClassSums& sums, const Vector& origin) {
  constexpr double most_added = 65536;  // one after another
  double shift = 0;
  for (std::size_t j = 0; j < origin.size(); ++j) {
    shift += (sums.pilot[j] - origin[j]) * (sums.pilot[j] - origin[j]);
  }
  Vector roundings;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const double from_pilot = std::sqrt(std::max(0.0, sums.squares[c] / sums.counts[c]));
    roundings.push_back(float64_epsilon * ((32 + std::min(sums.counts[c], most_added) / 4) * from_pilot +
                                           4 * std::sqrt(shift)));
  }
  return roundings;
}

Vector mean_of_rows(const Matrix& rows) {
  Vector mean(rows.cols(), 0.0);
  for (std::size_t c = 0; c < rows.rows(); ++c) {
    const auto row = rows.view().row(c);
    for (std::size_t j = 0; j < mean.size(); ++j) {
      mean[j] += row[j];
    }
  }
  for (double& value : mean) {
    value /= static_cast<double>(rows.rows());
  }
  return mean;
}

double square_of_row(const Matrix& rows, std::size_t i) {
  const auto row = rows.view().row(i);
  return std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
}

}  // namespace

BetweenCovariance between_covariance(const Matrix& rows, const std::vector<double>& centre,
                                     std::span<const double> weights) {
  BetweenCovariance found;
  const std::size_t d = rows.cols();
  if (rows.rows() <= 2 * d) {
    const Matrix x = weighted_rows(rows, centre, weights, 0, rows.rows());
    found.trace = std::inner_product(x.values().begin(), x.values().end(), x.values().begin(), 0.0);
    linalg::RightSingular svd = linalg::right_singular(x);
    found.singular_values = std::move(svd.values);
    keep_whitening(found, svd.vectors);
    return found;
  }
  const Matrix gram = gram_of(rows, centre, weights);
  found.trace = trace(gram);
  Eigenbasis basis = linalg::symmetric_eigen(gram);
  const double least = static_cast<double>(d) * float64_epsilon * std::max(basis.values.front(), 0.0);
  for (const double value : basis.values) {
    found.singular_values.push_back(value > least ? std::sqrt(value) : 0);
  }
  keep_whitening(found, basis.vectors);
  return found;
}

ClassSummary summarize_classes(ClassSums sums, const std::vector<double>& mean, const Scatter& covariance) {
  ClassSummary found;
  const std::size_t classes = sums.size();
  const double n = std::accumulate(sums.counts.begin(), sums.counts.end(), 0.0);
  const double k = static_cast<double>(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    const double from_pilot = square_of_row(sums.sums, c) / sums.counts[c];
    found.variances.push_back(std::max(0.0, (sums.squares[c] - from_pilot) / sums.counts[c]));
  }
  Vector roundings = roundings_of_means(sums, mean);
  Matrix means = means_of(std::move(sums.sums), sums.counts, sums.pilot, mean);
  unite_equal_rows(means, roundings);
  Vector shares = sums.counts;
  for (double& share : shares) {
    share /= n;
  }
  const Vector once(classes, 1 / k);
  const Vector origin(mean.size(), 0.0);
  Matrix unit;
  if (sums.has_unit()) {
    unit = means_of(std::move(sums.unit_sums), sums.counts, sums.unit_pilot, origin);
  }
  const std::array<std::function<void()>, 3> covariances{
      [&] { found.between = between_covariance(means, mean_of_rows(means), once); },
      [&] {
        if (!unit.empty()) {
          found.unit = between_covariance(unit, mean_of_rows(unit), once);
        }
      },
      [&] { found.between_by_rows = between_covariance(means, origin, shares); }};
  if (classes <= most_at_once && mean.size() <= most_at_once) {
    linalg::share(covariances.size(), [&](std::size_t number) { covariances[number](); });
  } else {
    std::ranges::for_each(covariances, [](const auto& find) { find(); });
  }
  const Scatter by_rows = covariance.holds_rows()
                              ? Scatter::of_rows(weighted_rows(means, origin, shares, 0, classes))
                              : Scatter(gram_of(means, origin, shares));
  const auto within = [&](const Matrix& along) {
    return std::max(0.0, linalg::trace_along(along, covariance) - linalg::trace_along(along, by_rows));
  };
  found.within = std::max(0.0, trace(covariance) - found.between_by_rows.trace);
  found.nc1 = within(found.between.whitening) / k;
  found.nc1_trace = within(found.between_by_rows.whitening);
  for (std::size_t c = 0; c < classes; ++c) {
    found.cross_norm += shares[c] * shares[c] * square_of_row(means, c);
  }
  found.cross_norm = std::sqrt(found.cross_norm);
  if (!unit.empty()) {
    found.unit_means = std::make_shared<const Matrix>(std::move(unit));
  }
  found.means = std::make_shared<const Matrix>(std::move(means));
  found.counts = std::move(sums.counts);
  return found;
}

// sum_j v_j^T Sigma_B^w v_j / l_j over the eigenpairs that count, from the means themselves: what the
// pseudo-inverse of Sigma_B^w cuts off belongs to it.
void add_vci(ClassSummary& classes, const Eigenbasis& spectrum, double product_rounding) {
  constexpr std::size_t at_once = 1024;
  const BetweenCovariance& between = classes.between_by_rows;
  if (!spectrum.is_full() || between.rank() == 0) {
    return;
  }
  const Matrix& means = *classes.means;
  const double n = std::accumulate(classes.counts.begin(), classes.counts.end(), 0.0);
  Vector shares = classes.counts;
  for (double& share : shares) {
    share /= n;
  }
  const Vector origin(means.cols(), 0.0);
  Vector squares(spectrum.values.size(), 0.0);
  for (std::size_t first = 0; first < means.rows(); first += at_once) {
    const std::size_t count = std::min(at_once, means.rows() - first);
    const Matrix along = linalg::coordinates(spectrum, weighted_rows(means, origin, shares, first, count));
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < squares.size(); ++j) {
        squares[j] += along(i, j) * along(i, j);
      }
    }
  }
  double sum = 0;
  double condition = 1;
  for (std::size_t j = 0; j < squares.size(); ++j) {
    if (spectrum.values[j] > cut * spectrum.values[0]) {
      condition = spectrum.values[0] / spectrum.values[j];
      sum += squares[j] / spectrum.values[j];
    }
  }
  classes.vci = 1 - sum / static_cast<double>(between.rank());
  classes.vci_rounding = condition * (static_cast<double>(means.cols()) * float64_epsilon + product_rounding);
}

}  // namespace collapscope
