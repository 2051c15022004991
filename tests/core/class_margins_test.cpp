// Within its class's margin a row is nearest to the class's mean, and the classifier gives it the class.
#include "metrics/class_margins.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace collapscope {
namespace {

Matrix random_rows(std::size_t rows, std::size_t cols, double scale, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal(0, scale);
  Matrix out(rows, cols);
  for (double& value : out.values()) {
    value = normal(engine);
  }
  return out;
}

double distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return std::sqrt(sum);
}

std::size_t nearest(const Matrix& means, std::span<const double> x) {
  std::size_t best = 0;
  for (std::size_t c = 1; c < means.rows(); ++c) {
    best = distance(means.view().row(c), x) < distance(means.view().row(best), x) ? c : best;
  }
  return best;
}

std::size_t chosen(const Classifier& classifier, std::span<const double> h) {
  std::size_t best = 0;
  double largest = 0;
  for (std::size_t c = 0; c < classifier.weight->rows(); ++c) {
    double score = classifier.bias[c];
    for (std::size_t j = 0; j < h.size(); ++j) {
      score += (*classifier.weight)(c, j) * h[j];
    }
    if (c == 0 || score > largest) {
      best = c;
      largest = score;
    }
  }
  return best;
}

// mean + step, where step has the length `length` and points to `to` from mean.
std::vector<double> on_the_way(std::span<const double> mean, std::span<const double> to, double length) {
  std::vector<double> x(mean.begin(), mean.end());
  const double whole = distance(mean, to);
  for (std::size_t j = 0; j < x.size(); ++j) {
    x[j] += (to[j] - mean[j]) * length / whole;
  }
  return x;
}

// Of a margin, what the rounding of float32 products takes.
constexpr double taken = 1e-3;

// More classes than a block has.
TEST(ClassMargins, AreHalfTheDistanceToTheNearestMean) {
  const Matrix means = random_rows(700, 5, 1, 1);
  const std::vector<double> margins = nearest_margins(means);
  for (std::size_t a = 0; a < means.rows(); ++a) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t other = 0;
    for (std::size_t b = 0; b < means.rows(); ++b) {
      const double found = a == b ? least : distance(means.view().row(a), means.view().row(b));
      other = found < least ? b : other;
      least = std::min(least, found);
    }
    EXPECT_GT(margins[a], least / 2 * (1 - taken));
    EXPECT_LT(margins[a], least / 2);
    const auto mean = means.view().row(a);
    const auto to = means.view().row(other);
    EXPECT_EQ(nearest(means, on_the_way(mean, to, margins[a])), a);
    EXPECT_NE(nearest(means, on_the_way(mean, to, margins[a] * (1 + 2 * taken))), a);
  }
}

TEST(ClassMargins, OfMeansThatCoincideAreZero) {
  Matrix means = random_rows(20, 7, 1, 2);
  std::ranges::copy(means.view().row(3), means.view().row(11).begin());
  const std::vector<double> margins = nearest_margins(means);
  EXPECT_EQ(margins[3], 0);
  EXPECT_EQ(margins[11], 0);
  EXPECT_GT(margins[4], 0);
}

TEST(ClassMargins, ScaleWithTheNumbers) {
  const std::vector<double> plain = nearest_margins(random_rows(40, 3, 1, 3));
  for (const double scale : {std::ldexp(1.0, 700), std::ldexp(1.0, -700)}) {
    const std::vector<double> margins = nearest_margins(random_rows(40, 3, scale, 3));
    for (std::size_t c = 0; c < plain.size(); ++c) {
      EXPECT_DOUBLE_EQ(margins[c], scale * plain[c]);
    }
  }
}

TEST(ClassMargins, OfWhatIsNoNumberTellNothing) {
  for (const double value : {std::numeric_limits<double>::infinity(), std::nan("")}) {
    Matrix means = random_rows(8, 3, 1, 3);
    means(2, 1) = value;
    EXPECT_EQ(nearest_margins(means), std::vector<double>(8, 0.0));
  }
}

// Two clusters of means: in each the distances are far below what float32 products tell.
TEST(ClassMargins, OfMeansFarFromTheMiddleAreFoundFromDifferences) {
  Matrix means = random_rows(600, 9, 1e-9, 7);
  for (std::size_t c = 0; c < means.rows(); ++c) {
    means(c, 0) += c % 2 == 0 ? 1 : -1;
  }
  const std::vector<double> margins = nearest_margins(means);
  for (std::size_t a = 0; a < means.rows(); ++a) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t b = 0; b < means.rows(); ++b) {
      least = a == b ? least : std::min(least, distance(means.view().row(a), means.view().row(b)));
    }
    EXPECT_GT(margins[a], least / 2 * (1 - taken));
    EXPECT_LT(margins[a], least / 2);
  }
}

// W is near the means, with more rows than there are classes, which have them in another order.
class ChoiceMargins : public ::testing::Test {
 protected:
  static constexpr std::size_t classes = 300;
  static constexpr std::size_t features = 12;

