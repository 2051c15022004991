// NC1 to NC4 of a layer, and what is near them: docs/classification.md.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "linalg/decompose.hpp"
#include "metrics/class_geometry.hpp"
#include "metrics/layer_parts.hpp"
#include "metrics/metric_values.hpp"

namespace collapscope {

namespace {

constexpr double cut_of_condition = 1e-10;  // on singular values
constexpr std::size_t most_seli_classes = 8192;

double squared(double x) { return x * x; }

// Norms, angles and distances of centred vectors. reason: why there is nothing to say; else empty.
void add_geometry(MetricSet& set, const std::string& prefix, const ClassVectors* vectors,
                  const PairSums* pairs, const std::string& vanishes, std::string reason) {
  const bool is_zero = reason.empty() && !(vectors->square() > 0);
  const auto name = [&](const char* end) { return prefix + end; };
  if (is_zero) {
    reason = vanishes;
  }
  if (!reason.empty()) {
    for (const char* end : {"_equinorm", "_mean_cosine", "_equiangular", "_max_angle", "_etf"}) {
      add_undefined(set, name(end), reason);
    }
    return;
  }
  const std::vector<double>& norms = vectors->norms();
  const double k = static_cast<double>(norms.size());
  const double mean = std::accumulate(norms.begin(), norms.end(), 0.0) / k;
  double deviation = 0;
  for (const double length : norms) {
    deviation += squared(length - mean);
  }
  add_number(set, name("_equinorm"), std::sqrt(deviation / k) / mean);
  const SummedGeometry summed = pairs == nullptr ? sum_geometry(*vectors) : SummedGeometry{};
  if (vectors->some_vanish()) {
    for (const char* end : {"_mean_cosine", "_equiangular", "_max_angle"}) {
      add_undefined(set, name(end), "a vector is 0");
    }
  } else if (pairs != nullptr) {
    add_number(set, name("_mean_cosine"), pairs->mean_cosine);
    add_number(set, name("_equiangular"), pairs->deviation);
    add_number(set, name("_max_angle"), pairs->off_simplex);
  } else {
    add_number(set, name("_mean_cosine"), summed.mean_cosine);
    add_number(set, name("_equiangular"), summed.deviation, summed.deviation_rounding);
    add_undefined(set, name("_max_angle"), "pairs of classes are not gone through");
  }
  if (pairs != nullptr) {
    add_number(set, name("_etf"), pairs->etf);
  } else {
    add_number(set, name("_etf"), summed.etf, summed.etf_rounding);
  }
}

void add_condition(MetricSet& set, const LayerSummary& layer) {
  const auto& s = layer.classes->between.singular_values;
  const std::size_t wanted = layer.classes->size() - 1;
  if (s.size() < wanted || !(s[wanted - 1] > cut_of_condition * s[0])) {
    add_undefined(set, "nc2_condition", "the class means span fewer than K - 1 dimensions");
  } else {
    add_number(set, "nc2_condition", s[0] / s[wanted - 1]);
  }
}

void add_seli(MetricSet& set, const std::string& name, const ClassSummary& classes, const PairSums* pairs,
              const std::string& reason) {
  if (!reason.empty()) {
    add_undefined(set, name, reason);
  } else if (classes.size() > most_seli_classes) {
    add_undefined(set, name, "more than 8192 classes");
  } else if (pairs == nullptr || !pairs->seli) {
    add_undefined(set, name, "pairs of classes are not gone through");
  } else {
    add_number(set, name, *pairs->seli);
  }
}

// Pairs of vectors that are not all 0; nullopt: they are, or are not to be gone through.
std::optional<PairSums> pairs_of(const ClassVectors& vectors, const ClassSummary& classes,
                                 std::span<const double> variances, SeliGram::Of what) {
  if (!classes.pairs || !(vectors.square() > 0)) {
    return std::nullopt;
  }
  std::optional<SeliGram> seli;
  if (classes.size() <= most_seli_classes) {
    seli.emplace(classes.counts, what);
  }
  return sum_pairs(vectors, variances, seli ? &*seli : nullptr);
}

// W's rows of the classes against the centred class means.
void add_duality(MetricSet& set, const ClassVectors& rows, const ClassVectors& means) {
  if (!(rows.square() > 0)) {
    add_undefined_each(set, {"nc3_self_duality", "nc3_etf", "nc3_cosine"}, "weight is 0");
    return;
  }
  const double w_length = std::sqrt(rows.square());
  const double m_length = std::sqrt(means.square());
  const std::size_t classes = rows.size();
  double apart = 0;
  double cosines = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    const Matrix w = rows.block(c, 1);
    const Matrix m = means.block(c, 1);
    double along = 0;
    for (std::size_t j = 0; j < w.cols(); ++j) {
      apart += squared(w(0, j) / w_length - m(0, j) / m_length);
      along += w(0, j) * m(0, j);
    }
    cosines += along / rows.norms()[c] / means.norms()[c];
  }
  add_number(set, "nc3_self_duality", std::sqrt(apart));
  if (const auto distance = cross_simplex_distance(rows, means)) {
    add_number(set, "nc3_etf", distance->value,
               distance->rounding > 0 ? std::optional(distance->rounding) : std::nullopt);
  } else {
    add_undefined(set, "nc3_etf", "W M^T is 0");
  }
  if (rows.some_vanish() || means.some_vanish()) {
    add_undefined(set, "nc3_cosine", "a vector is 0");
  } else {
    add_number(set, "nc3_cosine", cosines / static_cast<double>(classes));
  }
}

void add_classifier(MetricSet& set, const LayerSummary& layer, const ClassVectors* means) {
  const ClassSummary& classes = *layer.classes;
  const bool fits = classes.classifier && !classes.weight_rows.empty();
  const std::string missing = fits ? "" : classes.no_classifier;
  const std::string reason = !missing.empty() ? missing : classes.size() < 2 ? one_class : "";
  std::optional<ClassVectors> centred;
  std::optional<PairSums> pairs;
  std::vector<std::size_t> picks;
  for (const double row : classes.weight_rows) {
    picks.push_back(static_cast<std::size_t>(row));
  }
  if (reason.empty()) {
    centred.emplace(*classes.classifier->weight, picks, true);
    pairs = pairs_of(*centred, classes, {}, SeliGram::Of::weights);
  }
  constexpr const char* alike = "the rows of W are all the same";
  add_geometry(set, "nc2_weight", reason.empty() ? &*centred : nullptr, pairs ? &*pairs : nullptr, alike,
               reason);
  add_seli(set, "nc2_weight_seli", classes, pairs ? &*pairs : nullptr,
           !reason.empty()            ? reason
           : !(centred->square() > 0) ? alike
                                      : "");
  const std::string no_duality = !reason.empty() ? reason : means == nullptr ? means_coincide : "";
  if (!no_duality.empty()) {
    add_undefined_each(set, {"nc3_self_duality", "nc3_etf", "nc3_cosine"}, no_duality);
  } else {
    add_duality(set, ClassVectors(*classes.classifier->weight, picks, false), *means);
  }
}

void add_nearest(MetricSet& set, const LayerSummary& layer) {
  const ClassSummary& classes = *layer.classes;
  const std::string reason = classes.size() < 2                     ? one_class
                             : !layer.residuals || !classes.nearest ? needs_look
                                                                    : "";
  const double n = static_cast<double>(layer.samples);
  const bool fits = classes.classifier && !classes.weight_rows.empty();
  if (!reason.empty() || !fits) {
    add_undefined(set, "nc4_disagreement", fits ? reason : classes.no_classifier);
  } else {
    add_number(set, "nc4_disagreement", static_cast<double>(layer.residuals->classes.nearest_unlike) / n);
  }
  if (!reason.empty()) {
    add_undefined(set, "ncc_accuracy", reason);
  } else {
    const auto& own = layer.residuals->classes.nearest_own;
    add_number(set, "ncc_accuracy", std::accumulate(own.begin(), own.end(), 0.0) / n);
  }
}

// Where W has other rows than those of the classes, as a hidden layer's has, what is made of it may mean
// nothing.
void note_other_rows(MetricSet& set, const ClassSummary& classes) {
  if (!classes.classifier || classes.weight_rows.empty() ||
      classes.classifier->weight->rows() == classes.size()) {
    return;
  }
  for (Metric& metric : set.all()) {
    const bool of_weight = metric.name.starts_with("nc2_weight_") || metric.name.starts_with("nc3_") ||
                           metric.name == "nc4_disagreement";
    if (of_weight && metric.defined() && metric.note.empty()) {
      metric.note = "W has rows of no class";
    }
  }
}

}  // namespace

