#include "metrics/class_margins.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <span>

#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {

namespace {

constexpr std::size_t margin_block = 256;
// What is found by rounding of products, and then by rounding where a row is looked at, is left out.
constexpr double safety = 1 - 1e-9;

double rounding_of(std::size_t features) {
  return 4 * static_cast<double>(features + 4) * std::numeric_limits<double>::epsilon();
}

std::vector<double> squares_of(const Matrix& rows) {
  std::vector<double> squares;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto row = rows.view().row(i);
    squares.push_back(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
  }
  return squares;
}

struct Block {
  std::size_t first = 0;
  std::size_t count = 0;
};

Block block_of(std::size_t number, std::size_t rows) {
  const std::size_t first = number * margin_block;
  return {first, std::min(margin_block, rows - first)};
}

std::size_t blocks_of(std::size_t rows) { return (rows + margin_block - 1) / margin_block; }

// a b^T of some rows each, into `room`.
MatrixView<double> product_into(MatrixView<const double> a, MatrixView<const double> b, Matrix& room) {
  const MatrixView<double> to{room.data(), a.rows(), b.rows(), room.cols()};
  linalg::gemm(1.0, a, linalg::Transpose::no, b, linalg::Transpose::yes, 0.0, to);
  return to;
}

double square_between(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return sum;
}

// The rows of W that classes have, one after another.
Matrix picked(const Matrix& weight, const std::vector<double>& rows, const Block& block) {
  Matrix out(block.count, weight.cols());
  for (std::size_t i = 0; i < block.count; ++i) {
    std::ranges::copy(weight.view().row(static_cast<std::size_t>(rows[block.first + i])),
                      out.view().row(i).begin());
  }
  return out;
}

}  // namespace

std::vector<double> nearest_margins(const Matrix& means) {
  const std::size_t classes = means.rows();
  const std::vector<double> squares = squares_of(means);
  const double rounding = rounding_of(means.cols());
  std::vector<double> least(classes, std::numeric_limits<double>::infinity());  // squares of distances
  std::mutex mutex;
  linalg::share(blocks_of(classes), [&](std::size_t number) {
    const Block down = block_of(number, classes);
    Matrix room(margin_block, margin_block);
    std::vector<double> found(classes - down.first, std::numeric_limits<double>::infinity());
    for (std::size_t other = number; other < blocks_of(classes); ++other) {
      const Block across = block_of(other, classes);
      const MatrixView<double> gram =
          product_into(means.view().middle_rows(down.first, down.count),
                       means.view().middle_rows(across.first, across.count), room);
      for (std::size_t i = 0; i < down.count; ++i) {
        const std::size_t a = down.first + i;
        for (std::size_t j = other == number ? i + 1 : 0; j < across.count; ++j) {
          const std::size_t b = across.first + j;
          const double together = squares[a] + squares[b];
          double square = together - 2 * gram(i, j) - rounding * together;
          if (square < 1e-3 * together) {
            square = square_between(means.view().row(a), means.view().row(b));
          }
          square = square > 0 ? square : 0;  // a NaN tells nothing
          found[i] = std::min(found[i], square);
          found[b - down.first] = std::min(found[b - down.first], square);
        }
      }
    }
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < found.size(); ++i) {
      least[down.first + i] = std::min(least[down.first + i], found[i]);
    }
  });
  for (double& value : least) {
    value = safety * std::sqrt(value) / 2;
  }
  return least;
}

std::vector<double> choice_margins(const Matrix& means, const std::vector<double>& mean,
                                   const Classifier& classifier, const std::vector<double>& weight_rows) {
  const Matrix& weight = *classifier.weight;
  const std::size_t outputs = weight.rows();
  const std::vector<double> squares = squares_of(weight);
  Vector offsets = product(weight, mean);
  double largest = 0;
  for (std::size_t c = 0; c < outputs; ++c) {
    offsets[c] += classifier.bias[c];
    largest = std::max(largest, std::abs(classifier.bias[c]));
  }
  const double rounding = rounding_of(weight.cols());
  const double longest = std::sqrt(*std::ranges::max_element(squares));
  std::vector<double> margins(means.rows(), 0.0);
  linalg::share(blocks_of(means.rows()), [&](std::size_t number) {
    const Block down = block_of(number, means.rows());
    const MatrixView<const double> some = means.view().middle_rows(down.first, down.count);
    const Matrix own = picked(weight, weight_rows, down);
    Matrix scores_room(margin_block, margin_block);
    Matrix gram_room(margin_block, margin_block);
    std::vector<double> own_scores(down.count);
    std::vector<double> errors(down.count);
    for (std::size_t i = 0; i < down.count; ++i) {
      const auto row = some.row(i);
      const auto weights = own.view().row(i);
      own_scores[i] = std::inner_product(row.begin(), row.end(), weights.begin(), 0.0) +
                      offsets[static_cast<std::size_t>(weight_rows[down.first + i])];
      errors[i] = rounding * (longest * (linalg::frobenius(mean) + linalg::frobenius(row)) + largest);
      margins[down.first + i] = std::numeric_limits<double>::infinity();
    }
    for (std::size_t other = 0; other < blocks_of(outputs); ++other) {
      const Block across = block_of(other, outputs);
      const MatrixView<const double> weights = weight.view().middle_rows(across.first, across.count);
      const MatrixView<double> scores = product_into(some, weights, scores_room);
      const MatrixView<double> gram = product_into(own.view(), weights, gram_room);
      for (std::size_t i = 0; i < down.count; ++i) {
        double& margin = margins[down.first + i];
        const auto mine = static_cast<std::size_t>(weight_rows[down.first + i]);
        for (std::size_t j = 0; j < across.count; ++j) {
          const std::size_t c = across.first + j;
          if (c == mine) {
            continue;
          }
          const double gap = own_scores[i] - (scores(i, j) + offsets[c]) - errors[i];
          const double together = squares[mine] + squares[c];
          const double apart = std::max(0.0, together - 2 * gram(i, j)) + rounding * together;
          const double reach = safety * gap / (std::sqrt(apart) + rounding * longest);
          margin = reach > 0 ? std::min(margin, reach) : 0;  // a NaN tells nothing
        }
      }
    }
  });
  return margins;
}

}  // namespace collapscope