  ChoiceMargins() : means(random_rows(classes, features, 1, 4)), mean(features, 0.25) {
    Matrix weight = random_rows(classes + 50, features, 0.1, 5);
    const Matrix noise = random_rows(classes, features, 0.3, 6);
    for (std::size_t c = 0; c < classes; ++c) {
      rows.push_back(static_cast<double>((7 * c) % (classes + 50)));
      for (std::size_t j = 0; j < features; ++j) {
        weight(static_cast<std::size_t>(rows[c]), j) = means(c, j) + noise(c, j);
      }
    }
    classifier.weight = std::make_shared<const StoredMatrix>(std::move(weight));
    for (std::size_t c = 0; c < classes + 50; ++c) {
      classifier.bias.push_back(0.01 * static_cast<double>(c % 5));
    }
  }

  [[nodiscard]] std::vector<double> plain(std::size_t c, const std::vector<double>& step) const {
    std::vector<double> h(features);
    for (std::size_t j = 0; j < features; ++j) {
      h[j] = mean[j] + means(c, j) + step[j];
    }
    return h;
  }

  Matrix means;
  std::vector<double> mean;
  Classifier classifier;
  std::vector<double> rows;
};

TEST_F(ChoiceMargins, HoldInEveryDirectionAndEndAtTheNearestOtherChoice) {
  const std::vector<double> margins = choice_margins(means, mean, classifier, rows);
  std::size_t some = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    const auto own = static_cast<std::size_t>(rows[c]);
    if (margins[c] == 0) {
      EXPECT_NE(chosen(classifier, plain(c, std::vector<double>(features, 0.0))), own) << c;
      continue;
    }
    ++some;
    bool ends = false;
    for (std::size_t other = 0; other < classifier.weight->rows(); ++other) {
      if (other == own) {
        continue;
      }
      std::vector<double> room_from;
      std::vector<double> room_to;
      const auto from = StoredRows(*classifier.weight).middle_rows(own, 1).widened(room_from).row(0);
      const auto to = StoredRows(*classifier.weight).middle_rows(other, 1).widened(room_to).row(0);
      const auto step = [&](double length) {
        std::vector<double> x(features);
        for (std::size_t j = 0; j < features; ++j) {
          x[j] = (to[j] - from[j]) / distance(from, to) * length;
        }
        return plain(c, x);
      };
      ASSERT_EQ(chosen(classifier, step(margins[c])), own) << c << " towards " << other;
      ends = ends || chosen(classifier, step(margins[c] * (1 + 2 * taken) + 1e-4)) != own;
    }
    EXPECT_TRUE(ends) << c;
  }
  EXPECT_GT(some, classes / 8);
  EXPECT_LT(some, classes);
}

// Rows of W next to each other on a circle: their scores differ by less than float32 products tell.
TEST(NearChoices, AreFoundFromDifferences) {
  constexpr std::size_t count = 4000;
  Matrix means(count, 3);
  std::vector<double> rows;
  for (std::size_t c = 0; c < count; ++c) {
    const double angle = 2 * 3.14159265358979 * static_cast<double>(c) / count;
    means(c, 0) = std::cos(angle);
    means(c, 1) = std::sin(angle);
    rows.push_back(static_cast<double>(c));
  }
  const Classifier classifier{std::make_shared<const StoredMatrix>(means), std::vector<double>(count, 0.5)};
  const std::vector<double> margins = choice_margins(means, {0, 0, 7}, classifier, rows);
  const double expected = std::sin(3.14159265358979 / count);  // half the way to the next
  for (const double margin : margins) {
    EXPECT_GT(margin, expected * (1 - taken));
    EXPECT_LT(margin, expected);
  }
}

// Numbers far from one, biases beside them, and more classes than one block down has.
TEST_F(ChoiceMargins, ScaleWithMeansAndWeights) {
  const std::vector<double> plain_margins = choice_margins(means, mean, classifier, rows);
  const double of_means = std::ldexp(1.0, 90);
  const double of_weights = std::ldexp(1.0, -140);
  Matrix weight = classifier.weight->doubles();
  ASSERT_EQ(weight.rows(), classifier.weight->rows());
  for (double& value : means.values()) {
    value *= of_means;
  }
  for (double& value : mean) {
    value *= of_means;
  }
  for (double& value : weight.values()) {
    value *= of_weights;
  }
  for (double& value : classifier.bias) {
    value *= of_means * of_weights;
  }
  classifier.weight = std::make_shared<const StoredMatrix>(std::move(weight));
  const std::vector<double> margins = choice_margins(means, mean, classifier, rows);
  for (std::size_t c = 0; c < margins.size(); ++c) {
    EXPECT_DOUBLE_EQ(margins[c], of_means * plain_margins[c]);
  }
}

TEST_F(ChoiceMargins, OfWhatIsNoNumberTellNothing) {
  classifier.bias[3] = std::nan("");
  EXPECT_EQ(choice_margins(means, mean, classifier, rows), std::vector<double>(classes, 0.0));
}

}  // namespace
}  // namespace collapscope
