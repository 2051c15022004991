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
  float own_square;
  float rounding;

  // Of scores; of weights, and not less than it is.
  [[nodiscard]] float gap(std::size_t j) const { return own_score - offsets[j] - scores[j]; }
  [[nodiscard]] float apart(std::size_t j) const {
    const float together = own_square + squares[j];
    const float square = together - 2 * products[j];
    return (square > 0 ? square : 0) + rounding * together + least_apart;
  }
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
    const Vector of_mean = product(weight_, mean);
    double largest_bias = 0;
    for (std::size_t c = 0; c < weight_.rows(); ++c) {
      offsets_.push_back(static_cast<float>((of_mean[c] + classifier.bias[c]) * score_scale()));
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

  // The score of mean c with its own row, less what rounding may have done to all scores.
  [[nodiscard]] float own_score(std::size_t c) const {
    const auto row = static_cast<std::size_t>(weight_rows_[c]);
    const auto mean = means_.view().row(c);
    const auto weights = weight_.view().row(row);
    double score = 0;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      score += mean[j] * means_scale_ * (weights[j] * weight_scale_);
    }
    const double most = longest_ * std::sqrt(means_squares_[c]);
    const double sums = 4.0 * std::numeric_limits<float>::epsilon() * (2 * largest_offset_ + 2 * most);
    const double error = (linalg::product_rounding(mean.size()) + double_rounding(mean.size())) * most +
                         linalg::least_square(mean.size()) + offset_error_ + sums;
    return static_cast<float>(score + offsets_[row] - error);
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
    std::vector<float> own_scores;
    for (std::size_t i = 0; i < down.count; ++i) {
      own_scores.push_back(own_score(down.first + i));
    }
    std::vector<float> least(down.count, std::numeric_limits<float>::infinity());
    for (std::size_t first = 0; first < weight_.rows(); first += block_across) {
      const Block across{first, std::min(block_across, weight_.rows() - first)};
      const MatrixView<const float> weights = across_room.fill(some_rows(weight_, across), weight_scale_);
      const MatrixView<float> scores{scores_room.data(), down.count, across.count};
      const MatrixView<float> products{products_room.data(), down.count, across.count};
      linalg::product_of_rows(some, weights, scores);
      linalg::product_of_rows(own, weights, products);
      for (std::size_t i = 0; i < down.count; ++i) {
        const auto mine = static_cast<std::size_t>(own_rows[i]);
        for (std::size_t j = 0; j < across.count && least[i] > 0; j += run_length) {
          const ChoiceFrom from{scores.row(i).data() + j,
                                products.row(i).data() + j,
                                squares_.data() + first + j,
                                offsets_.data() + first + j,
                                own_scores[i],
                                squares_[mine],
                                linalg::product_rounding(d)};
          least[i] = look_at(from, std::min(run_length, across.count - j), mine - (first + j), least[i]);
        }
      }
    }
    for (std::size_t i = 0; i < down.count; ++i) {
      margins[i] = safety * least[i] / means_scale_;
    }
  }

  // The less of `least` and the distances to the choices of a run, in which the class's own row has number
  // `own`, if it is there.
  [[nodiscard]] static float look_at(const ChoiceFrom& from, std::size_t count, std::size_t own,
                                     float least) {
    unsigned closer = 0;
    for (std::size_t j = 0; j < count; ++j) {
      closer |= static_cast<unsigned>(!from.is_beyond(j, least * least));
    }
    if (closer == 0) {
      return least;
    }
    for (std::size_t j = 0; j < count; ++j) {
      if (j != own) {
        const float reach = from.gap(j) / std::sqrt(from.apart(j));
        least = reach > least_margin ? std::min(least, reach) : 0;  // a NaN tells nothing
      }
    }
    return least;
  }

  const Matrix& means_;
  const Matrix& weight_;
  const std::vector<double>& weight_rows_;
  double means_scale_;
  double weight_scale_;
  std::vector<double> means_squares_;
  std::vector<float> squares_;
  std::vector<float> offsets_;
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
