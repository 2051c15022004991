#include "metrics/class_geometry.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {

namespace {

constexpr std::size_t block_size = 512;
// Beside the longest vector of a set a shorter one is rounding, and so is a distance.
constexpr double least_length = 1e-14;

double square_of(std::span<const double> row) {
  return std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
}

double frobenius_square(const Matrix& a) { return square_of(a.values()); }

Matrix products(const Matrix& a, const Matrix& b) {
  return linalg::product(a, linalg::Transpose::no, b, linalg::Transpose::yes);
}

// Entries of (I - 11^T/K)/sqrt(K-1), whose Frobenius norm is 1.
struct Simplex {
  explicit Simplex(std::size_t classes)
      : off(-1 / static_cast<double>(classes) / std::sqrt(static_cast<double>(classes - 1))),
        diagonal((1 - 1 / static_cast<double>(classes)) / std::sqrt(static_cast<double>(classes - 1))) {}
  [[nodiscard]] double at(std::size_t a, std::size_t b) const { return a == b ? diagonal : off; }
  double off;
  double diagonal;
};

// Of sums of products of vectors, beside their size.
double sum_rounding(const ClassVectors& vectors) {
  return 4 * float64_epsilon *
         (16 + static_cast<double>(vectors.features()) + std::sqrt(static_cast<double>(vectors.size())));
}

// Of the root of a square that is known to `rounding`.
double root_rounding(double square, double rounding) {
  return square > rounding ? rounding / std::sqrt(square) : std::sqrt(rounding);
}

// visit(first row, first column, rows, columns) of blocks on and above the diagonal.
template <class Visit>
void each_block(const ClassVectors& a, const ClassVectors& b, bool symmetric, const Visit& visit) {
  for (std::size_t i = 0; i < a.size(); i += block_size) {
    const Matrix rows = a.block(i, std::min(block_size, a.size() - i));
    for (std::size_t j = symmetric ? i : 0; j < b.size(); j += block_size) {
      visit(i, j, rows, b.block(j, std::min(block_size, b.size() - j)));
    }
  }
}

}  // namespace

ClassVectors::ClassVectors(const StoredRows& rows, std::vector<std::size_t> picks, bool centred)
    : rows_(rows), picks_(std::move(picks)), centre_(rows.cols(), 0.0) {
  Vector room(rows.cols());
  double longest_plain = 0;
  for (std::size_t c = 0; c < size(); ++c) {
    std::fill(room.begin(), room.end(), 0.0);
    add_row(c, room);
    longest_plain = std::max(longest_plain, std::sqrt(square_of(room)));
  }
  if (centred) {
    Vector mean(rows.cols(), 0.0);
    for (std::size_t c = 0; c < size(); ++c) {
      add_row(c, mean);
    }
    for (double& value : mean) {
      value /= static_cast<double>(size());
    }
    centre_ = std::move(mean);
  }
  for (std::size_t c = 0; c < size(); ++c) {
    const Matrix row = block(c, 1);
    const double length = linalg::frobenius(row.values());
    norms_.push_back(length <= least_length * longest_plain ? 0 : length);
    square_ += norms_.back() > 0 ? length * length : 0;
  }
}

void ClassVectors::add_row(std::size_t c, std::span<double> to) const {
  const std::size_t row = picks_.empty() ? c : picks_[c];
  for (std::size_t j = 0; j < to.size(); ++j) {
    to[j] += rows_(row, j) - centre_[j];
  }
}

Matrix ClassVectors::block(std::size_t first, std::size_t count) const {
  Matrix out(count, features());
  for (std::size_t i = 0; i < count; ++i) {
    add_row(first + i, out.view().row(i));
  }
  return out;
}

bool ClassVectors::some_vanish() const { return std::ranges::find(norms_, 0.0) != norms_.end(); }

Matrix ClassVectors::gram(bool unit) const {
  Matrix out(features(), features());
  for (std::size_t first = 0; first < size(); first += block_size) {
    Matrix some = block(first, std::min(block_size, size() - first));
    for (std::size_t i = 0; unit && i < some.rows(); ++i) {
      for (double& value : some.view().row(i)) {
        value /= norms_[first + i];
      }
    }
    linalg::add_gram_upper(some.view(), out.view());
  }
  linalg::mirror_upper(out.view());
  return out;
}

double ClassVectors::gram_norm() const {
  if (size() > features()) {
    return linalg::frobenius(gram(false).values());
  }
  double square = 0;
  each_block(*this, *this, true, [&](std::size_t i, std::size_t j, const Matrix& a, const Matrix& b) {
    square += (i == j ? 1 : 2) * frobenius_square(products(a, b));
  });
  return std::sqrt(square);
}

Vector ClassVectors::sum(bool unit) const {
  Vector out(features(), 0.0);
  for (std::size_t c = 0; c < size(); ++c) {
    const Matrix row = block(c, 1);
    for (std::size_t j = 0; j < out.size(); ++j) {
      out[j] += row(0, j) / (unit ? norms_[c] : 1);
    }
  }
  return out;
}

