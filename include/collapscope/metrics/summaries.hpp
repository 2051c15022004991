// What metrics are computed from: small host values, all in float64.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/moments.hpp"
#include "collapscope/core/residuals.hpp"
#include "collapscope/linalg/eigenbasis.hpp"
#include "collapscope/metrics/class_summary.hpp"

namespace collapscope {

// Errors of the model's predictions P against the targets Y, over N samples of n components.
struct ModelErrors {
  double mse = 0;       // mean square over all N n entries
  double mae = 0;       // mean absolute value over all entries
  Matrix error_moment;  // (1/N) E^T E [n, n], E = P - Y, not centred
};

// Strengths of the regularization in the unconstrained feature model (UFM).
struct UfmStrengths {
  double lambda_w = 0;
  double lambda_h = 0;
  [[nodiscard]] double c() const { return lambda_w * lambda_h; }
  // Theorem 4.1's full-rank case, 0 < c < mu_n: there the minimum is known in closed form.
  [[nodiscard]] bool has_minimum(double lambda_min) const { return c() > 0 && c() < lambda_min; }
};

// The targets of one checkpoint.
struct TargetSummary {
  std::uint64_t samples = 0;
  Eigenbasis spectrum;       // of S_YY; values below n eps mu_1 are 0
  Matrix root;               // S_YY^(1/2) [n, n]
  double mean_square = 0;    // E |y|^2
  double unit_roundoff = 0;  // of the stored targets
  std::optional<ModelErrors> model;
  std::string no_model = "no predictions";  // why there is none
  std::optional<UfmStrengths> ufm;
  std::string no_ufm = "no lambda_w, lambda_h";  // why there are none
  std::optional<ClassTargets> classes;           // of classification: no spectrum then

