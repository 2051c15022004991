// Sums over classes, rows less their class's mean, and the search for the best of some vectors, against plain
// loops; and the order of rows that the host makes for them.
#include "class_op.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "collapscope/core/error.hpp"
#include "cuda/class_order.hpp"
#include "kernels/support.hpp"

namespace collapscope {
namespace {

using test::DeviceRows;
using test::eps;
using test::LaunchShape;

std::vector<double> random_classes(std::size_t rows, std::size_t classes, test::Random& random) {
  std::vector<double> numbers(rows);
  std::generate(numbers.begin(), numbers.end(), [&] { return static_cast<double>(random.below(classes)); });
  return numbers;
}

struct Arranged {
  Arranged(const std::vector<double>& numbers, std::size_t classes)
      : words(cuda::ClassOrder::words(numbers.size(), classes)) {
    cuda::ClassOrder order(classes);
    runs = order.arrange(numbers, words.data(), words.data());
    written = order.words_written();
  }
  std::vector<std::uint32_t> words;
  kernels::ClassRuns runs;
  std::size_t written = 0;
};

TEST(ClassOrder, SortsRowsByTheirClassesAndCutsTheRuns) {
  test::Random random(1);
  for (const std::size_t classes : {1U, 2U, 10U, 300U, 2048U, 2049U, 100000U}) {
    for (const std::size_t rows : {1U, 2U, 63U, 64U, 65U, 1000U}) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << classes << " classes");
      const std::vector<double> numbers = random_classes(rows, classes, random);
      const Arranged found(numbers, classes);
      ASSERT_LE(found.written, found.words.size());
      std::vector<std::uint32_t> order(rows);
      std::iota(order.begin(), order.end(), 0U);
      std::stable_sort(order.begin(), order.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return numbers[a] < numbers[b]; });
      EXPECT_TRUE(std::equal(order.begin(), order.end(), found.runs.order));
      EXPECT_LE(found.runs.chunks, cuda::ClassOrder::most_chunks(rows, classes));
      std::size_t row = 0;
      for (std::size_t run = 0; run < found.runs.runs; ++run) {
        const double number = found.runs.run_class[run];
        EXPECT_TRUE(run == 0 || found.runs.run_class[run - 1] < number);
        for (std::size_t c = found.runs.run_begin[run]; c < found.runs.run_begin[run + 1]; ++c) {
          EXPECT_EQ(found.runs.chunk_begin[c], row);
          EXPECT_GT(found.runs.chunk_begin[c + 1], row);
          EXPECT_LE(found.runs.chunk_begin[c + 1] - row, kernels::ClassRuns::chunk_rows);
          for (; row < found.runs.chunk_begin[c + 1]; ++row) {
            EXPECT_EQ(numbers[found.runs.order[row]], number);
          }
        }
      }
      EXPECT_EQ(row, rows);
      EXPECT_EQ(found.runs.run_begin[found.runs.runs], found.runs.chunks);
    }
  }
}

TEST(ClassOrder, RefusesWhatIsNoClass) {
  for (const double number : {-1.0, 3.0, test::nan}) {
    EXPECT_THROW(Arranged({0, 1, number}, 3), UsageError);
  }
}

