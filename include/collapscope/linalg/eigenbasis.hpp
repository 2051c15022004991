// Eigenpairs of a symmetric positive semi-definite matrix, largest first.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "collapscope/core/matrix.hpp"

namespace collapscope {

// All eigenvectors v_j of a matrix of order d as a product of factors, which is not multiplied out.
class EigenvectorFactors {
 public:
  virtual ~EigenvectorFactors() = default;
  // rows [n, d]: (i, j) of the result is x_i^T v_j.
  [[nodiscard]] virtual Matrix coordinates(const Matrix& rows) const = 0;
  // coordinates [n, d]: row i of the result is the sum over j of c_ij v_j.
  [[nodiscard]] virtual Matrix combinations(const Matrix& coordinates) const = 0;
  // Where they are on a device, which may be lost, all of them as rows [d, d]; else nothing.
  [[nodiscard]] virtual std::optional<Matrix> brought_home() const { return std::nullopt; }
};

// All d pairs, or the k largest and what is known of the rest.
struct Eigenbasis {
  std::vector<double> values;  // [k] descending; negative rounding is set to 0
  Matrix vectors;              // [k, d], orthonormal rows; row j belongs to values[j]. Fewer with `factors`
  double rest_trace = 0;       // sum of the eigenvalues that are not in `values`
  double rest_norm = 0;        // root of the sum of their squares
  bool complete = false;       // those that are not in `values` are 0
  std::shared_ptr<const EigenvectorFactors> factors = nullptr;  // all, where not all d are in `vectors`

  [[nodiscard]] std::size_t size() const { return values.size(); }
  // Whether all eigenvalues are known.
  [[nodiscard]] bool is_full() const { return complete || values.size() == vectors.cols(); }
};

}  // namespace collapscope
