// The second look of classification by sums of products: what whitening row by row finds, where it is chosen,
// and where it may not be.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "analysis/whitened_scatter.hpp"
#include "backend/segments.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

using test::Random;

// Rows as they are stored, and as numbers.
struct StoredClasses {
  RowFormat format;
  std::vector<std::byte> bytes;
  Matrix rows;
  Matrix numbers;  // of their classes [rows, 1]
};

struct ClassShape {
  std::size_t rows, features, classes;
  double within = 0.5;
  double offset = 0;
};

std::uint16_t float16_of(double value) {
  const double size = std::abs(value);
  int exponent = size < 0x1p-14 ? -14 : std::ilogb(size);
  const int mantissa = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));  // with its first 1
  const int bits = mantissa < 1024 ? mantissa : ((exponent + 14) << 10) + mantissa;
  return static_cast<std::uint16_t>(bits | (std::signbit(value) ? 0x8000 : 0));
}

double value_of_float16(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = (bits & 1023) | (exponent > 0 ? 1024 : 0);
  return std::ldexp(bits & 0x8000 ? -mantissa : mantissa, std::max(exponent, 1) - 25);
}

void store_as(StoredClasses& data, ElementKind kind) {
  data.format.channels = data.rows.cols();
  data.format.element = {kind, false};
  if (kind == ElementKind::float64) {
    const auto bytes = std::as_bytes(data.rows.values());
    data.bytes.assign(bytes.begin(), bytes.end());
    return;
  }
  data.bytes.resize(2 * data.rows.values().size());
  for (std::size_t i = 0; i < data.rows.values().size(); ++i) {
    const std::uint16_t bits = float16_of(data.rows.values()[i]);
    std::memcpy(data.bytes.data() + 2 * i, &bits, 2);
    data.rows.values()[i] = value_of_float16(bits);
  }
}

// Rows about the means of their classes, in which direction j of the features has the scales given; those of
// what is within classes count `within` times, in pairs that differ in their sign. Every class has some.
StoredClasses made_classes(const ClassShape& shape, const std::vector<double>& between,
                           const std::vector<double>& within, ElementKind kind = ElementKind::float64) {
  Random random(shape.rows + shape.features + shape.classes);
  const Matrix turn = test::random_orthonormal(shape.features, shape.features, random);
  const Matrix means = test::random_matrix(shape.classes, shape.features, random);
  StoredClasses data{{}, {}, Matrix(shape.rows, shape.features), Matrix(shape.rows, 1)};
  std::vector<double> noise(shape.features);
  std::vector<double> straight(shape.features);
  std::size_t c = 0;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    if (i % 2 == 0) {
      c = i / 2 < shape.classes ? i / 2 : random.below(shape.classes);
    }
    data.numbers(i, 0) = static_cast<double>(c);
    for (std::size_t j = 0; j < shape.features; ++j) {
      noise[j] = i % 2 == 0 ? random.normal() : -noise[j];
      straight[j] = between[j] * means(c, j) + shape.within * within[j] * noise[j];
    }
    for (std::size_t j = 0; j < shape.features; ++j) {
      for (std::size_t l = 0; l < shape.features; ++l) {
        data.rows(i, l) += straight[j] * turn(j, l);
      }
    }
    for (double& value : data.rows.view().row(i)) {
      value += shape.offset;
    }
  }
  store_as(data, kind);
  return data;
}

StoredClasses made_classes(const ClassShape& shape, ElementKind kind = ElementKind::float64) {
  const std::vector<double> even(shape.features, 1.0);
  return made_classes(shape, even, even, kind);
}

std::vector<double> row_mean(const Matrix& rows) {
  std::vector<double> mean(rows.cols(), 0.0);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < mean.size(); ++j) {
      mean[j] += rows(i, j) / static_cast<double>(rows.rows());
    }
  }
  return mean;
}