void add_classes(MetricSet& set, const LayerSummary& layer) {
  const ClassSummary& classes = *layer.classes;
  if (classes.classifier && !classes.weight_rows.empty()) {
    add_count(set, "classes_empty", classes.classifier->weight->rows() - classes.size());
  } else {
    add_undefined(set, "classes_empty", classes.no_classifier);
  }
  const std::string reason = no_between(layer);
  std::optional<ClassVectors> means;
  std::optional<PairSums> pairs;
  if (reason.empty()) {
    means.emplace(*classes.means, std::vector<std::size_t>{}, true);
    pairs = pairs_of(*means, classes, variances_within(layer), SeliGram::Of::means);
  }
  add_nc1_family(set, layer, pairs ? &*pairs : nullptr);
  add_geometry(set, "nc2", means ? &*means : nullptr, pairs ? &*pairs : nullptr, means_coincide, reason);
  if (reason.empty()) {
    add_condition(set, layer);
  } else {
    add_undefined(set, "nc2_condition", reason);
  }
  add_seli(set, "nc2_seli", classes, pairs ? &*pairs : nullptr, reason);
  add_classifier(set, layer, means ? &*means : nullptr);
  add_nearest(set, layer);
  note_other_rows(set, classes);
}

void add_class_targets(MetricSet& set, const ClassTargets& classes) {
  add_count(set, "classes", classes.labels.size());
  add_count(set, "classes_single", static_cast<std::size_t>(std::ranges::count(classes.counts, 1.0)));
  const auto [least, most] = std::ranges::minmax(classes.counts);
  add_number(set, "class_imbalance", most / least);
  add_count(set, "samples_ignored", classes.ignored);
  if (classes.accuracy) {
    add_number(set, "model_accuracy", *classes.accuracy);
    add_number(set, "model_cross_entropy", *classes.cross_entropy);
  } else {
    add_undefined_each(set, {"model_accuracy", "model_cross_entropy"}, classes.no_model);
  }
}

