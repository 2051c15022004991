#include "cpu/residual_fold.hpp"

#include <algorithm>
#include <limits>

#include "collapscope/decode.hpp"
#include "collapscope/error.hpp"
#include "core/vector_math.hpp"
#include "cpu/row_passes.hpp"
#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

Matrix stacked(std::initializer_list<const Matrix*> parts, std::size_t cols) {
  std::size_t rows = 0;
  for (const Matrix* part : parts) {
    rows += part->rows();
  }
  Matrix all(rows, cols);
  double* to = all.data();
  for (const Matrix* part : parts) {
    to = std::copy(part->values().begin(), part->values().end(), to);
  }
  return all;
}

// v - basis^T (basis v); basis [k, d].
Vector outside(const Matrix& basis, const Vector& v) {
  Vector rest = v;
  if (!basis.empty()) {
    add_scaled(rest, -1.0, transposed_product(basis, product(basis, v)));
  }
  return rest;
}

}  // namespace

CpuResidualFold::CpuResidualFold(LookSpec spec, std::size_t tile_rows)
    : spec_(std::move(spec)),
      maps_(stacked({&spec_.signal, &spec_.weight, &spec_.affine, &spec_.published},
                    spec_.feature_mean.size())),
      mean_coordinates_(product(maps_, spec_.feature_mean)),
      signal_mean_outside_(outside(spec_.signal, spec_.feature_mean)),
      weight_mean_outside_(outside(spec_.weight, spec_.feature_mean)),
      features_(tile_rows, spec_.feature_mean.size()),
      outside_(tile_rows, spec_.feature_mean.size()),
      coordinates_(tile_rows, maps_.rows()) {}

void CpuResidualFold::add(const RawTile& tile, MatrixView<const double> targets) {
  if (tile.rows > features_.rows() || targets.rows() != tile.rows ||
      targets.cols() != spec_.target_mean.size()) {
    throw UsageError("ResidualFold::add: the tile does not fit the look");
  }
  const MatrixView<double> x = features_.view().middle_rows(0, tile.rows);
  if (const auto sample = decode_tile(tile, spec_.format, x)) {
    throw NonFiniteSample{*sample};
  }
  Norms norms;
  for (std::size_t i = 0; i < tile.rows; ++i) {
    norms.plain.push_back(norm(x.row(i)));
  }
  subtract(x, spec_.feature_mean);
  const double at_mean =
      spec_.feature_rms * static_cast<double>(x.cols()) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < tile.rows; ++i) {
    norms.centred.push_back(norm(x.row(i)));
    sums_.rows_at_mean += norms.centred.back() <= at_mean ? 1 : 0;
  }
  const MatrixView<double> coordinates = coordinates_.view().middle_rows(0, tile.rows);
  linalg::gemm(1.0, x, linalg::Transpose::no, maps_.view(), linalg::Transpose::yes, 0.0, coordinates);

  const std::size_t k = spec_.signal.rows();
  const std::size_t r = spec_.weight.rows();
  const std::size_t n = spec_.target_mean.size();
  add_outside(x, coordinates.middle_cols(0, k), spec_.signal, signal_mean_outside_, norms, sums_.signal);
  if (spec_.weight_is_complement) {
    const auto begin = mean_coordinates_.begin() + static_cast<std::ptrdiff_t>(k);
    add_complement(coordinates.middle_cols(k, r), {begin, begin + static_cast<std::ptrdiff_t>(r)}, norms,
                   sums_.weight);
  } else if (r > 0) {
    add_outside(x, coordinates.middle_cols(k, r), spec_.weight, weight_mean_outside_, norms, sums_.weight);
  }
  const std::vector<double> no_offset(n, 0.0);
  sums_.affine += map_error(coordinates.middle_cols(k + r, n), no_offset, targets);
  sums_.published +=
      map_error(coordinates.middle_cols(k + r + n, n), std::span(mean_coordinates_).last(n), targets);
  sums_.count += tile.rows;
}

// x [rows, d] centred, coordinates = x basis^T [rows, k].
void CpuResidualFold::add_outside(MatrixView<const double> x, MatrixView<const double> coordinates,
                                  const Matrix& basis, const std::vector<double>& mean_outside,
                                  const Norms& norms, SubspaceResiduals& to) {
  const MatrixView<double> rest = outside_.view().middle_rows(0, x.rows());
  std::copy_n(x.data(), x.rows() * x.cols(), rest.data());
  linalg::gemm(-1.0, coordinates, linalg::Transpose::no, basis.view(), linalg::Transpose::no, 1.0, rest);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    const auto row = rest.row(i);
    const double centred = squared_norm(row);
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] += mean_outside[j];
    }
    const double plain = squared_norm(row);
    to.centred += centred;
    to.plain += plain;
    to.centred_normalized += norms.centred[i] > 0 ? centred / norms.centred[i] / norms.centred[i] : 0;
    to.normalized += norms.plain[i] > 0 ? plain / norms.plain[i] / norms.plain[i] : 0;
  }
}

// coordinates [rows, d - r] of centred rows along what is outside the row space.
void CpuResidualFold::add_complement(MatrixView<const double> coordinates,
                                     const std::vector<double>& mean_coordinates, const Norms& norms,
                                     SubspaceResiduals& to) {
  for (std::size_t i = 0; i < coordinates.rows(); ++i) {
    double centred = 0;
    double plain = 0;
    for (std::size_t j = 0; j < coordinates.cols(); ++j) {
      const double c = coordinates(i, j);
      centred += c * c;
      plain += (c + mean_coordinates[j]) * (c + mean_coordinates[j]);
    }
    to.centred += centred;
    to.plain += plain;
    to.centred_normalized += norms.centred[i] > 0 ? centred / norms.centred[i] / norms.centred[i] : 0;
    to.normalized += norms.plain[i] > 0 ? plain / norms.plain[i] / norms.plain[i] : 0;
  }
}

// Sum over rows of |y - mean(y) - predicted - offset|^2.
double CpuResidualFold::map_error(MatrixView<const double> predicted, std::span<const double> offset,
                                  MatrixView<const double> targets) const {
  double sum = 0;
  for (std::size_t i = 0; i < predicted.rows(); ++i) {
    for (std::size_t j = 0; j < predicted.cols(); ++j) {
      const double error = targets(i, j) - spec_.target_mean[j] - predicted(i, j) - offset[j];
      sum += error * error;
    }
  }
  return sum;
}

}  // namespace collapscope::cpu