// Of each class, about `origin`.
Matrix means_of(const StoredClasses& data, const Matrix& rows, const std::vector<double>& origin) {
  const auto numbers = data.numbers.values();
  const auto classes = static_cast<std::size_t>(*std::ranges::max_element(numbers)) + 1;
  Matrix means(classes, rows.cols());
  std::vector<double> counts(classes, 0.0);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto c = static_cast<std::size_t>(data.numbers(i, 0));
    ++counts[c];
    for (std::size_t j = 0; j < rows.cols(); ++j) {
      means(c, j) += rows(i, j) - origin[j];
    }
  }
  for (std::size_t c = 0; c < classes; ++c) {
    for (double& value : means.view().row(c)) {
      value /= counts[c];
    }
  }
  return means;
}

BetweenCovariance between_of(const Matrix& means) {
  const std::vector<double> once(means.rows(), 1 / static_cast<double>(means.rows()));
  return between_covariance(means, row_mean(means), once);
}

// What whitens rows one by one.
LookSpec whitening_look(const StoredClasses& data) {
  Matrix unit = data.rows;
  for (std::size_t i = 0; i < unit.rows(); ++i) {
    double square = 0;
    for (const double value : unit.view().row(i)) {
      square += value * value;
    }
    for (double& value : unit.view().row(i)) {
      value /= std::sqrt(square);
    }
  }
  LookSpec spec;
  spec.format = data.format;
  spec.feature_mean = row_mean(data.rows);
  spec.feature_rms = 1;
  auto look = std::make_shared<ClassLook>();
  look->means = std::make_shared<const Matrix>(means_of(data, data.rows, spec.feature_mean));
  look->unit_means =
      std::make_shared<const Matrix>(means_of(data, unit, std::vector<double>(unit.cols(), 0.0)));
  look->whitening = between_of(*look->means).whitening;
  look->unit_whitening = between_of(*look->unit_means).whitening;
  spec.classes = look;
  return spec;
}

LookSpec with_scatters(LookSpec spec, const WhitenedScatter& plain, const WhitenedScatter& unit) {
  auto look = std::make_shared<ClassLook>(*spec.classes);
  look->scatter = plain;
  look->unit_scatter = unit;
  spec.classes = look;
  return spec;
}

ClassResiduals class_residuals(const StoredClasses& data, const LookSpec& spec, std::size_t threads = 2) {
  const auto backend = make_cpu_backend(threads);
  const std::size_t tile = backend->tile_rows(data.rows.cols());
  const std::size_t row_bytes = data.bytes.size() / data.rows.rows();
  return look_at_rows(*backend, spec, data.rows.rows(),
                      [&](Fold& fold, std::uint64_t begin, std::uint64_t end) {
                        for (std::size_t first = begin; first < end; first += tile) {
                          const std::size_t rows = std::min<std::size_t>(tile, end - first);
                          const std::span<const std::byte> bytes(data.bytes);
                          fold.add({bytes.subspan(first * row_bytes, rows * row_bytes), 0, rows, first},
                                   data.numbers.view().middle_rows(first, rows));
                        }
                      })
      .classes;
}

// Where every row counts once.
BetweenCovariance between_by_rows(const StoredClasses& data, const Matrix& means) {
  std::vector<double> shares(means.rows(), 0.0);
  for (const double c : data.numbers.values()) {
    shares[static_cast<std::size_t>(c)] += 1 / static_cast<double>(data.numbers.rows());
  }
  return between_covariance(means, std::vector<double>(means.cols(), 0.0), shares);
}

void expect_both_sums(const StoredClasses& data, const LookSpec& spec, const WhitenedScatter& both,
                      const Matrix& by_rows) {
  auto look = std::make_shared<ClassLook>(*spec.classes);
  look->whitening_by_rows = by_rows;
  LookSpec with_both = spec;
  with_both.classes = look;
  const ClassResiduals expected = class_residuals(data, with_both);
  const ClassResiduals found = class_residuals(data, with_scatters(with_both, both, {}));
  EXPECT_GT(expected.whitened_by_rows, 0);
  EXPECT_NEAR(found.whitened, expected.whitened, 1e-10 * expected.whitened);
  EXPECT_NEAR(found.whitened_by_rows, expected.whitened_by_rows, 1e-10 * expected.whitened_by_rows);
}