namespace {

// What is left must be so many times its rounding.
constexpr double least_multiple = 1e8;
// Ten times the largest rounding, in float64's epsilons of tr S_HH, that was seen with up to a million rows,
// 32 to 1024 features, offsets and imbalance: of tr Sigma_W, and of a square along a direction.
constexpr double of_trace = 256;
constexpr double of_direction = 40;

}  // namespace

bool class_moments_suffice(const LayerSummary& layer) {
  const ClassSummary& classes = *layer.classes;
  if (layer.product_rounding > 0) {
    return false;
  }
  const double least = least_multiple * float64_epsilon * layer.total_variance;
  const double k = static_cast<double>(classes.size());
  return !(layer.total_variance > 0) ||
         (classes.within >= of_trace * least &&
          classes.nc1 * k >= of_direction * least * classes.between.inverse_trace &&
          classes.nc1_trace >= of_direction * least * classes.between_by_rows.inverse_trace);
}

bool class_variance_suffices(const LayerSummary& layer, std::size_t c) {
  const ClassSummary& classes = *layer.classes;
  if (classes.counts[c] == 1) {
    return true;  // it is 0
  }
  const auto mean = classes.means->view().row(c);
  const double square = std::inner_product(mean.begin(), mean.end(), mean.begin(), 0.0);
  const double rounding = std::max(float64_epsilon, layer.product_rounding) * (layer.total_variance + square);
  return classes.variances[c] >= least_multiple * of_trace * rounding;
}

bool class_variances_suffice(const LayerSummary& layer) {
  for (std::size_t c = 0; c < layer.classes->size(); ++c) {
    if (!class_variance_suffices(layer, c)) {
      return false;
    }
  }
  return true;
}

}  // namespace collapscope
