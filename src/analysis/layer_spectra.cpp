#include "analysis/layer_spectra.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "analysis/needs.hpp"
#include "core/vector_math.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/eigen_of_rows.hpp"
#include "linalg/low_rank_eigen.hpp"
#include "linalg/rank_one_update.hpp"

namespace collapscope {

namespace {

// error: of the matrix beyond float64's.
void clear_rounding(Eigenbasis& basis, double error) {
  if (basis.values.empty()) {
    return;
  }
  const double least = std::max(error, static_cast<double>(basis.vectors.cols()) *
                                           std::numeric_limits<double>::epsilon() * basis.values.front());
  for (double& value : basis.values) {
    value = value <= least ? 0 : value;
  }
  if (basis.values.back() == 0) {  // what is left is smaller still
    basis.rest_trace = basis.rest_norm = 0;
  }
}

// Where its rows are few, the eigenpairs of S_HH that may not be 0.
std::optional<Eigenbasis> basis_of_few_rows(const Matrix& covariance, const LayerSummary& layer) {
  const std::size_t pairs = pairs_of_few_rows(layer.samples, layer.signal_dim, covariance.rows());
  return pairs > 0 && layer.product_rounding == 0 ? linalg::low_rank_eigen(covariance, pairs) : std::nullopt;
}

// Of rows that are held as such, and of no fewer pairs than the signal subspace takes.
Eigenbasis basis_of_rows(const Matrix& rows, const LayerSummary& layer, Backend& backend) {
  return linalg::eigen_of_rows(
      rows, std::min(layer.signal_dim + 1, rows.cols()),
      [&backend](const Matrix& inside) { return backend.eigenbasis(inside, inside.rows()); });
}

// The largest so many of them.
Eigenbasis leading(Eigenbasis basis, std::size_t pairs) {
  if (pairs >= basis.size()) {
    return basis;
  }
  double squares = 0;
  for (std::size_t j = basis.size(); j-- > pairs;) {
    basis.rest_trace += basis.values[j];
    squares += basis.values[j] * basis.values[j];
  }
  basis.rest_norm = std::sqrt(squares);
  basis.complete = false;
  basis.values.resize(pairs);
  Matrix vectors(pairs, basis.vectors.cols());
  std::copy_n(basis.vectors.data(), vectors.values().size(), vectors.data());
  basis.vectors = std::move(vectors);
  return basis;
}

// A complete basis with one more pair, of eigenvalue 0, so that it spans x.
Eigenbasis spanning(const Eigenbasis& basis, const Vector& x) {
  Vector rest = x;
  for (int pass = 0; pass < 2; ++pass) {
    add_scaled(rest, -1.0, transposed_product(basis.vectors, product(basis.vectors, rest)));
  }
  Eigenbasis out = basis;
  const double length = std::sqrt(dot(rest, rest));
  if (!(length > 4 * std::numeric_limits<double>::epsilon() * std::sqrt(dot(x, x)))) {
    return out;
  }
  out.values.push_back(0);
  out.vectors = Matrix(basis.size() + 1, x.size());
  std::copy_n(basis.vectors.data(), basis.vectors.values().size(), out.vectors.data());
  std::transform(rest.begin(), rest.end(), out.vectors.view().row(basis.size()).begin(),
                 [&](double value) { return value / length; });
  return out;
}

}  // namespace

Eigenbasis centred_basis(const Scatter& scatter, const DeviceSums& known, const LayerSummary& layer,
                         const LayerNeeds& needs, double error, Backend& backend) {
  if (scatter.holds_rows()) {
    const bool asks_for_few = needs.pairs < scatter.order() && !needs.uncentred && needs.variance_share == 0;
    Eigenbasis spectrum = basis_of_rows(scatter.rows, layer, backend);
    spectrum = asks_for_few ? leading(std::move(spectrum), needs.pairs) : std::move(spectrum);
    clear_rounding(spectrum, error);
    return spectrum;
  }
  const Matrix& covariance = scatter.products;
  if (needs.pairs == covariance.rows() || needs.uncentred || needs.variance_share > 0) {
    if (auto spectrum = basis_of_few_rows(covariance, layer)) {
      clear_rounding(*spectrum, error);
      return *std::move(spectrum);
    }
  }
  const std::size_t d = covariance.rows();
  const auto largest = [&](std::size_t pairs) {
    return backend.decompose(covariance, pairs, std::min(d, layer.signal_dim + 1), known);
  };
  Eigenbasis spectrum = largest(needs.pairs);
  const double held = std::accumulate(spectrum.values.begin(), spectrum.values.end(), 0.0);
  if (!spectrum.is_full() && held < needs.variance_share * (held + spectrum.rest_trace)) {
    spectrum = largest(d);
  }
  clear_rounding(spectrum, error);
  return spectrum;
}

UncentredBasis uncentred_basis(const LayerSummary& layer, const Matrix& cross_rows, Scatter& covariance,
                               double error, Backend& backend, HeldTurn* computing) {
  UncentredBasis found;
  if (layer.spectrum.is_full()) {
    if (layer.spectrum.size() != layer.features()) {
      found.extended = spanning(layer.spectrum, layer.feature_mean);
    }
    const Eigenbasis& centred = found.axes(layer.spectrum);
    if (auto basis = linalg::rank_one_update(centred, layer.feature_mean)) {
      found.basis = *std::move(basis);
      found.turned = true;
      found.coordinates = linalg::coordinates(found.basis, linalg::coordinates(centred, cross_rows));
      clear_rounding(found.basis, error);
      return found;
    }
  }
  add_square(covariance, 1.0, layer.feature_mean);
  found.extended = {};
  const InTurn computes(computing, Order::ahead);
  found.basis = covariance.holds_rows() ? basis_of_rows(covariance.rows, layer, backend)
                                        : backend.spectrum(covariance.products, 0);
  found.coordinates = linalg::coordinates(found.basis, cross_rows);
  clear_rounding(found.basis, error);
  return found;
}

Matrix UncentredBasis::combinations(const Matrix& rows, const Eigenbasis& centred) const {
  const Matrix combined = linalg::combinations(basis, rows);
  return turned ? linalg::combinations(axes(centred), combined) : combined;
}

}  // namespace collapscope