PairSums sum_pairs(const ClassVectors& vectors, std::span<const double> variances, const SeliGram* seli) {
  const std::size_t classes = vectors.size();
  const std::vector<double>& norms = vectors.norms();
  const double pairs = static_cast<double>(classes) * static_cast<double>(classes - 1);
  const bool cosines = !vectors.some_vanish();
  const double gram_norm = vectors.gram_norm();
  const double longest = *std::ranges::max_element(norms);
  const Simplex simplex(classes);
  const double expected = -1 / static_cast<double>(classes - 1);
  PairSums found;
  double etf = 0;
  double selis = 0;
  double shift = 0;  // near the mean cosine
  if (cosines) {
    const Vector sum = vectors.sum(true);
    shift = (dot(sum, sum) - static_cast<double>(classes)) / pairs;
  }
  double sum = 0;
  double squares = 0;
  const auto take = [&](std::size_t a, std::size_t b, double product, const Matrix& rows,
                        const Matrix& columns, std::size_t i, std::size_t j) {
    const double weight = a == b ? 1 : 2;
    const double share = product / gram_norm;
    etf += weight * (share - simplex.at(a, b)) * (share - simplex.at(a, b));
    if (seli != nullptr) {
      selis += weight * (share - seli->at(a, b)) * (share - seli->at(a, b));
    }
    if (a == b) {
      return;
    }
    if (cosines) {
      const double cosine = product / norms[a] / norms[b];
      sum += 2 * (cosine - shift);
      squares += 2 * (cosine - shift) * (cosine - shift);
      found.off_simplex += 2 * std::abs(cosine - expected);
    }
    if (!variances.empty()) {
      const double together = norms[a] * norms[a] + norms[b] * norms[b];
      double distance = together - 2 * product;
      if (distance < 1e-3 * together) {  // not as a difference
        distance = 0;
        for (std::size_t x = 0; x < rows.cols(); ++x) {
          distance += (rows(i, x) - columns(j, x)) * (rows(i, x) - columns(j, x));
        }
      }
      found.coincide = found.coincide || std::sqrt(distance) <= least_length * longest;
      found.variance_to_distance += (variances[a] + variances[b]) / distance;
      found.inverse_distance += 2 / distance;
    }
  };
  each_block(vectors, vectors, true,
             [&](std::size_t first, std::size_t second, const Matrix& rows, const Matrix& columns) {
               const Matrix gram = products(rows, columns);
               for (std::size_t i = 0; i < gram.rows(); ++i) {
                 for (std::size_t j = first == second ? i : 0; j < gram.cols(); ++j) {
                   take(first + i, second + j, gram(i, j), rows, columns, i, j);
                 }
               }
             });
  found.mean_cosine = shift + sum / pairs;
  found.deviation = std::sqrt(std::max(0.0, squares / pairs - (sum / pairs) * (sum / pairs)));
  found.off_simplex /= pairs;
  found.etf = std::sqrt(etf);
  if (seli != nullptr) {
    found.seli = std::sqrt(selis);
  }
  found.variance_to_distance /= pairs;
  found.inverse_distance /= pairs;
  return found;
}

// With u_c of length 1: the sum over all pairs of u_a^T u_b is |sum u|^2, of its square |U^T U|_F^2.
SummedGeometry sum_geometry(const ClassVectors& vectors) {
  const double k = static_cast<double>(vectors.size());
  const double pairs = k * (k - 1);
  SummedGeometry found;
  if (!vectors.some_vanish()) {
    const Vector sum = vectors.sum(true);
    const double squares = frobenius_square(vectors.gram(true));
    found.mean_cosine = (dot(sum, sum) - k) / pairs;
    const double variance = (squares - k) / pairs - found.mean_cosine * found.mean_cosine;
    const double rounding = sum_rounding(vectors) * squares / pairs;
    found.deviation = std::sqrt(std::max(0.0, variance));
    found.deviation_rounding = root_rounding(variance, rounding);
  }
  const Vector sum = vectors.sum(false);
  const double cosine = (vectors.square() - dot(sum, sum) / k) / (vectors.gram_norm() * std::sqrt(k - 1));
  const double square = std::max(0.0, 2 - 2 * cosine);
  found.etf = std::sqrt(square);
  found.etf_rounding = root_rounding(square, sum_rounding(vectors));
  return found;
}

std::optional<SimplexDistance> cross_simplex_distance(const ClassVectors& w, const ClassVectors& m) {
  constexpr std::size_t most_in_pairs = 2048;
  const std::size_t classes = w.size();
  if (classes > std::max(most_in_pairs, w.features() + 1)) {
    const Matrix ww = w.gram(false);
    const Matrix mm = m.gram(false);
    const double square =
        std::inner_product(ww.values().begin(), ww.values().end(), mm.values().begin(), 0.0);
    if (!(square > 0)) {
      return std::nullopt;
    }
    double along = 0;
    for (std::size_t first = 0; first < classes; first += block_size) {
      const std::size_t count = std::min(block_size, classes - first);
      const Matrix a = w.block(first, count);
      const Matrix b = m.block(first, count);
      along += std::inner_product(a.values().begin(), a.values().end(), b.values().begin(), 0.0);
    }
    const double k = static_cast<double>(classes);
    const double cosine = (along - dot(w.sum(false), m.sum(false)) / k) / std::sqrt(square * (k - 1));
    const double distance = std::max(0.0, 2 - 2 * cosine);
    return SimplexDistance{std::sqrt(distance), root_rounding(distance, sum_rounding(w))};
  }
  double square = 0;
  each_block(w, m, false, [&](std::size_t, std::size_t, const Matrix& a, const Matrix& b) {
    square += frobenius_square(products(a, b));
  });
  if (!(square > float64_epsilon * float64_epsilon * w.square() * m.square())) {
    return std::nullopt;
  }
  const double length = std::sqrt(square);
  const Simplex simplex(classes);
  double sum = 0;
  each_block(w, m, false, [&](std::size_t first, std::size_t second, const Matrix& a, const Matrix& b) {
    const Matrix cross = products(a, b);
    for (std::size_t i = 0; i < cross.rows(); ++i) {
      for (std::size_t j = 0; j < cross.cols(); ++j) {
        const double off = cross(i, j) / length - simplex.at(first + i, second + j);
        sum += off * off;
      }
    }
  });
  return SimplexDistance{std::sqrt(sum), 0};
}

}  // namespace collapscope