TEST(ClassSumsOfKernels, AgainstPlainLoops) {
  test::Random random(2);
  constexpr std::size_t rows = 700;
  for (const std::size_t classes : {1U, 3U, 90U, 900U}) {
    for (const std::size_t cols : {1U, 5U, 40U}) {
      const Matrix x = test::random_matrix(rows, cols, random);
      const Matrix last = test::random_matrix(rows, 3, random);
      const Matrix mean = test::random_matrix(1, cols, random);
      const std::vector<double> numbers = random_classes(rows, classes, random);
      const Arranged order(numbers, classes);
      for (const bool further : {false, true}) {
        const std::size_t all = cols + (further ? 1 : 0);
        Matrix expected(classes, all);
        for (double& value : expected.values()) {
          value = 1;  // is added to
        }
        for (std::size_t i = 0; i < rows; ++i) {
          const auto c = static_cast<std::size_t>(numbers[i]);
          for (std::size_t j = 0; j < all; ++j) {
            expected(c, j) += j < cols ? x(i, j) + mean(0, j) : last(i, 1);
          }
        }
        for (const LaunchShape& launch : test::column_launches()) {
          DeviceRows from(x, 2);
          std::vector<double> partial(order.runs.chunks * all, test::nan);
          const kernels::ClassChunkSums chunks{order.runs, from.matrix(), further ? last.data() + 1 : nullptr,
                                               3, partial.data()};
          run_columns(chunks, launch.grid, launch.block);
          Matrix table(classes, all);
          std::ranges::fill(table.values(), 1.0);
          run_columns(kernels::ClassRunSums{order.runs, partial.data(), all, mean.data(), cols, table.data()},
                      launch.grid, launch.block);
          EXPECT_LE(test::largest_difference(table.values(), expected.values()), rows * 8 * eps);
        }
      }
    }
  }
}

TEST(ClassRests, AgainstPlainLoops) {
  test::Random random(3);
  for (const std::size_t cols : {1U, 4U, 129U}) {
    const Matrix x = test::random_matrix(9, cols, random);
    const Matrix means = test::random_matrix(4, cols, random);
    const std::vector<double> numbers = random_classes(9, 4, random);
    for (const LaunchShape& launch : test::row_launches()) {
      for (const bool subtracts : {true, false}) {
        DeviceRows from(x, 1);
        std::vector<double> squares(9 * 2, -1);
        run_rows(kernels::ClassRests{from.matrix(), numbers.data(), subtracts ? means.data() : nullptr,
                                     subtracts ? from.matrix().data : nullptr, squares.data(), 2},
                 launch.grid, launch.block);
        EXPECT_TRUE(from.padding_untouched());
        for (std::size_t i = 0; i < 9; ++i) {
          double square = 0;
          for (std::size_t j = 0; j < cols; ++j) {
            const double rest = x(i, j) - (subtracts ? means(static_cast<std::size_t>(numbers[i]), j) : 0.0);
            EXPECT_EQ(from.row(i)[j], rest);
            square += rest * rest;
          }
          EXPECT_NEAR(squares[2 * i], square, static_cast<double>(cols) * eps * square);
          EXPECT_EQ(squares[2 * i + 1], -1);
        }
      }
    }
  }
}

// Some vectors are the same, and some rows lie exactly between two: the first counts.
class BestOfVectors : public ::testing::Test {
 protected:
  static constexpr std::size_t rows = 12;
  static constexpr std::size_t cols = 6;
  static constexpr std::size_t count = 70;

  BestOfVectors()
      : x(test::random_matrix(rows, cols, random)), vectors(test::random_matrix(count, cols, random)) {
    std::ranges::copy(vectors.view().row(20), vectors.view().row(50).begin());
    for (std::size_t j = 0; j < cols; ++j) {
      x(0, j) = vectors(50, j);
      vectors(41, j) = -vectors(40, j);
      x(1, j) = 0;
    }
    biases = random_classes(count, 3, random);
  }

