#include "analysis/label_sums.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analysis/labels.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// -log softmax(logits)[label]
double cross_entropy(std::span<const double> logits, std::size_t label) {
  const double top = *std::ranges::max_element(logits);
  double sum = 0;
  for (const double logit : logits) {
    sum += std::exp(logit - top);
  }
  return top + std::log(sum) - logits[label];
}

}  // namespace

JudgedLogits judged(std::span<const double> logits, std::size_t label) {
  return {std::ranges::max_element(logits) - logits.begin() == static_cast<std::ptrdiff_t>(label),
          cross_entropy(logits, label)};
}

void LogitSums::add(const JudgedLogits& sample, std::size_t number, std::size_t classes) {
  right.resize(classes, 0.0);
  right[number] += sample.right ? 1 : 0;
  entropy += sample.entropy;
  samples += 1;
}

void LabelSums::add(MatrixView<const double> labels, MatrixView<const double> logits) {
  if (logits.rows() > 0) {
    if (!model) {
      model.emplace();
    }
    model->columns = logits.cols();
  }
  for (std::size_t i = 0; i < labels.rows(); ++i) {
    if (labels(i, 0) == ClassLabels::left_out) {
      ++ignored;
      continue;
    }
    const auto label = static_cast<std::size_t>(labels(i, 0));
    counts[label] += 1;
    if (logits.rows() > 0 && label < logits.cols()) {
      model->add(judged(logits.row(i), label), label, counts.size());
    }
  }
}

void LabelSums::add(const LabelSums& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] += other.counts[i];
  }
  ignored += other.ignored;
  if (model && other.model) {
    model->samples += other.model->samples;
    model->entropy += other.model->entropy;
    model->right.resize(counts.size(), 0.0);
    for (std::size_t i = 0; i < other.model->right.size(); ++i) {
      model->right[i] += other.model->right[i];
    }
  } else if (other.model) {
    model = other.model;
  }
}

std::uint64_t LabelSums::kept() const {
  return static_cast<std::uint64_t>(std::accumulate(counts.begin(), counts.end(), 0.0));
}

std::vector<std::int64_t> LabelSums::labels() const {
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) {
      found.push_back(static_cast<std::int64_t>(i));
    }
  }
  return found;
}

TargetSummary LabelSums::summary() const {
  TargetSummary summary;
  summary.samples = kept();
  ClassTargets& classes = summary.classes.emplace();
  classes.labels = labels();
  classes.ignored = ignored;
  for (const std::int64_t label : classes.labels) {
    classes.counts.push_back(counts[static_cast<std::size_t>(label)]);
  }
  if (!model || classes.labels.empty()) {
    return summary;
  }
  if (classes.labels.back() >= static_cast<std::int64_t>(model->columns)) {
    classes.no_model = no_columns;
    return summary;
  }
  for (const std::int64_t label : classes.labels) {
    classes.right.push_back(model->right[static_cast<std::size_t>(label)]);
  }
  classes.accuracy = std::accumulate(classes.right.begin(), classes.right.end(), 0.0) / model->samples;
  classes.cross_entropy = model->entropy / model->samples;
  return summary;
}

void number_classes(ClassSums& classes, std::span<const std::int64_t> labels) {
  for (double& number : classes.numbers) {
    const auto place = std::ranges::lower_bound(labels, static_cast<std::int64_t>(number));
    number = static_cast<double>(place - labels.begin());
  }
}

void name_classes(ClassSums& classes, std::span<const std::int64_t> labels) {
  for (double& number : classes.numbers) {
    if (!(number >= 0 && number < static_cast<double>(labels.size()))) {
      throw Error("the sums are of other classes than the labels");
    }
    number = static_cast<double>(labels[static_cast<std::size_t>(number)]);
  }
}

}  // namespace collapscope
