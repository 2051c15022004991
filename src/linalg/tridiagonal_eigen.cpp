#include "linalg/tridiagonal_eigen.hpp"

#include <lapacke.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <utility>

#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t largest_leaf = 64;  // LAPACK takes it whole
constexpr double negligible = 1e-40;      // beside a matrix of norm 1

// Where parts begin, and at last the order: a power of two of them, each at most a leaf.
std::vector<std::size_t> cut(std::size_t order) {
  std::size_t parts = 1;
  while (order > parts * largest_leaf) {
    parts *= 2;
  }
  std::vector<std::size_t> cuts;
  for (std::size_t i = 0; i <= parts; ++i) {
    cuts.push_back(order * i / parts);
  }
  return cuts;
}

// Each row becomes the room that permute(row, room) fills.
template <class Permute>
void permute_rows(MatrixView<double> rows, const Permute& permute) {
  std::vector<double> room(rows.cols());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.row(i);
    permute(row, room);
    std::copy(room.begin(), room.end(), row.begin());
  }
}

void to_order(MatrixView<double> rows, const std::vector<std::size_t>& order) {
  permute_rows(rows, [&](std::span<const double> row, std::vector<double>& room) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      room[i] = row[order[i]];
    }
  });
}

void from_order(MatrixView<double> rows, const std::vector<std::size_t>& order) {
  permute_rows(rows, [&](std::span<const double> row, std::vector<double>& room) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      room[order[i]] = row[i];
    }
  });
}

// rows = rows op(vectors)
void multiply(MatrixView<double> rows, const Matrix& vectors, Transpose transpose) {
  Matrix out(rows.rows(), rows.cols());
  gemm(1.0, rows, Transpose::no, vectors.view(), transpose, 0.0, out.view());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = out.view().row(i);
    std::copy(row.begin(), row.end(), rows.row(i).begin());
  }
}

}  // namespace

std::optional<TridiagonalPairs> TridiagonalPairs::solve(std::vector<double> diagonal,
                                                        std::vector<double> beside) {
  TridiagonalPairs out;
  const std::vector<std::size_t> cuts = cut(diagonal.size());
  std::optional<std::vector<Part>> parts = out.solve_leaves(diagonal, beside, cuts);
  while (parts && parts->size() > 1) {
    std::vector<Part> merged;
    for (std::size_t i = 0; i < parts->size(); i += 2) {
      const Part& right = (*parts)[i + 1];
      merged.push_back(out.merge((*parts)[i], right, beside[right.first - 1]));
    }
    parts = std::move(merged);
  }
  if (!parts) {
    return std::nullopt;
  }
  out.values_ = std::move(parts->front().values);
  return out;
}

// What joins two parts is taken from both of their ends: T = [T1 0; 0 T2] + |b| u u^T, u = (0 ... 1, +-1 ...
// 0).
std::optional<std::vector<TridiagonalPairs::Part>> TridiagonalPairs::solve_leaves(
    std::vector<double>& diagonal, const std::vector<double>& beside, const std::vector<std::size_t>& cuts) {
  for (std::size_t i = 1; i + 1 < cuts.size(); ++i) {
    const double joint = std::abs(beside[cuts[i] - 1]);
    diagonal[cuts[i] - 1] -= joint > negligible ? joint : 0;
    diagonal[cuts[i]] -= joint > negligible ? joint : 0;
  }
  std::vector<Part> parts(cuts.size() - 1);
  leaves_.resize(parts.size());
  std::atomic<bool> failed = false;
  share(parts.size(), [&](std::size_t i) {
    const std::size_t first = cuts[i];
    const std::size_t count = cuts[i + 1] - first;
    Part& part = parts[i];
    part = {first, count, {&diagonal[first], &diagonal[first] + count}, Matrix(2, count)};
    std::vector<double> off(beside.begin() + std::ptrdiff_t(first),
                            beside.begin() + std::ptrdiff_t(first + count - 1));
    off.push_back(0);
    leaves_[i] = {first, Matrix(count, count)};
    Matrix& vectors = leaves_[i].vectors;
    if (LAPACKE_dstedc(LAPACK_COL_MAJOR, 'I', lapack_order(count), part.values.data(), off.data(),
                       vectors.data(), lapack_order(count)) != 0) {
      failed = true;
      return;
    }
    for (std::size_t j = 0; j < count; ++j) {
      part.ends(0, j) = vectors(j, 0);
      part.ends(1, j) = vectors(j, count - 1);
    }
  });
  return failed ? std::nullopt : std::optional(std::move(parts));
}

TridiagonalPairs::Part TridiagonalPairs::merge(const Part& left, const Part& right, double beside) {
  const std::size_t count = left.count + right.count;
  std::vector<double> values = left.values;
  values.insert(values.end(), right.values.begin(), right.values.end());
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });

  Matrix ends(2, count);
  std::copy_n(left.ends.data(), left.count, ends.data());
  std::copy_n(right.ends.data() + right.count, right.count, ends.data() + count + left.count);
  std::vector<double> d(count);
  std::vector<double> z(count);
  const double right_sign = beside < 0 ? -1 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = order[i];
    d[i] = values[at];
    z[i] =
        std::sqrt(0.5) * (at < left.count ? left.ends(1, at) : right_sign * right.ends(0, at - left.count));
  }
  const double joint = std::abs(beside) > negligible ? std::abs(beside) : 0;
  SecularPairs pairs = SecularPairs::solve(std::move(d), std::move(z), 2 * joint);
  to_order(ends.view(), order);
  pairs.to_vectors(ends.view());
  Part part{left.first, count, pairs.values(), std::move(ends)};
  merges_.push_back({left.first, std::move(order), std::move(pairs)});
  return part;
}

void TridiagonalPairs::to_vectors(MatrixView<double> rows) const {
  for (const Leaf& leaf : leaves_) {
    multiply(rows.middle_cols(leaf.first, leaf.vectors.rows()), leaf.vectors, Transpose::yes);
  }
  for (const Merge& merge : merges_) {
    const MatrixView<double> some = rows.middle_cols(merge.first, merge.pairs.size());
    to_order(some, merge.order);
    merge.pairs.to_vectors(some);
  }
}

void TridiagonalPairs::to_axes(MatrixView<double> rows) const {
  for (std::size_t i = merges_.size(); i-- > 0;) {
    const Merge& merge = merges_[i];
    const MatrixView<double> some = rows.middle_cols(merge.first, merge.pairs.size());
    merge.pairs.to_axes(some);
    from_order(some, merge.order);
  }
  for (const Leaf& leaf : leaves_) {
    multiply(rows.middle_cols(leaf.first, leaf.vectors.rows()), leaf.vectors, Transpose::no);
  }
}

}  // namespace collapscope::linalg