// How many directions the two sums of products take apart.
struct Apart {
  std::size_t plain, unit;
  bool both;  // the first is also one by rows
};

// Products find what whitening finds, alone and beside one another.
Apart expect_products_find_it(const StoredClasses& data) {
  constexpr double relative = 1e-10;
  const LookSpec spec = whitening_look(data);
  const std::size_t rows = data.rows.rows();
  const WhitenedScatter plain = whitened_scatter(between_of(*spec.classes->means), rows, rows);
  const WhitenedScatter unit = whitened_scatter(between_of(*spec.classes->unit_means), rows, rows);
  EXPECT_FALSE(plain.inverse.empty());
  // What varies along their mean has a small eigenvalue where the rows lie far from 0.
  EXPECT_TRUE(!unit.inverse.empty() || data.rows.cols() < 24);
  const ClassResiduals expected = class_residuals(data, spec);
  EXPECT_GT(expected.whitened, 0);
  const auto expect_near = [&](const ClassResiduals& found) {
    EXPECT_NEAR(found.whitened, expected.whitened, relative * expected.whitened);
    EXPECT_NEAR(found.whitened_unit, expected.whitened_unit, relative * expected.whitened_unit);
    for (std::size_t c = 0; c < expected.squares.size(); ++c) {
      EXPECT_NEAR(found.squares[c], expected.squares[c], 1e-13 * expected.squares[c]);
    }
  };
  expect_near(class_residuals(data, with_scatters(spec, plain, unit)));
  expect_near(class_residuals(data, with_scatters(spec, plain, {})));
  expect_near(class_residuals(data, with_scatters(spec, {}, unit)));
  const BetweenCovariance by_rows = between_by_rows(data, *spec.classes->means);
  const WhitenedScatter both = whitened_scatter(between_of(*spec.classes->means), by_rows, rows, rows);
  if (!both.inverse.empty()) {
    expect_both_sums(data, spec, both, by_rows.whitening);
  }
  return {plain.apart.rows(), unit.apart.rows(), !both.inverse.empty()};
}

TEST(WhitenedScatter, FindsWhatWhiteningFinds) {
  for (const ClassShape& shape :
       {ClassShape{5000, 24, 24}, ClassShape{5000, 24, 25}, ClassShape{5000, 24, 100},
        ClassShape{4097, 40, 38}, ClassShape{700, 130, 131}, ClassShape{300, 3, 9}, ClassShape{9, 1, 2}}) {
    const std::size_t rank = std::min(shape.classes - 1, shape.features);
    for (const double within : {0.5, 1e-6}) {
      for (const double offset : {0.0, 1e4}) {
        SCOPED_TRACE(testing::Message() << shape.rows << " x " << shape.features << ", K = " << shape.classes
                                        << ", within " << within << " at " << offset);
        const Apart apart = expect_products_find_it(
            made_classes({shape.rows, shape.features, shape.classes, within, offset}));
        EXPECT_GE(apart.plain, shape.features - rank);
        EXPECT_LE(apart.plain, shape.features - rank + 1);
        EXPECT_EQ(apart.both, apart.plain == shape.features - rank);
      }
    }
  }
}

TEST(WhitenedScatter, OfRowsOfFloat16) {
  const StoredClasses data = made_classes({5000, 24, 40}, ElementKind::float16);
  EXPECT_EQ(data.rows(0, 0), value_of_float16(float16_of(data.rows(0, 0))));
  EXPECT_EQ(expect_products_find_it(data).plain, 0U);
}

// Nearly all that varies within classes lies where the class means do not.
TEST(WhitenedScatter, WhatLiesOutsideOfTheMeansTakesNoDigits) {
  std::vector<double> between(40, 1.0);
  std::vector<double> within(40, 1e-5);
  within[38] = within[39] = 1;
  between[38] = between[39] = 0;
  EXPECT_EQ(expect_products_find_it(made_classes({4000, 40, 300, 0.5}, between, within)).plain, 2U);
}