  template <bool by_distance>
  std::vector<double> found(std::size_t block, const LaunchShape& launch, double rounding) {
    DeviceRows of_x(x, 1);
    const test::StoredData stored(x.values());
    std::vector<double> offsets(count);
    std::vector<double> norms(rows);
    for (std::size_t c = 0; c < count; ++c) {
      offsets[c] = by_distance ? -test::squared_norm(vectors.view().row(c)) / 2 : biases[c];
    }
    for (std::size_t i = 0; i < rows; ++i) {
      norms[i] = std::sqrt(test::squared_norm(x.view().row(i)));
    }
    std::vector<double> best(3 * rows, test::nan);
    for (std::size_t first = 0; first < count; first += block) {
      const std::size_t some = std::min(block, count - first);
      Matrix scores(rows, some);
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t c = 0; c < some; ++c) {
          const auto row = x.view().row(i);
          const double noise = (random.below(2) == 0 ? -1 : 1) * rounding;
          scores(i, c) =
              noise + std::inner_product(row.begin(), row.end(), vectors.view().row(first + c).begin(), 0.0);
        }
      }
      kernels::BestSearch search;
      search.scores = {scores.data(), rows, some, some};
      search.first = first;
      search.offsets = offsets.data();
      search.vectors = vectors.data();
      search.cols = cols;
      search.norm = norms.data();
      search.rounding = 1e-15;
      search.offset_error = rounding;
      search.x = of_x.matrix().data;
      search.x_stride = of_x.matrix().stride;
      search.biases = biases.data();
      search.best_score = best.data();
      search.best_value = best.data() + rows;
      search.best = best.data() + 2 * rows;
      run_rows_in_steps(kernels::BestVectors<by_distance>{search, stored.numbers(), rows}, launch.grid,
                        launch.block);
    }
    return {best.begin() + 2 * rows, best.end()};
  }

  // value(row, vector): less is better.
  template <class Value>
  static std::vector<double> expected(const Value& value) {
    std::vector<double> all;
    for (std::size_t i = 0; i < rows; ++i) {
      std::size_t best = 0;
      for (std::size_t c = 1; c < count; ++c) {
        best = value(i, c) < value(i, best) ? c : best;
      }
      all.push_back(static_cast<double>(best));
    }
    return all;
  }

  test::Random random{4};
  Matrix x;
  Matrix vectors;
  std::vector<double> biases;
};

TEST_F(BestOfVectors, AreThoseOfTheExactRuleHoweverTheyAreScored) {
  const auto distance = [&](std::size_t i, std::size_t c) {
    double sum = 0;
    for (std::size_t j = 0; j < cols; ++j) {
      sum += (x(i, j) - vectors(c, j)) * (x(i, j) - vectors(c, j));
    }
    return sum;
  };
  const auto score = [&](std::size_t i, std::size_t c) {
    double sum = 0;
    for (std::size_t j = 0; j < cols; ++j) {
      sum += vectors(c, j) * x(i, j);
    }
    return -(sum + biases[c]);
  };
  EXPECT_EQ(expected(distance)[0], 20);
  for (const double rounding : {1e-15, 1e-3, 0.5, 1e3}) {
    for (const std::size_t block : {1U, 7U, 32U, 70U}) {
      for (const LaunchShape& launch : test::row_launches()) {
        EXPECT_EQ(found<true>(block, launch, rounding), expected(distance));
        EXPECT_EQ(found<false>(block, launch, rounding), expected(score));
      }
    }
  }
}

TEST(CountNearest, WithAndWithoutAClassifier) {
  const std::vector<double> numbers{0, 1, 2, 1};
  const std::vector<double> nearest{0, 2, 2, 1};
  const std::vector<double> chosen{5, 7, 6, 7};
  const std::vector<double> weight_rows{5, 6, 7};
  for (const LaunchShape& launch : test::item_launches()) {
    std::vector<double> out(8, -1);
    run_items(kernels::CountNearest{numbers.data(), nearest.data(), chosen.data(), weight_rows.data(), 4,
                                    out.data(), out.data() + 1, 2},
              launch.grid, launch.block);
    EXPECT_EQ(out, (std::vector<double>{1, 0, 0, 0, 1, 1, 1, 1}));
    run_items(kernels::CountNearest{numbers.data(), nearest.data(), nullptr, nullptr, 4, out.data(),
                                    out.data() + 1, 2},
              launch.grid, launch.block);
    EXPECT_EQ(out, (std::vector<double>{1, 0, 0, 0, 1, 0, 1, 0}));
  }
}

}  // namespace
}  // namespace collapscope
