// The geometry of class means: in blocks of pairs and by sums, against plain loops over K x K matrices.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "collapscope/metrics/class_summary.hpp"
#include "core/support.hpp"
#include "linalg/blas.hpp"
#include "linalg/decompose.hpp"
#include "metrics/class_geometry.hpp"

namespace collapscope {
namespace {

using test::Random;

// K x K by definition, through the eigenvectors of P diag(counts) P.
Matrix dense_seli(const std::vector<double>& counts, SeliGram::Of what) {
  const std::size_t k = counts.size();
  Matrix centring(k, k);
  Matrix scaled(k, k);
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < k; ++b) {
      centring(a, b) = (a == b ? 1.0 : 0.0) - 1 / static_cast<double>(k);
      scaled(a, b) = counts[a] * centring(a, b);
    }
  }
  Matrix product = linalg::product(centring, linalg::Transpose::no, scaled, linalg::Transpose::no);
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      product(a, b) = product(b, a);
    }
  }
  const Eigenbasis basis = linalg::symmetric_eigen(product);
  Matrix out(k, k);
  for (std::size_t j = 0; j < k; ++j) {
    const double value = basis.values[j];
    if (!(value > 1e-10 * basis.values[0])) {
      continue;
    }
    const double root = what == SeliGram::Of::weights ? std::sqrt(value) : 1 / std::sqrt(value);
    for (std::size_t a = 0; a < k; ++a) {
      for (std::size_t b = 0; b < k; ++b) {
        out(a, b) += root * basis.vectors(j, a) * basis.vectors(j, b);
      }
    }
  }
  if (what == SeliGram::Of::means) {
    out = linalg::product(centring, linalg::Transpose::no, out, linalg::Transpose::no);
    out = linalg::product(out, linalg::Transpose::no, centring, linalg::Transpose::no);
  }
  const double length = linalg::frobenius(out.values());
  for (double& value : out.values()) {
    value /= length;
  }
  return out;
}

TEST(SeliGram, IsThatOfTheWholeMatrix) {
  const std::vector<std::vector<double>> all{
      {5, 5, 5, 5}, {1, 1000}, {1, 2, 3}, {7, 7, 1, 7, 20, 1}, {4, 4, 9}};
  for (const std::vector<double>& counts : all) {
    for (const auto what : {SeliGram::Of::weights, SeliGram::Of::means}) {
      const Matrix expected = dense_seli(counts, what);
      const SeliGram found(counts, what);
      for (std::size_t a = 0; a < counts.size(); ++a) {
        for (std::size_t b = 0; b < counts.size(); ++b) {
          EXPECT_NEAR(found.at(a, b), expected(a, b), 1e-13) << a << " " << b << " of " << counts.size();
        }
      }
    }
  }
}

TEST(Pairs, AreThoseOfTheDefinitionAcrossBlocks) {
  Random random(1);
  const std::size_t k = 700;  // more than a block
  const Matrix rows = test::random_matrix(k, 5, random);
  const std::vector<double> variances(k, 0.5);
  const ClassVectors vectors(rows, {}, true);
  const PairSums found = sum_pairs(vectors, variances, nullptr);
  const Matrix centred = vectors.block(0, k);
  double cosines = 0;
  double off = 0;
  double ratio = 0;
  const double pairs = static_cast<double>(k) * static_cast<double>(k - 1);
  std::vector<double> all;
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < k; ++b) {
      if (a == b) {
        continue;
      }
      double product = 0;
      double distance = 0;
      for (std::size_t j = 0; j < 5; ++j) {
        product += centred(a, j) * centred(b, j);
        distance += (centred(a, j) - centred(b, j)) * (centred(a, j) - centred(b, j));
      }
      all.push_back(product / vectors.norms()[a] / vectors.norms()[b]);
      cosines += all.back();
      off += std::abs(all.back() + 1 / static_cast<double>(k - 1));
      ratio += (variances[a] + variances[b]) / (2 * distance);
    }
  }
  double deviation = 0;
  for (const double cosine : all) {
    deviation += (cosine - cosines / pairs) * (cosine - cosines / pairs);
  }
  EXPECT_NEAR(found.mean_cosine, cosines / pairs, 1e-13);
  EXPECT_NEAR(found.deviation, std::sqrt(deviation / pairs), 1e-13);
  EXPECT_NEAR(found.off_simplex, off / pairs, 1e-13);
  EXPECT_NEAR(found.variance_to_distance / (ratio / pairs), 1, 1e-10);
  EXPECT_FALSE(found.coincide);
}

