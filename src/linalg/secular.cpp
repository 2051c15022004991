#include "linalg/secular.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "linalg/blas.hpp"
#include "linalg/secular_root.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t roots_of_thread = 32;  // at a time

// Calls work(first, last) for some of `count` at a time.
template <class Work>
void share_some(std::size_t count, const Work& work) {
  share((count + roots_of_thread - 1) / roots_of_thread, [&](std::size_t block) {
    work(block * roots_of_thread, std::min((block + 1) * roots_of_thread, count));
  });
}

// The z to which the roots found belong exactly: with it the eigenvectors are orthogonal. gaps: (i, j) is
// d_j - root i.
std::vector<double> exact_vector(std::span<const double> d, std::span<const double> z, const Matrix& gaps) {
  const std::size_t count = d.size();
  std::vector<double> exact(count, -1.0);
  share_some(count, [&](std::size_t first, std::size_t last) {
    const std::span<double> some = std::span(exact).subspan(first, last - first);
    for (std::size_t i = 0; i < count; ++i) {
      const auto row = gaps.view().row(i).subspan(first, last - first);
      const bool is_own = first <= i && i < last;
      const std::size_t before = is_own ? i - first : some.size();
      multiply_by_ratios(row.first(before), d.subspan(first), d[i], some.first(before));
      if (is_own) {
        some[before] *= row[before];
        multiply_by_ratios(row.subspan(before + 1), d.subspan(i + 1), d[i], some.subspan(before + 1));
      }
    }
    for (std::size_t j = first; j < last; ++j) {
      exact[j] = std::copysign(std::sqrt(std::max(exact[j], 0.0)), z[j]);
    }
  });
  return exact;
}

void normalize(std::span<double> row) {
  double squares = 0;
  for (const double value : row) {
    squares += value * value;
  }
  const double size = std::sqrt(squares);
  for (double& value : row) {
    value /= size;
  }
}

// Roots of the secular equation over the live axes, and the eigenvectors in them: row i of `vectors`.
void solve_live(const SecularEquation& equation, std::span<double> values, Matrix& vectors) {
  const std::size_t count = values.size();
  share_some(count, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      values[i] = secular_root(equation, i, vectors.view().row(i));
    }
  });
  const std::vector<double> exact = exact_vector(equation.d, equation.z, vectors);
  share_some(count, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      const auto row = vectors.view().row(i);
      for (std::size_t j = 0; j < count; ++j) {
        row[j] = exact[j] / row[j];
      }
      normalize(row);
    }
  });
}

}  // namespace

double largest_size(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

SecularPairs SecularPairs::solve(std::vector<double> d, std::vector<double> z, double rho) {
  SecularPairs out;
  out.deflate(d, z, rho);
  const std::size_t live = out.live_.size();
  std::vector<double> live_d(live);
  std::vector<double> live_z(live);
  for (std::size_t i = 0; i < live; ++i) {
    live_d[i] = d[out.live_[i]];
    live_z[i] = z[out.live_[i]];
  }
  std::vector<double> roots(live);
  out.solved_ = Matrix::unfilled(live, live);
  solve_live({live_d, live_z, rho}, roots, out.solved_);
  for (std::size_t i = 0; i < live; ++i) {
    d[out.live_[i]] = roots[i];
  }
  out.sort(d);
  return out;
}

void SecularPairs::deflate(std::vector<double>& d, std::vector<double>& z, double rho) {
  const double least =
      8 * std::numeric_limits<double>::epsilon() * std::max(largest_size(d), rho * largest_size(z));
  for (std::size_t j = 0; j < d.size(); ++j) {
    if (rho * std::abs(z[j]) <= least) {
      continue;
    }
    if (!live_.empty()) {
      const std::size_t before = live_.back();
      const double size = std::hypot(z[before], z[j]);
      const double cosine = z[j] / size;
      const double sine = -z[before] / size;
      if (std::abs((d[j] - d[before]) * cosine * sine) <= least) {
        const double low = d[before];
        const double high = d[j];
        d[before] = low * cosine * cosine + high * sine * sine;
        d[j] = low * sine * sine + high * cosine * cosine;
        z[before] = 0;
        z[j] = size;
        rotations_.push_back({before, j, cosine, sine});
        live_.pop_back();
      }
    }
    live_.push_back(j);
  }
}

// d: the eigenvalue of each axis.
void SecularPairs::sort(const std::vector<double>& d) {
  std::vector<std::size_t> order(d.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return d[a] < d[b]; });
  place_.resize(d.size());
  for (std::size_t i = 0; i < d.size(); ++i) {
    place_[order[i]] = i;
    values_.push_back(d[order[i]]);
  }
}

void SecularPairs::to_vectors(MatrixView<double> rows) const {
  Matrix along(rows.rows(), live_.size());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (const Rotation& turn : rotations_) {
      const double a = row[turn.a];
      const double b = row[turn.b];
      row[turn.a] = turn.cosine * a + turn.sine * b;
      row[turn.b] = turn.cosine * b - turn.sine * a;
    }
    for (std::size_t j = 0; j < live_.size(); ++j) {
      along(i, j) = row[live_[j]];
    }
  }
  along = product(along, Transpose::no, solved_, Transpose::yes);
  std::vector<double> found(size());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t j = 0; j < live_.size(); ++j) {
      row[live_[j]] = along(i, j);
    }
    for (std::size_t axis = 0; axis < size(); ++axis) {
      found[place_[axis]] = row[axis];
    }
    std::copy(found.begin(), found.end(), row.begin());
  }
}

void SecularPairs::to_axes(MatrixView<double> rows) const {
  Matrix along(rows.rows(), live_.size());
  std::vector<double> found(size());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t axis = 0; axis < size(); ++axis) {
      found[axis] = row[place_[axis]];
    }
    std::copy(found.begin(), found.end(), row.begin());
    for (std::size_t j = 0; j < live_.size(); ++j) {
      along(i, j) = row[live_[j]];
    }
  }
  along = product(along, Transpose::no, solved_, Transpose::no);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    for (std::size_t j = 0; j < live_.size(); ++j) {
      row[live_[j]] = along(i, j);
    }
    for (std::size_t k = rotations_.size(); k-- > 0;) {
      const Rotation& turn = rotations_[k];
      const double a = row[turn.a];
      const double b = row[turn.b];
      row[turn.a] = turn.cosine * a - turn.sine * b;
      row[turn.b] = turn.sine * a + turn.cosine * b;
    }
  }
}

}  // namespace collapscope::linalg
