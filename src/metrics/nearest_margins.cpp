#include "metrics/class_margins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "linalg/blas.hpp"
#include "linalg/float_rows.hpp"
#include "metrics/margin_blocks.hpp"

namespace collapscope::margins {

namespace {

// Squares of distances that are less of |a|^2 + |b|^2 are formed from the differences in float64.
constexpr float near = 0.01F;
constexpr float infinity = std::numeric_limits<float>::infinity();

// Squares of distances from one mean to a run of others, less their rounding.
struct SquaresFrom {
  const float* products;
  const float* squares;  // of the others
  float own;             // the mean's own
  float rounding;
  float lost;

  [[nodiscard]] float at(std::size_t j) const {
    const float together = own + squares[j];
    return together - rounding * together - 2 * products[j] - lost;
  }
  [[nodiscard]] bool is_near(std::size_t j, float square) const {
    return !(square >= near * (own + squares[j]));  // a NaN is
  }
};

class NearestSearch {
 public:
  explicit NearestSearch(const Matrix& means)
      : means_(means),
        scale_(linalg::scale_to_one(means)),
        squares_(narrowed(linalg::scaled_squares(means, scale_))),
        least_(means.rows(), infinity) {}

  [[nodiscard]] std::vector<double> margins() {
    std::vector<double> out(means_.rows(), 0.0);
    if (scale_ == 0) {
      return out;
    }
    const Blocks down = blocks_down(means_.rows());
    linalg::share(down.count(), [&](std::size_t number) { look_from(down[number], down.length()); });
    for (std::size_t c = 0; c < out.size(); ++c) {
      out[c] = safety * std::sqrt(static_cast<double>(least_[c])) / 2 / scale_;
    }
    return out;
  }

 private:
  // From the means of a block to all that follow.
  void look_from(const Block& down, std::size_t length) {
    const std::size_t d = means_.cols();
    linalg::FloatRows left(length, d);
    linalg::FloatRows right(block_across, d);
    std::vector<float> room(length * block_across);
    std::vector<float> found(means_.rows() - down.first, infinity);
    const MatrixView<const float> a = left.fill(some_rows(means_, down), scale_);
    for (std::size_t first = down.first; first < means_.rows(); first += block_across) {
      const Block across{first, std::min(block_across, means_.rows() - first)};
      const MatrixView<const float> b = right.fill(some_rows(means_, across), scale_);
      const MatrixView<float> products{room.data(), down.count, across.count};
      linalg::product_of_rows(a, b, products);
      for (std::size_t i = 0; i < down.count; ++i) {
        const std::size_t row = down.first + i;
        const std::size_t begin = row + 1 > first ? row + 1 - first : 0;
        for (std::size_t j = begin; j < across.count; j += run_length) {
          const std::size_t count = std::min(run_length, across.count - j);
          look_at(row, first + j, count, products.row(i).data() + j, found.data() - down.first);
        }
      }
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < found.size(); ++i) {
      least_[down.first + i] = std::min(least_[down.first + i], found[i]);
    }
  }

  // From mean `row` to `count` means from `first` on; least[c] is of mean c.
  void look_at(std::size_t row, std::size_t first, std::size_t count, const float* products, float* least) {
    const std::size_t d = means_.cols();
    const SquaresFrom from{products, squares_.data() + first, squares_[row], linalg::product_rounding(d),
                           linalg::least_square(d)};
    const float own_least = least[row];
    float* const theirs = least + first;
    unsigned closer = 0;
    unsigned any_near = 0;
    for (std::size_t j = 0; j < count; ++j) {
      const float square = from.at(j);
      closer |= static_cast<unsigned>(square < own_least);
      any_near |= static_cast<unsigned>(from.is_near(j, square));
    }
    if (any_near == 0) {
      for (std::size_t j = 0; j < count; ++j) {
        const float square = from.at(j);
        theirs[j] = square < theirs[j] ? square : theirs[j];
      }
      if (closer != 0) {
        for (std::size_t j = 0; j < count; ++j) {
          least[row] = std::min(least[row], from.at(j));
        }
      }
      return;
    }
    for (std::size_t j = 0; j < count; ++j) {
      float square = from.at(j);
      if (from.is_near(j, square)) {
        square = square_between(row, first + j);
      }
      theirs[j] = std::min(theirs[j], square);
      least[row] = std::min(least[row], square);
    }
  }

  // Rounded down; 0 where nothing is known.
  [[nodiscard]] float square_between(std::size_t a, std::size_t b) const {
    const auto x = means_.view().row(a);
    const auto y = means_.view().row(b);
    double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double difference = (x[j] - y[j]) * scale_;
      sum += difference * difference;
    }
    const auto square = static_cast<float>(sum * (1 - 1e-6));
    return square > 0 ? square : 0;
  }

  const Matrix& means_;
  double scale_;
  std::vector<float> squares_;
  std::vector<float> least_;  // squares of distances
  std::mutex mutex_;
};

}  // namespace

}  // namespace collapscope::margins

namespace collapscope {

std::vector<double> nearest_margins(const Matrix& means) { return margins::NearestSearch(means).margins(); }

}  // namespace collapscope
