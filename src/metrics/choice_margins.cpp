#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "linalg/float_rows.hpp"
#include "metrics/class_margins.hpp"
#include "metrics/margin_blocks.hpp"

namespace collapscope::margins {

namespace {

// Less, in units of the largest number of the means, is as good as nothing: its square must have all digits.
constexpr float least_margin = 1e-12F;
// Rows of W whose scores float32 does not tell from a class's own: with more, nothing is said of the class.
constexpr std::size_t most_unclear = 1024;
// Added to squares of |w_y - w_c|, in units of W's largest number, so that no product with them is lost.
constexpr float least_apart = 1e-12F;

double double_rounding(std::size_t features) {
  return 4 * static_cast<double>(features + 4) * std::numeric_limits<double>::epsilon();
}

float largest_of(std::span<const float> values) {
  float largest = 0;
  for (const float value : values) {
    largest = std::abs(value) <= largest ? largest : std::abs(value);
  }
  return largest;
}

// One class against a run of W's rows. All numbers are scaled.
struct ChoiceFrom {
  const float* scores;
  const float* products;  // of w_y with the rows
  const float* squares;   // of the rows
  const float* offsets;   // of the rows' scores
  float own_score;        // less all rounding
  float error;            // that rounding
  float own_square;
  float rounding;

  // Of scores; of weights, and not less than it is.
  [[nodiscard]] float gap(std::size_t j) const { return own_score - offsets[j] - scores[j]; }
  [[nodiscard]] float apart(std::size_t j) const {
    const float together = own_square + squares[j];
    const float square = together - 2 * products[j];
    return (square > 0 ? square : 0) + rounding * together + least_apart;
  }
  // Rounding may be much of the gap; a NaN is.
  [[nodiscard]] bool is_unclear(std::size_t j) const { return !(gap(j) > 32 * error); }
  // Whether the row is at least sqrt(square) away from its choice; a NaN is not.
  [[nodiscard]] bool is_beyond(std::size_t j, float square) const {
    const float difference = gap(j);
    return difference > 0 && difference * difference >= square * apart(j);
  }
};

class ChoiceSearch {
 public:
  ChoiceSearch(const Matrix& means, const std::vector<double>& mean, const Classifier& classifier,
               const std::vector<double>& weight_rows)
      : means_(means),
        weight_(*classifier.weight),
        weight_rows_(weight_rows),
        means_scale_(linalg::scale_to_one(means)),
        weight_scale_(linalg::scale_to_one(weight_)),
        means_squares_(linalg::scaled_squares(means, means_scale_)),
        squares_(narrowed(linalg::scaled_squares(weight_, weight_scale_))) {
    double largest_bias = 0;
    for (std::size_t c = 0; c < weight_.rows(); ++c) {
      exact_offsets_.push_back(row_product(weight_, c, mean) + classifier.bias[c]);
      offsets_.push_back(static_cast<float>(exact_offsets_.back() * score_scale()));
      largest_bias = std::max(largest_bias, std::abs(classifier.bias[c]));
    }
    longest_ = std::sqrt(*std::ranges::max_element(squares_));
    largest_offset_ = largest_of(offsets_);
    // Of the offsets, and of the scores where a row is looked at.
    offset_error_ = double_rounding(weight_.cols()) *
                    (longest_ * linalg::frobenius(mean) * means_scale_ + largest_bias * score_scale());
  }

  [[nodiscard]] std::vector<double> margins() {
    std::vector<double> out(means_.rows(), 0.0);
    if (means_scale_ == 0 || weight_scale_ == 0) {
      return out;
    }
    const Blocks down = blocks_down(means_.rows());
    linalg::share(down.count(), [&](std::size_t number) {
      const Block block = down[number];
      look_from(block, std::span(out).subspan(block.first, block.count));
    });
    return out;
  }

 private:
  [[nodiscard]] double score_scale() const { return means_scale_ * weight_scale_; }

  // Of a mean with its own row: less its error, and the error.
  struct OwnScore {
    float score;
    float error;
  };
  struct Least {
    float reach = std::numeric_limits<float>::infinity();
    std::size_t unclear = 0;  // rows that were looked at in float64
  };

  [[nodiscard]] OwnScore own_score(std::size_t c) const {
    const auto row = static_cast<std::size_t>(weight_rows_[c]);
    const double error = error_of(c);
    return {static_cast<float>(score(c, row) + offsets_[row] - error), static_cast<float>(error)};
  }

  // |w|_max |mu_c| in scaled numbers.
  [[nodiscard]] double largest_score(std::size_t c) const { return longest_ * std::sqrt(means_squares_[c]); }

  // What rounding may have done to differences of float32 scores of mean c, at most.
  [[nodiscard]] double error_of(std::size_t c) const {
    const std::size_t d = means_.cols();
    const double most = largest_score(c);
    const double sums = 4.0 * std::numeric_limits<float>::epsilon() * (2 * largest_offset_ + 2 * most);
    return (static_cast<double>(linalg::product_rounding(d)) + double_rounding(d)) * most +
           static_cast<double>(linalg::least_square(d)) + offset_error_ + sums;
  }

