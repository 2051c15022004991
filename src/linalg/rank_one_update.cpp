#include "linalg/rank_one_update.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"

extern "C" void dlaed4_(const int* n, const int* i, const double* d, const double* z, double* delta,
                        const double* rho, double* dlam, int* info);

namespace collapscope::linalg {

namespace {

// Axes a < b of the coordinates, turned so that z vanishes along a.
struct Rotation {
  std::size_t a;
  std::size_t b;
  double cosine;
  double sine;
};

// diag(d) + rho z z^T with d ascending and |z| = 1; `live` are the axes that are left after deflation, on
// which d are apart and z is not small. Along the others the axes are eigenvectors.
struct Deflated {
  std::vector<double> d;
  std::vector<double> z;
  std::vector<std::size_t> live;
  std::vector<Rotation> rotations;
};

double largest_size(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

Deflated deflate(std::vector<double> d, std::vector<double> z, double rho) {
  Deflated out{std::move(d), std::move(z), {}, {}};
  const double least =
      8 * std::numeric_limits<double>::epsilon() * std::max(largest_size(out.d), rho * largest_size(out.z));
  for (std::size_t j = 0; j < out.d.size(); ++j) {
    if (rho * std::abs(out.z[j]) <= least) {
      continue;
    }
    if (!out.live.empty()) {
      const std::size_t before = out.live.back();
      const double size = std::hypot(out.z[before], out.z[j]);
      const double cosine = out.z[j] / size;
      const double sine = -out.z[before] / size;
      if (std::abs((out.d[j] - out.d[before]) * cosine * sine) <= least) {
        const double low = out.d[before];
        const double high = out.d[j];
        out.d[before] = low * cosine * cosine + high * sine * sine;
        out.d[j] = low * sine * sine + high * cosine * cosine;
        out.z[before] = 0;
        out.z[j] = size;
        out.rotations.push_back({before, j, cosine, sine});
        out.live.pop_back();
      }
    }
    out.live.push_back(j);
  }
  return out;
}

// Roots of the secular equation over the live axes, and the eigenvectors in them: row i of `vectors`.
bool solve_live(std::span<const double> d, std::span<const double> z, double rho, std::vector<double>& values,
                Matrix& vectors) {
  const std::size_t count = d.size();
  const int order = lapack_order(count);
  for (std::size_t i = 0; i < count; ++i) {
    const int root = static_cast<int>(i) + 1;
    int info = 0;
    dlaed4_(&order, &root, d.data(), z.data(), vectors.view().row(i).data(), &rho, &values[i], &info);
    if (info != 0) {
      return false;
    }
  }
  if (count <= 2) {  // dlaed4 gives the vectors themselves
    return true;
  }
  // The z to which the roots found belong exactly: with it the eigenvectors are orthogonal.
  std::vector<double> exact(count, -1.0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto gaps = vectors.view().row(i);
    for (std::size_t j = 0; j < count; ++j) {
      exact[j] *= i == j ? gaps[j] : gaps[j] / (d[j] - d[i]);
    }
  }
  for (std::size_t j = 0; j < count; ++j) {
    exact[j] = std::copysign(std::sqrt(std::max(exact[j], 0.0)), z[j]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = vectors.view().row(i);
    double squares = 0;
    for (std::size_t j = 0; j < count; ++j) {
      row[j] = exact[j] / row[j];
      squares += row[j] * row[j];
    }
    const double size = std::sqrt(squares);
    for (double& value : row) {
      value /= size;
    }
  }
  return true;
}

// Back from the turned axes.
void unturn(std::span<const Rotation> rotations, std::span<double> row) {
  for (std::size_t k = rotations.size(); k-- > 0;) {
    const Rotation& turn = rotations[k];
    const double a = row[turn.a];
    const double b = row[turn.b];
    row[turn.a] = turn.cosine * a - turn.sine * b;
    row[turn.b] = turn.sine * a + turn.cosine * b;
  }
}

// The eigenvectors over all axes: those found over the live ones, and the axes that are left. Pairs over
// ascending axes become pairs over descending ones, largest first.
Eigenbasis sorted(const Deflated& parts, const Matrix& solved) {
  constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  const std::size_t size = parts.d.size();
  std::vector<std::size_t> row_of(size, none);  // in `solved`, of an axis
  for (std::size_t i = 0; i < parts.live.size(); ++i) {
    row_of[parts.live[i]] = i;
  }
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return parts.d[a] > parts.d[b]; });
  Eigenbasis out{std::vector<double>(size), Matrix(size, size)};
  std::vector<double> vector(size);
  for (std::size_t i = 0; i < size; ++i) {
    out.values[i] = std::max(parts.d[order[i]], 0.0);
    std::fill(vector.begin(), vector.end(), 0.0);
    if (const std::size_t row = row_of[order[i]]; row == none) {
      vector[order[i]] = 1;
    } else {
      for (std::size_t j = 0; j < parts.live.size(); ++j) {
        vector[parts.live[j]] = solved(row, j);
      }
    }
    unturn(parts.rotations, vector);
    std::reverse_copy(vector.begin(), vector.end(), out.vectors.view().row(i).begin());
  }
  return out;
}

// diag(d) + rho z z^T
std::optional<Eigenbasis> solve(std::vector<double> diagonal, std::vector<double> along, double rho) {
  Deflated parts = deflate(std::move(diagonal), std::move(along), rho);
  const std::size_t live = parts.live.size();
  std::vector<double> d(live);
  std::vector<double> z(live);
  for (std::size_t i = 0; i < live; ++i) {
    d[i] = parts.d[parts.live[i]];
    z[i] = parts.z[parts.live[i]];
  }
  std::vector<double> roots(live);
  Matrix solved(live, live);
  if (live > 0 && !solve_live(d, z, rho, roots, solved)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < live; ++i) {
    parts.d[parts.live[i]] = roots[i];
  }
  return sorted(parts, solved);
}

// diag(d) + rho z z^T of |z| = 1.
SymmetricOperator updated(std::span<const double> d, std::span<const double> z, double rho) {
  double squares = rho * rho;
  for (std::size_t i = 0; i < d.size(); ++i) {
    squares += d[i] * d[i] + 2 * rho * d[i] * (z[i] * z[i]);
  }
  return {std::sqrt(squares), [=](const Matrix& x, Matrix& y) {
            for (std::size_t i = 0; i < x.rows(); ++i) {
              const auto row = x.view().row(i);
              const double along = rho * std::inner_product(z.begin(), z.end(), row.begin(), 0.0);
              for (std::size_t j = 0; j < d.size(); ++j) {
                y(i, j) -= d[j] * row[j] + along * z[j];
              }
            }
          }};
}

}  // namespace

std::optional<Eigenbasis> rank_one_update(const Eigenbasis& basis, const std::vector<double>& x) {
  Matrix row(1, x.size());
  std::copy(x.begin(), x.end(), row.data());
  const Matrix along = coordinates(basis, row);  // v_j^T x
  const double length = frobenius(along.values());
  if (!basis.is_full() || !std::isfinite(length * length)) {
    return std::nullopt;
  }
  // Of length 1 and near 1, as LAPACK wants it.
  const double largest = std::max(largest_size(basis.values), length * length);
  const double scale = largest > 0 ? std::exp2(std::floor(std::log2(largest))) : 1;
  std::vector<double> diagonal = basis.values;
  std::vector<double> z(along.values().begin(), along.values().end());
  for (std::size_t i = 0; i < z.size(); ++i) {
    diagonal[i] /= scale;
    z[i] = length > 0 ? z[i] / length : 0;
  }
  const double rho = length * length / scale;
  std::optional<Eigenbasis> found =
      solve({diagonal.rbegin(), diagonal.rend()}, {z.rbegin(), z.rend()}, rho);  // ascending
  if (!found || !passes_check(updated(diagonal, z, rho), *found)) {
    return std::nullopt;
  }
  for (double& value : found->values) {
    value *= scale;
  }
  return found;
}

}  // namespace collapscope::linalg