TEST(WhitenedScatter, TakesFewSmallEigenvaluesApart) {
  std::vector<double> between(40, 1.0);
  std::vector<double> within(40, 1.0);
  between[3] = between[17] = 1e-4;
  const Apart apart = expect_products_find_it(made_classes({4000, 40, 300, 1e-6}, between, within));
  EXPECT_EQ(apart.plain, 2U);
  EXPECT_EQ(apart.unit, 2U);
  EXPECT_FALSE(apart.both);
}

TEST(WhitenedScatter, HasTheSameBitsOnAnyNumberOfThreads) {
  const StoredClasses data = made_classes({40'000, 16, 16});
  LookSpec spec = whitening_look(data);
  spec = with_scatters(spec, whitened_scatter(between_of(*spec.classes->means), 40'000, 16'384),
                       whitened_scatter(between_of(*spec.classes->unit_means), 40'000, 16'384));
  ASSERT_FALSE(spec.classes->scatter.inverse.empty());
  const ClassResiduals one = class_residuals(data, spec, 1);
  for (const std::size_t threads : {2U, 3U, 5U}) {
    const ClassResiduals found = class_residuals(data, spec, threads);
    EXPECT_EQ(found.whitened, one.whitened);
    EXPECT_EQ(found.whitened_unit, one.whitened_unit);
    EXPECT_EQ(found.squares, one.squares);
  }
}

BetweenCovariance of_sizes(std::size_t classes, const std::vector<double>& sizes) {
  Random random(classes);
  Matrix means = test::random_matrix(classes, sizes.size(), random);
  for (std::size_t c = 0; c < classes; ++c) {
    for (std::size_t j = 0; j < sizes.size(); ++j) {
      means(c, j) *= sizes[j];
    }
  }
  return between_of(means);
}

bool is_chosen(const BetweenCovariance& between, std::uint64_t rows = 100'000) {
  return !whitened_scatter(between, rows, 16'384).inverse.empty();
}

TEST(WhitenedScatter, IsChosenWhereItSparesOperationsAndKeepsDigits) {
  const std::vector<double> even(40, 1.0);
  EXPECT_TRUE(is_chosen(of_sizes(400, even)));
  EXPECT_TRUE(is_chosen(of_sizes(60, even)));
  EXPECT_TRUE(is_chosen(of_sizes(41, even)));
  EXPECT_TRUE(is_chosen(of_sizes(40, even)));
  EXPECT_TRUE(is_chosen(of_sizes(37, even)));
  EXPECT_FALSE(is_chosen(of_sizes(30, even))) << "ten directions are outside";
  EXPECT_FALSE(is_chosen(of_sizes(20, even)));
  EXPECT_FALSE(is_chosen(of_sizes(2, even)));
  EXPECT_FALSE(is_chosen(of_sizes(400, even), 30)) << "few rows";
  std::vector<double> falling = even;
  for (std::size_t j = 0; j < falling.size(); ++j) {
    falling[j] = std::pow(10, -0.1 * static_cast<double>(j));
  }
  EXPECT_FALSE(is_chosen(of_sizes(400, falling))) << "many small eigenvalues";
  EXPECT_FALSE(is_chosen(of_sizes(400, std::vector<double>(40, 1e-120))));
  EXPECT_FALSE(is_chosen(of_sizes(400, std::vector<double>(40, 0.0))));
}

TEST(WhitenedScatter, SparesOperations) {
  EXPECT_TRUE(scatter_spares(1'000'000, 512, 512, 0));
  EXPECT_TRUE(scatter_spares(1'000'000, 512, 511, 1));
  EXPECT_TRUE(scatter_spares(40'000, 512, 460, 52));
  EXPECT_FALSE(scatter_spares(40'000, 512, 440, 72));
  EXPECT_FALSE(scatter_spares(1'000'000, 512, 299, 213));
  EXPECT_FALSE(scatter_spares(500, 512, 512, 0));
}

}  // namespace
}  // namespace collapscope
