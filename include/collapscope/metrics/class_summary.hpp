// What the metrics of classification are computed from, beside a layer's and the targets' summaries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/core/classes.hpp"
#include "collapscope/core/matrix.hpp"
#include "collapscope/core/scatter.hpp"
#include "collapscope/core/stored_matrix.hpp"
#include "collapscope/linalg/eigenbasis.hpp"

namespace collapscope {

// The classes of a checkpoint: the labels that occur.
struct ClassTargets {
  std::vector<std::int64_t> labels;  // ascending [K]
  std::vector<double> counts;        // samples of each
  std::uint64_t ignored = 0;         // samples that are left out
  std::optional<double> accuracy;    // of the predictions, as logits
  std::optional<double> cross_entropy;
  std::vector<double> right =
      {};  // samples of each that the predictions have right [K]; empty: no predictions
  std::string no_model = "no predictions";  // why these are missing
};

// A covariance X^T X between class means, of rows X [., d], as far as its pseudo-inverse goes: eigenvalues up
// to 1e-10 of the largest count as 0.
struct BetweenCovariance {
  double trace = 0;
  double inverse_trace = 0;             // of the pseudo-inverse
  Matrix whitening;                     // A [r, d]: A^T A is the pseudo-inverse
  Matrix outside;                       // what A takes to 0, orthonormal rows [d - r, d]; empty: not few
  std::vector<double> singular_values;  // of X, descending; where K is large against d, roots of eigenvalues
  bool near_cut = false;                // an eigenvalue lies so near the cut that rounding decides

  [[nodiscard]] std::size_t rank() const { return whitening.rows(); }
};

// A layer's weight as a classifier: row `label` for each class.
struct Classifier {
  std::shared_ptr<const StoredMatrix> weight;  // [m, d]
  std::vector<double> bias;                    // [m], zeros without one
};

// The classes of one layer of one checkpoint.
struct ClassSummary {
  std::vector<double> counts;             // rows of each class [K]
  std::shared_ptr<const Matrix> means;    // of each class, about the mean of all rows [K, d]
  std::vector<double> variances;          // mean of |h - mu_c|^2 in each class, from moments [K]
  double within = 0;                      // tr Sigma_W, from moments
  BetweenCovariance between;              // every class counts once: Sigma_B
  BetweenCovariance between_by_rows;      // every row counts once
  std::optional<BetweenCovariance> unit;  // Sigma_B of the rows h / |h|
  std::shared_ptr<const Matrix> unit_means;
  double nc1 = 0;  // tr(Sigma_W Sigma_B^+) / K, from moments
  double nc1_trace = 0;
  std::optional<double> vci;  // nullopt: not all eigenpairs are there
  double vci_rounding = 0;
  double cross_norm = 0;  // |S_HY|_F with one-hot labels
  std::optional<Classifier> classifier;
  std::vector<double> weight_rows;          // of the classes [K]; empty: they do not fit the classifier
  std::string no_classifier = "no weight";  // why there is none
  bool whitened = false;                    // the second look summed nc1 and nc1_trace
  bool nearest = false;                     // and what is nearest
  bool pairs = true;                        // pairs of classes are gone through

  [[nodiscard]] std::size_t size() const { return counts.size(); }
  // Whether all classes have as many rows, so that `between` and `between_by_rows` are the same.
  [[nodiscard]] bool balanced() const {
    return std::ranges::adjacent_find(counts, std::ranges::not_equal_to()) == counts.end();
  }
};

// Of X = (rows [K, d] less `centre`) times the root of each row's weight.
[[nodiscard]] BetweenCovariance between_covariance(const Matrix& rows, const std::vector<double>& centre,
                                                   std::span<const double> weights);

// From sums over all rows, which are used up. mean: of the features; covariance: S_HH.
[[nodiscard]] ClassSummary summarize_classes(ClassSums sums, const std::vector<double>& mean,
                                             const Scatter& covariance);

// Adds what takes the eigenpairs of S_HH. product_rounding: as of LayerSummary.
void add_vci(ClassSummary& classes, const Eigenbasis& spectrum, double product_rounding);

}  // namespace collapscope
