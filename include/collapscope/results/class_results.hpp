// What results say of each class: one number per class in every column.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace collapscope {

// nullopt where it is undefined; no entries where it is for all classes.
using ClassColumn = std::vector<std::optional<double>>;

// Of a checkpoint. Classes are in the ascending order of their labels [K].
struct CheckpointClasses {
  std::vector<std::int64_t> labels;
  std::vector<std::string> names;      // empty: none are known
  std::vector<std::uint64_t> samples;  // of each
  ClassColumn model_accuracy;          // share of its samples that the predictions have right
  bool operator==(const CheckpointClasses&) const = default;
};

// Of a layer; m_c is a class mean less the mean of the class means.
struct LayerClasses {
  // Cosines of all pairs are kept up to so many classes.
  static constexpr std::size_t most_with_cosines = 1024;

  std::vector<std::uint64_t> rows;                   // of each class
  ClassColumn mean_norm;                             // |m_c|
  ClassColumn within_variance;                       // mean of |h - mu_c|^2
  ClassColumn weight_cosine;                         // of m_c and the classifier's row
  std::vector<std::optional<std::int64_t>> nearest;  // label of the other class with the largest cosine
  ClassColumn nearest_cosine;                        // that cosine
  ClassColumn ncc_accuracy;                          // share of its rows whose nearest class mean is its own
  ClassColumn cosines;  // of m_a and m_b for a < b: (0, 1), (0, 2), ..., (K - 2, K - 1)
  std::vector<std::pair<std::string, std::string>> notes;  // column, why it is undefined
  bool operator==(const LayerClasses&) const = default;
};

// visit(name, column) of all columns of numbers, in the order in which they are shown.
template <class Classes, class Visit>
void each_class_column(Classes& classes, const Visit& visit) {
  visit("mean_norm", classes.mean_norm);
  visit("within_variance", classes.within_variance);
  visit("weight_cosine", classes.weight_cosine);
  visit("nearest_cosine", classes.nearest_cosine);
  visit("ncc_accuracy", classes.ncc_accuracy);
  visit("cosines", classes.cosines);
}

}  // namespace collapscope