  [[nodiscard]] std::size_t size() const { return spectrum.size(); }
  [[nodiscard]] double total_variance() const;
  [[nodiscard]] double lambda_min() const;
  // Eigenvalues above 1e-10 of the largest.
  [[nodiscard]] std::size_t rank() const;
};

// The symmetric root of the matrix with this spectrum.
[[nodiscard]] Matrix symmetric_root(const Eigenbasis& spectrum);

// The weight W of a layer as a map of features: [m, d]; of a convolution [m kh kw, C].
struct WeightSummary {
  std::size_t rows = 0;
  bool convolution = false;
  std::vector<double> singular_values;  // descending
  // Orthonormal rows, the first `rank` span the row space: d of them or, where a weight has at most d/2
  // rows, one for each of these.
  Matrix right_singular;
  std::size_t rank = 0;  // singular values above max(m, d) eps of the largest
  Matrix gram;           // W W^T [m, m] when m = n and W is no convolution; else empty
};

[[nodiscard]] WeightSummary summarize_weight(const Matrix& weight, bool convolution, std::size_t targets);

// W2^T W2 against W W^T [m, m], of a layer's weight W [m, d] and the next one's W2 [p, m].
struct Balancedness {
  double difference = 0;  // in the Frobenius norm
  double size = 0;        // the mean of their norms
  double rounding = 0;    // of `difference`
  std::string note = {};  // what to mind
};
[[nodiscard]] Balancedness balancedness(const Matrix& weight, const Matrix& next);

// Truncated pseudo-inverse maps of features to centred targets. S v_j = l_j v_j; keeps l_j > cutoff * l_1:
// sum_j v_j v_j^T S_HY / l_j. values: l_j, descending; coordinates [n, d]: the v_j^T S_HY.
struct LeastSquares {
  Matrix coordinates;    // [n, d]: of the map's rows, along the v_j
  double explained = 0;  // sum_j |v_j^T S_HY|^2 / l_j: the part of tr S_YY that the map explains
};
[[nodiscard]] LeastSquares least_squares(std::span<const double> values, const Matrix& coordinates,
                                         double cutoff);

// What an error E of S with |E|_F <= error does to that map: bounds of the leading orders.
struct MapRounding {
  double residual = 0;   // in E |y - map h|^2 as the rows have it
  double explained = 0;  // in `explained`
  double left_out = 0;   // E |map x|^2 of directions left out, at most
};
[[nodiscard]] MapRounding least_squares_rounding(std::span<const double> values, const Matrix& coordinates,
                                                 double cutoff, double error);

// The mean squared canonical correlation of features and targets, tr(S_HH^+ S_HY S_YY^+ S_YH) / rank S_YY,
// and what rounding may move it by. values, coordinates: as above; eigenvalues up to 1e-10 of the largest
// count as 0 on both sides; error: of S_HH, in the Frobenius norm. Targets vary.
struct CanonicalCorrelation {
  double mean_square = 0;
  double rounding = 0;
};
[[nodiscard]] CanonicalCorrelation canonical_correlation(std::span<const double> values,
                                                         const Matrix& coordinates,
                                                         const TargetSummary& targets, double error);

// One layer of one checkpoint.
struct LayerSummary {
  std::uint64_t samples = 0;
  std::uint64_t zero_rows = 0;
  std::size_t signal_dim = 0;   // k, at most d
  double mean_norm = 0;         // mean |h|
  double mean_square = 0;       // E |h|^2
  double total_variance = 0;    // tr S_HH
  double unit_roundoff = 0;     // of the stored features
  double product_rounding = 0;  // |error of S_HH|_F / tr S_HH at most, when products were float32's; else 0
  std::vector<double> feature_mean;   // [d]
  Eigenbasis spectrum;                // of S_HH, all or the largest; values below d eps lambda_1 are 0
  std::vector<double> uncentred;      // eigenvalues of (1/N) H^T H, descending; empty: not computed
  Matrix cross_covariance;            // S_HY [d, n]
  double target_covariance_norm = 0;  // |S_YY|_F over this layer's rows
  double target_variance = 0;         // tr S_YY over this layer's rows
  double first_features_norm = 0;     // |S_HH[:n, :n]|_F, n = number of targets (at most d)
  double hsic_xx = 0;                 // N (N - 3) HSIC_1 of features with features, and so on
  double hsic_xy = 0;
  double hsic_yy = 0;
  double hsic_xx_rounding = 0;             // what float32 products may move it by
  double debiased_rounding = 0;            // what float64's rounding may move deep_nrc2_debiased by
  double squared_variance = 0;             // to the scale of hsic_xx, without bias
  double participation_rounding = 0;       // of squared_variance / hsic_xx, relative
  std::optional<double> affine_explained;  // part of tr S_YY that the best affine map explains, from moments
  std::optional<double> published_explained;      // the same of deep NRC4's map
  std::optional<CanonicalCorrelation> canonical;  // of features and targets; nullopt: not all pairs are there
  double affine_uncertainty = 0;  // of affine_explained, from float64's rounding; when moments may suffice
  double published_uncertainty = 0;
  MapRounding affine_rounding;  // from `product_rounding`
  MapRounding published_rounding;
  std::optional<ResidualSums> residuals;     // when there was a second look
  bool signal_from_moments = false;          // which left out what is outside the signal subspace
  std::optional<Scatter> normalized_moment;  // T = (1/N) sum of h h^T / |h|^2 [d, d]
  std::optional<WeightSummary> weight;
  std::string no_weight = "no weight";  // why there is none
  std::optional<Balancedness> balance;  // with the next layer's weight
  std::string no_balance = "no weight";
  std::optional<ClassSummary> classes;  // of classification

  [[nodiscard]] std::size_t features() const { return feature_mean.size(); }
  // What the second look has seen outside the signal subspace; null: nothing.
  [[nodiscard]] const SubspaceResiduals* signal_residuals() const {
    return residuals && !signal_from_moments ? &residuals->signal : nullptr;
  }
  // Whether the spectrum has the signal subspace, and what lies behind it.
  [[nodiscard]] bool has_signal() const {
    return spectrum.size() > signal_dim || spectrum.size() == features();
  }
};

}  // namespace collapscope