TEST(Pairs, GiveWhatSumsGiveWithinItsRounding) {
  Random random(2);
  const Matrix rows = test::random_matrix(900, 7, random);
  const ClassVectors vectors(rows, {}, true);
  const PairSums pairs = sum_pairs(vectors, {}, nullptr);
  const SummedGeometry sums = sum_geometry(vectors);
  EXPECT_NEAR(sums.mean_cosine, pairs.mean_cosine, 1e-13);
  EXPECT_NEAR(sums.deviation, pairs.deviation, sums.deviation_rounding);
  EXPECT_NEAR(sums.etf, pairs.etf, sums.etf_rounding);
}

// Where all cosines are the same, a difference of sums leaves no more than half of the digits.
TEST(Pairs, OfASimplexHaveNoDeviation) {
  Matrix rows(40, 40);
  for (std::size_t i = 0; i < 40; ++i) {
    rows(i, i) = 3;
  }
  const ClassVectors vectors(rows, {}, true);
  const SeliGram seli(std::vector<double>(40, 12.0), SeliGram::Of::means);
  const PairSums pairs = sum_pairs(vectors, {}, &seli);
  EXPECT_NEAR(pairs.mean_cosine, -1.0 / 39, 1e-14);
  EXPECT_LT(pairs.deviation, 1e-14);
  EXPECT_LT(pairs.etf, 1e-13);
  EXPECT_LT(*pairs.seli, 1e-13);
  const SummedGeometry sums = sum_geometry(vectors);
  EXPECT_LE(sums.deviation, sums.deviation_rounding);
  EXPECT_LE(sums.etf, sums.etf_rounding);
}

TEST(Pairs, ThatCoincideAreSeen) {
  Random random(3);
  Matrix rows = test::random_matrix(20, 6, random);
  std::copy_n(rows.view().row(3).data(), 6, rows.view().row(17).data());
  const ClassVectors vectors(rows, {}, true);
  EXPECT_TRUE(sum_pairs(vectors, std::vector<double>(20, 1.0), nullptr).coincide);
}

// Beyond 2048 classes by sums, below by pairs.
TEST(CrossSimplex, IsTheSameByPairsAndBySums) {
  Random random(4);
  for (const std::size_t k : {2048U, 2049U}) {
    const Matrix w = test::random_matrix(k, 3, random);
    const Matrix m = test::random_matrix(k, 3, random);
    const ClassVectors rows(w, {}, false);
    const ClassVectors means(m, {}, true);
    const Matrix cross =
        linalg::product(rows.block(0, k), linalg::Transpose::no, means.block(0, k), linalg::Transpose::yes);
    const double length = linalg::frobenius(cross.values());
    const double root = std::sqrt(static_cast<double>(k - 1));
    double sum = 0;
    for (std::size_t a = 0; a < k; ++a) {
      for (std::size_t b = 0; b < k; ++b) {
        const double simplex = ((a == b ? 1.0 : 0.0) - 1 / static_cast<double>(k)) / root;
        sum += (cross(a, b) / length - simplex) * (cross(a, b) / length - simplex);
      }
    }
    EXPECT_NEAR(cross_simplex_distance(rows, means)->value, std::sqrt(sum), 1e-12);
  }
}

// Few rows are decomposed as they are, many through their Gram matrix.
TEST(BetweenCovariance, IsTheSameForFewRowsAndMany) {
  Random random(5);
  const Matrix few = test::random_matrix(16, 8, random);
  Matrix many(64, 8);
  for (std::size_t i = 0; i < 64; ++i) {
    std::copy_n(few.view().row(i % 16).data(), 8, many.view().row(i).data());
  }
  const std::vector<double> origin(8, 0.0);
  const BetweenCovariance a = between_covariance(few, origin, std::vector<double>(16, 1.0 / 16));
  const BetweenCovariance b = between_covariance(many, origin, std::vector<double>(64, 1.0 / 64));
  EXPECT_EQ(a.rank(), 8U);
  EXPECT_EQ(b.rank(), 8U);
  EXPECT_NEAR(a.trace, b.trace, 1e-12);
  EXPECT_NEAR(a.inverse_trace / b.inverse_trace, 1, 1e-10);
}

}  // namespace
}  // namespace collapscope
