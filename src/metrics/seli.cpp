#include "metrics/seli.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {

// With P = I - 11^T/K and D = diag(counts), P D P has, for each group of g classes of equal counts n, the
// eigenvalue n with g - 1 eigenvectors within the group; the others lie in the span of the groups'
// indicators.
SeliGram::SeliGram(std::span<const double> counts, Of what) {
  std::map<double, std::size_t> groups;
  for (const double count : counts) {
    groups.emplace(count, 0);
  }
  std::size_t number = 0;
  Vector group_counts;
  for (auto& [count, group] : groups) {
    group = number++;
    group_counts.push_back(count);
  }
  Vector sizes(groups.size(), 0.0);
  for (const double count : counts) {
    group_.push_back(groups.at(count));
    sizes[group_.back()] += 1;
  }
  const std::size_t g = sizes.size();
  const double k = static_cast<double>(counts.size());
  Matrix centring(g, g);
  for (std::size_t a = 0; a < g; ++a) {
    for (std::size_t b = 0; b < g; ++b) {
      centring(a, b) = (a == b ? 1 : 0) - std::sqrt(sizes[a] * sizes[b]) / k;
    }
  }
  Matrix scaled = centring;  // D P
  for (std::size_t a = 0; a < g; ++a) {
    for (double& value : scaled.view().row(a)) {
      value *= group_counts[a];
    }
  }
  Matrix reduced = linalg::product(centring, linalg::Transpose::no, scaled, linalg::Transpose::no);
  for (std::size_t a = 0; a < g; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      reduced(a, b) = reduced(b, a) = (reduced(a, b) + reduced(b, a)) / 2;
    }
  }
  const Eigenbasis basis = linalg::symmetric_eigen(reduced);
  double largest = basis.values.front();
  for (std::size_t a = 0; a < g; ++a) {
    largest = sizes[a] > 1 ? std::max(largest, group_counts[a]) : largest;
  }
  const auto root = [&](double value) {
    const bool keep = value > 1e-10 * largest;
    return !keep ? 0.0 : what == Of::weights ? std::sqrt(value) : 1 / std::sqrt(value);
  };
  Matrix turned = basis.vectors;
  for (std::size_t a = 0; a < g; ++a) {
    for (double& value : turned.view().row(a)) {
      value *= root(basis.values[a]);
    }
  }
  Matrix of_groups = linalg::product(basis.vectors, linalg::Transpose::yes, turned, linalg::Transpose::no);
  if (what == Of::means) {
    of_groups = linalg::product(centring, linalg::Transpose::no, of_groups, linalg::Transpose::no);
    of_groups = linalg::product(of_groups, linalg::Transpose::no, centring, linalg::Transpose::no);
  }
  double square = std::inner_product(of_groups.values().begin(), of_groups.values().end(),
                                     of_groups.values().begin(), 0.0);
  for (std::size_t a = 0; a < g; ++a) {
    alone_.push_back(root(group_counts[a]));
    square += (sizes[a] - 1) * alone_[a] * alone_[a];
  }
  const double length = std::sqrt(square);
  between_ = Matrix(g, g);
  for (std::size_t a = 0; a < g; ++a) {
    for (std::size_t b = 0; b < g; ++b) {
      between_(a, b) =
          (of_groups(a, b) / std::sqrt(sizes[a] * sizes[b]) - (a == b ? alone_[a] / sizes[a] : 0)) / length;
    }
  }
  for (double& value : alone_) {
    value /= length;
  }
}

}  // namespace collapscope