  // The score of mean c with row `row`, in float64.
  [[nodiscard]] double score(std::size_t c, std::size_t row) const {
    const auto mean = means_.view().row(c);
    double sum = 0;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      sum += mean[j] * means_scale_ * (weight_(row, j) * weight_scale_);
    }
    return sum;
  }

  // From differences of rows of W in float64: how far from mean c its own row is chosen before `row`; 0 where
  // nothing is known.
  [[nodiscard]] float exact_reach(std::size_t c, std::size_t row) const {
    const auto own = static_cast<std::size_t>(weight_rows_[c]);
    const auto mean = means_.view().row(c);
    double gap = (exact_offsets_[own] - exact_offsets_[row]) * score_scale();
    double apart = 0;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      const double difference = (weight_(own, j) - weight_(row, j)) * weight_scale_;
      gap += difference * (mean[j] * means_scale_);
      apart += difference * difference;
    }
    gap -= 2 * (double_rounding(mean.size()) * largest_score(c) + offset_error_);
    const auto reach = static_cast<float>(gap / (std::sqrt(apart) * (1 + 1e-6) + 1e-300));
    return reach > least_margin ? reach * (1 - 1e-6F) : 0;
  }

  void look_from(const Block& down, std::span<double> margins) {
    const std::size_t d = means_.cols();
    linalg::FloatRows means_room(down.count, d);
    linalg::FloatRows own_room(down.count, d);
    linalg::FloatRows across_room(block_across, d);
    std::vector<float> scores_room(down.count * block_across);
    std::vector<float> products_room(down.count * block_across);
    const std::span<const double> own_rows = std::span(weight_rows_).subspan(down.first, down.count);
    const MatrixView<const float> some = means_room.fill(some_rows(means_, down), means_scale_);
    const MatrixView<const float> own = own_room.fill_picked(weight_, own_rows, weight_scale_);
    std::vector<OwnScore> own_scores;
    for (std::size_t i = 0; i < down.count; ++i) {
      own_scores.push_back(own_score(down.first + i));
    }
    std::vector<Least> least(down.count);
    for (std::size_t first = 0; first < weight_.rows(); first += block_across) {
      const Block across{first, std::min(block_across, weight_.rows() - first)};
      const MatrixView<const float> weights = across_room.fill(some_rows(weight_, across), weight_scale_);
      const MatrixView<float> scores{scores_room.data(), down.count, across.count};
      const MatrixView<float> products{products_room.data(), down.count, across.count};
      linalg::product_of_rows(some, weights, scores);
      linalg::product_of_rows(own, weights, products);
      for (std::size_t i = 0; i < down.count; ++i) {
        const auto mine = static_cast<std::size_t>(own_rows[i]);
        for (std::size_t j = 0; j < across.count && least[i].reach > 0; j += run_length) {
          const ChoiceFrom from{scores.row(i).data() + j,
                                products.row(i).data() + j,
                                squares_.data() + first + j,
                                offsets_.data() + first + j,
                                own_scores[i].score,
                                own_scores[i].error,
                                squares_[mine],
                                linalg::product_rounding(d)};
          look_at(from, down.first + i, {first + j, std::min(run_length, across.count - j)}, least[i]);
        }
      }
    }
    for (std::size_t i = 0; i < down.count; ++i) {
      margins[i] = safety * least[i].reach / means_scale_;
    }
  }

  // Lowers what is known of class c to what a run of rows allows.
  void look_at(const ChoiceFrom& from, std::size_t c, const Block& run, Least& least) const {
    unsigned closer = 0;
    for (std::size_t j = 0; j < run.count; ++j) {
      closer |= static_cast<unsigned>(!from.is_beyond(j, least.reach * least.reach));
    }
    if (closer == 0) {
      return;
    }
    const auto own = static_cast<std::size_t>(weight_rows_[c]);
    for (std::size_t j = 0; j < run.count && least.reach > 0; ++j) {
      const std::size_t row = run.first + j;
      if (row == own) {
        continue;
      }
      float reach = from.gap(j) / std::sqrt(from.apart(j));
      if (from.is_unclear(j)) {
        reach = ++least.unclear <= most_unclear ? exact_reach(c, row) : 0;
      }
      least.reach = reach > least_margin ? std::min(least.reach, reach) : 0;  // a NaN tells nothing
    }
  }

  const Matrix& means_;
  StoredRows weight_;
  const std::vector<double>& weight_rows_;
  double means_scale_;
  double weight_scale_;
  std::vector<double> means_squares_;
  std::vector<float> squares_;
  std::vector<float> offsets_;
  std::vector<double> exact_offsets_;
  float longest_ = 0;
  float largest_offset_ = 0;
  double offset_error_ = 0;
};

}  // namespace

}  // namespace collapscope::margins

namespace collapscope {

std::vector<double> choice_margins(const Matrix& means, const std::vector<double>& mean,
                                   const Classifier& classifier, const std::vector<double>& weight_rows) {
  return margins::ChoiceSearch(means, mean, classifier, weight_rows).margins();
}

}  // namespace collapscope
