// What is measured of each class by itself.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "collapscope/metrics/metrics.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "metrics/class_geometry.hpp"
#include "metrics/layer_parts.hpp"

namespace collapscope {

namespace {

constexpr std::size_t classes_at_once = 512;

// Goes through all pairs in blocks: the other class whose mean points the same way most.
void add_neighbours(LayerClasses& found, const ClassVectors& means, const std::vector<std::int64_t>& labels,
                    bool keeps_cosines) {
  const std::size_t classes = means.size();
  const std::vector<double>& norms = means.norms();
  const bool few = classes <= LayerClasses::most_with_cosines;
  const bool keeps = few && keeps_cosines;
  found.cosines.resize(keeps ? classes * (classes - 1) / 2 : 0);
  found.nearest.resize(classes);
  found.nearest_cosine.resize(classes);
  // Of a product and two norms of so many features: cosines that differ by less are equal.
  const double rounding =
      4 * std::sqrt(static_cast<double>(means.features())) * std::numeric_limits<double>::epsilon();
  const auto take = [&](std::size_t a, std::size_t b, double cosine) {
    if (!found.nearest_cosine[a] || cosine > *found.nearest_cosine[a] + rounding) {
      found.nearest_cosine[a] = cosine;
      found.nearest[a] = labels[b];
    }
  };
  // The partners of each class come in ascending order: of equal cosines the smallest label counts.
  for (std::size_t first = 0; first < classes; first += classes_at_once) {
    const Matrix rows = means.block(first, std::min(classes_at_once, classes - first));
    for (std::size_t second = first; second < classes; second += classes_at_once) {
      const Matrix others = means.block(second, std::min(classes_at_once, classes - second));
      const Matrix products = linalg::product(rows, linalg::Transpose::no, others, linalg::Transpose::yes);
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const std::size_t a = first + i;
        for (std::size_t j = first == second ? i + 1 : 0; j < others.rows(); ++j) {
          const std::size_t b = second + j;
          if (norms[a] == 0 || norms[b] == 0) {
            continue;
          }
          const double cosine = std::clamp(products(i, j) / norms[a] / norms[b], -1.0, 1.0);
          if (keeps) {
            found.cosines[a * (2 * classes - a - 1) / 2 + b - a - 1] = cosine;
          }
          take(a, b, cosine);
          take(b, a, cosine);
        }
      }
    }
  }
  if (!few) {
    found.notes.emplace_back("cosines", "more than 1024 classes");
  }
}

void add_variances(LayerClasses& found, const LayerSummary& layer) {
  const std::vector<double> variances = variances_within(layer);
  bool some_lack = false;
  for (std::size_t c = 0; c < variances.size(); ++c) {
    const bool lacks = !layer.residuals && !class_variance_suffices(layer, c);
    some_lack = some_lack || lacks;
    const double variance = layer.classes->counts[c] == 1 ? 0 : variances[c];
    found.within_variance.push_back(lacks ? std::nullopt : std::optional(variance));
  }
  if (some_lack) {
    found.notes.emplace_back("within_variance", needs_look);
  }
}

void add_weight_cosines(LayerClasses& found, const ClassVectors& means, const ClassSummary& classes) {
  if (!classes.classifier || classes.weight_rows.empty()) {
    found.notes.emplace_back("weight_cosine", classes.no_classifier);
    return;
  }
  std::vector<double> room;
  for (std::size_t c = 0; c < means.size(); ++c) {
    const StoredRows weight(*classes.classifier->weight);
    const auto w =
        weight.middle_rows(static_cast<std::size_t>(classes.weight_rows[c]), 1).widened(room).row(0);
    const Matrix m = means.block(c, 1);
    const double length =
        std::sqrt(std::inner_product(w.begin(), w.end(), w.begin(), 0.0)) * means.norms()[c];
    found.weight_cosine.push_back(
        length > 0 ? std::optional(std::clamp(
                         std::inner_product(w.begin(), w.end(), m.values().begin(), 0.0) / length, -1.0, 1.0))
                   : std::nullopt);
  }
}

}  // namespace

LayerClasses layer_classes(const LayerSummary& layer, const ClassTargets& targets, bool keeps_cosines) {
  const ClassSummary& classes = *layer.classes;
  LayerClasses found;
  for (const double count : classes.counts) {
    found.rows.push_back(static_cast<std::uint64_t>(count));
  }
  add_variances(found, layer);
  const ClassVectors means(*classes.means, {}, true);
  found.mean_norm.assign(means.norms().begin(), means.norms().end());
  if (const std::string reason = no_between(layer); !reason.empty()) {
    for (const char* column : {"weight_cosine", "nearest_cosine", "cosines"}) {
      found.notes.emplace_back(column, reason);
    }
  } else {
    add_weight_cosines(found, means, classes);
    add_neighbours(found, means, targets.labels, keeps_cosines);
  }
  if (layer.residuals && classes.nearest) {
    const std::vector<double>& own = layer.residuals->classes.nearest_own;
    for (std::size_t c = 0; c < own.size(); ++c) {
      found.ncc_accuracy.emplace_back(own[c] / classes.counts[c]);
    }
  } else {
    found.notes.emplace_back("ncc_accuracy",
                             classes.size() < 2 ? "one class" : "needs a second look at the rows");
  }
  return found;
}

CheckpointClasses checkpoint_classes(const ClassTargets& targets, const std::vector<std::string>& names) {
  CheckpointClasses found;
  found.labels = targets.labels;
  for (const double count : targets.counts) {
    found.samples.push_back(static_cast<std::uint64_t>(count));
  }
  for (std::size_t c = 0; c < targets.right.size(); ++c) {
    found.model_accuracy.emplace_back(targets.right[c] / targets.counts[c]);
  }
  if (names.empty()) {
    return found;
  }
  for (const std::int64_t label : targets.labels) {
    const bool has = label >= 0 && static_cast<std::uint64_t>(label) < names.size();
    found.names.push_back(has ? names[static_cast<std::size_t>(label)] : "");
  }
  return found;
}

}  // namespace collapscope
