// A matrix of float32 numbers takes half the memory; what is read of it, and found with it, has the same
// bits.
#include "collapscope/core/stored_matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "collapscope/metrics/class_summary.hpp"
#include "core/class_scores.hpp"
#include "core/pack.hpp"
#include "core/support.hpp"
#include "cpu/best_rows.hpp"
#include "linalg/float_rows.hpp"
#include "metrics/class_geometry.hpp"
#include "metrics/class_margins.hpp"

namespace collapscope {
namespace {

constexpr std::size_t held_rows = 700;  // more than one block of rows
constexpr std::size_t held_cols = 24;

// Numbers of float32.
Matrix float_numbers(std::size_t rows, std::size_t seed) {
  test::Random random(seed);
  Matrix out = test::random_matrix(rows, held_cols, random);
  for (double& value : out.values()) {
    value = static_cast<double>(static_cast<float>(value));
  }
  return out;
}

void expect_same(const StoredRows& found, const Matrix& expected) {
  ASSERT_EQ(found.rows(), expected.rows());
  ASSERT_EQ(found.cols(), expected.cols());
  std::vector<double> room;
  const MatrixView<const double> all = found.widened(room);
  for (std::size_t i = 0; i < expected.rows(); ++i) {
    for (std::size_t j = 0; j < expected.cols(); ++j) {
      ASSERT_EQ(std::signbit(found(i, j)), std::signbit(expected(i, j)));
      ASSERT_EQ(found(i, j), expected(i, j));
      ASSERT_EQ(all(i, j), expected(i, j));
    }
  }
}

TEST(StoredMatrix, HoldsFloatsAsFloats) {
  Matrix numbers = float_numbers(held_rows, 1);
  numbers(0, 0) = -0.0;
  numbers(0, 1) = std::ldexp(1.0, -149);  // the smallest
  numbers(0, 2) = -static_cast<double>(std::numeric_limits<float>::max());
  const StoredMatrix held(numbers);
  EXPECT_EQ(held.floats().size(), held_rows * held_cols);
  EXPECT_TRUE(held.doubles().empty());
  expect_same(held, numbers);
  expect_same(StoredRows(held).middle_rows(3, 5), [&] {
    Matrix some(5, held_cols);
    std::copy_n(numbers.data() + 3 * held_cols, 5 * held_cols, some.data());
    return some;
  }());
}

TEST(StoredMatrix, HoldsOtherNumbersAsTheyAre) {
  for (const double odd : {0.1, 1e300, std::ldexp(1.0, -150), 16777217.0, -1e39}) {
    Matrix numbers = float_numbers(3, 2);
    numbers(2, held_cols - 1) = odd;
    const StoredMatrix held(numbers);
    EXPECT_TRUE(held.floats().empty()) << odd;
    expect_same(held, numbers);
  }
  Matrix numbers(1, 1);
  numbers(0, 0) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(StoredMatrix(numbers).floats().empty());
  EXPECT_TRUE(std::isnan(StoredMatrix(numbers)(0, 0)));
}

TEST(StoredMatrix, TakesWhatIsSaidOfAType) {
  EXPECT_EQ(held_bytes({ElementKind::float16}), 4U);
  EXPECT_EQ(held_bytes({ElementKind::bfloat16}), 4U);
  EXPECT_EQ(held_bytes({ElementKind::float32, true}), 4U);
  EXPECT_EQ(held_bytes({ElementKind::uint16}), 4U);
  EXPECT_EQ(held_bytes({ElementKind::int32}), 8U);
  EXPECT_EQ(held_bytes({ElementKind::float64}), 8U);
}

TEST(StoredMatrix, TravelsAsItIsHeld) {
  Matrix numbers = float_numbers(4, 3);
  const Bytes narrow = packed(StoredMatrix(numbers));
  expect_same(unpacked<StoredMatrix>(narrow), numbers);
  EXPECT_EQ(unpacked<StoredMatrix>(narrow).floats().size(), 4 * held_cols);
  numbers(1, 1) = 0.1;
  const Bytes wide = packed(StoredMatrix(numbers));
  expect_same(unpacked<StoredMatrix>(wide), numbers);
  EXPECT_EQ(wide.size() - narrow.size(), 4 * held_cols * 4);
  expect_same(unpacked<StoredMatrix>(packed(StoredMatrix())), Matrix());
  for (std::size_t size = 0; size < narrow.size(); ++size) {
    EXPECT_THROW((void)unpacked<StoredMatrix>(std::span(narrow).first(size)), MessageError);
  }
}

class AsFloats : public ::testing::Test {
 protected:
  const Matrix numbers = float_numbers(held_rows, 4);
  const StoredMatrix held{numbers};
};

TEST_F(AsFloats, GiveTheSameScores) {
  const std::vector<double> bias(held_rows, 0.25);
  const std::vector<double> mean(held_cols, 0.3);
  const ClassScores a = scores_of_classifier(numbers, bias, mean);
  const ClassScores b = scores_of_classifier(held, bias, mean);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_EQ(a.longest, b.longest);
  EXPECT_EQ(a.rounding, b.rounding);
  EXPECT_EQ(a.offset_error, b.offset_error);
}

// Rows that floats tell apart, and rows that need float64.
TEST_F(AsFloats, AreFoundAlike) {
  const ClassScores scores = scores_of_distance(numbers);
  const cpu::BestRows wide(numbers, scores);
  const cpu::BestRows narrow(held, scores);
  const Matrix xs = float_numbers(40, 5);
  linalg::FloatRows floats(xs.rows(), held_cols);
  for (const double scale : {1.0, 0.0}) {
    std::vector<double> norms;
    std::vector<double> scales(xs.rows(), scale == 0 ? 0 : std::ldexp(1.0, -6));
    for (std::size_t i = 0; i < xs.rows(); ++i) {
      norms.push_back(linalg::scaled_squares(StoredRows(xs).middle_rows(i, 1), 1)[0]);
      floats.fill_row(i, xs.view().row(i), scales[i]);
    }
    const cpu::BestRows::Rule rule{
        [&](std::size_t i, std::size_t row) {
          double square = 0;
          for (std::size_t j = 0; j < held_cols; ++j) {
            square += (xs(i, j) - numbers(row, j)) * (xs(i, j) - numbers(row, j));
          }
          return square;
        },
        [&](std::size_t i, std::span<double> to) { std::ranges::copy(xs.view().row(i), to.begin()); }};
    const auto found_by = [&](const cpu::BestRows& rows) {
      cpu::Room room(cpu::BestRows::room_rows, held_cols);
      cpu::BestRows::Bench bench;
      std::vector<std::size_t> found(xs.rows());
      rows.find({floats.rows(xs.rows()), scales, norms}, rule, room, bench, found);
      return found;
    };
    EXPECT_EQ(found_by(wide), found_by(narrow));
  }
}

TEST_F(AsFloats, HaveTheSameGeometry) {
  const std::vector<std::size_t> picks{5, 3, 699, 0};
  const ClassVectors a(numbers, picks, true);
  const ClassVectors b(held, picks, true);
  EXPECT_EQ(a.norms(), b.norms());
  EXPECT_EQ(a.square(), b.square());
  EXPECT_TRUE(a.gram(true) == b.gram(true));
}

TEST_F(AsFloats, LeaveTheSameMargins) {
  const Matrix means = float_numbers(held_rows, 6);
  const std::vector<double> mean(held_cols, 0.1);
  const std::vector<double> bias(held_rows, 0.5);
  std::vector<double> rows;
  for (std::size_t c = 0; c < held_rows; ++c) {
    rows.push_back(static_cast<double>(c));
  }
  // Far from one, where no number is a float: margins do not depend on the weights' scale.
  const double tiny = std::ldexp(1.0, -200);
  Matrix scaled = means;
  std::vector<double> scaled_bias = bias;
  for (double& value : scaled.values()) {
    value *= tiny;
  }
  for (double& value : scaled_bias) {
    value *= tiny;
  }
  const Classifier as_floats{std::make_shared<const StoredMatrix>(means), bias};
  const Classifier as_doubles{std::make_shared<const StoredMatrix>(scaled), scaled_bias};
  ASSERT_FALSE(as_floats.weight->floats().empty());
  ASSERT_TRUE(as_doubles.weight->floats().empty());
  const std::vector<double> a = choice_margins(means, mean, as_floats, rows);
  EXPECT_EQ(a, choice_margins(means, mean, as_doubles, rows));
  std::size_t some = 0;
  for (std::size_t c = 0; c < held_rows; ++c) {
    some += a[c] > 0 ? 1 : 0;
  }
  EXPECT_GT(some, held_rows / 8);
}

}  // namespace
}  // namespace collapscope
