// The eigenpairs of B + x x^T from those of B against a decomposition of the sum, over spectra and vectors
// that deflate in every way.
#include "linalg/rank_one_update.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "core/support.hpp"
#include "core/vector_math.hpp"
#include "linalg/blas.hpp"
#include "linalg/coordinates.hpp"
#include "linalg/decompose.hpp"

namespace collapscope {
namespace {

using linalg::rank_one_update;
using linalg::symmetric_eigen;
using test::eps;
using test::Random;

struct UpdatedCase {
  const char* name;
  std::function<double(std::size_t place, std::size_t size)> value;
};

std::vector<UpdatedCase> updated_spectra() {
  return {
      {"zero", [](auto, auto) { return 0.0; }},
      {"identity", [](auto, auto) { return 1.0; }},
      {"rank 1", [](auto i, auto) { return i == 0 ? 7.0 : 0.0; }},
      {"rank 3", [](auto i, auto) { return i < 3 ? 3.0 - double(i) : 0.0; }},
      {"collapsed to 1e-9", [](auto i, auto) { return i < 3 ? 3.0 - double(i) : 1e-9; }},
      {"collapsed, uneven",
       [](auto i, auto d) { return i < 3 ? 3.0 - double(i) : 1e-9 * (1 - 0.9 * double(i) / double(d)); }},
      {"pairs", [](auto i, auto) { return 1.0 / double(i / 2 + 1); }},
      {"near ties", [](auto i, auto) { return 2 - 1e-13 * double(i % 7) - 1e-3 * double(i / 7); }},
      {"geometric", [](auto i, auto) { return std::pow(0.5, double(i)); }},
      {"evenly spaced", [](auto i, auto d) { return 1 - double(i) / double(d); }},
      {"tiny", [](auto i, auto) { return 1e-150 / double(i + 1); }},
      {"huge", [](auto i, auto) { return 1e150 / double(i + 1); }},
  };
}

// How long x is, beside the root of the largest eigenvalue, and along which eigenvectors it lies.
std::vector<UpdatedCase> vectors() {
  return {
      {"zero", [](auto, auto) { return 0.0; }},
      {"along all", [](auto i, auto) { return 1.0 + double(i % 3); }},
      {"long", [](auto i, auto) { return 1e4 * (1.0 + double(i % 3)); }},
      {"very long", [](auto i, auto) { return 1e9 * (1.0 - 0.1 * double(i % 4)); }},
      {"short", [](auto i, auto) { return 1e-7 * (1.0 + double(i % 3)); }},
      {"below rounding", [](auto, auto) { return 1e-12; }},
      {"along the first", [](auto i, auto) { return i == 0 ? 1.0 : 0.0; }},
      {"along the last", [](auto i, auto d) { return i + 1 == d ? 1.0 : 0.0; }},
      {"along every second", [](auto i, auto) { return i % 2 == 0 ? -1.0 : 0.0; }},
      {"fading", [](auto i, auto) { return std::pow(0.1, double(i)); }},
  };
}

std::vector<double> list(const UpdatedCase& entries, std::size_t size, double scale) {
  std::vector<double> values;
  for (std::size_t i = 0; i < size; ++i) {
    values.push_back(scale * entries.value(i, size));
  }
  return values;
}

TEST(RankOneUpdate, AgreesWithADecompositionOfTheSum) {
  const linalg::SingleThread alone;
  for (const std::size_t d : {1U, 2U, 3U, 7U, 40U, 150U}) {
    for (const UpdatedCase& spectrum : updated_spectra()) {
      Random random(d);
      const Matrix covariance = test::covariance(list(spectrum, d, 1), random);
      const Eigenbasis basis = symmetric_eigen(covariance);
      for (const UpdatedCase& along : vectors()) {
        SCOPED_TRACE(testing::Message() << spectrum.name << " of " << d << ", x " << along.name);
        const double scale = basis.values[0] > 0 ? std::sqrt(basis.values[0]) : 1;
        const Vector x = transposed_product(basis.vectors, list(along, d, scale));
        Matrix sum = covariance;
        add_outer(sum, 1.0, x, x);
        const Eigenbasis direct = symmetric_eigen(sum);
        const auto found = rank_one_update(basis, x);
        ASSERT_TRUE(found);
        const double unit = static_cast<double>(d) * eps * direct.values[0];
        for (std::size_t i = 0; i < d; ++i) {
          EXPECT_NEAR(found->values[i], std::max(direct.values[i], 0.0), 8 * unit) << i;
        }
        const Matrix vectors = linalg::combinations(*found, test::identity(d));
        EXPECT_LE(test::orthogonality_error(vectors), 8 * static_cast<double>(d) * eps);
        const Eigenbasis turned{found->values, linalg::product(vectors, linalg::Transpose::no, basis.vectors,
                                                               linalg::Transpose::no)};
        EXPECT_LE(linalg::eigen_error(sum, turned).residual, 5);
      }
    }
  }
}

// What lies far below the mean's direction keeps its digits, which a decomposition of the sum loses.
TEST(RankOneUpdate, KeepsSmallEigenvaluesBesideALongVector) {
  const std::size_t d = 20;
  Eigenbasis basis{std::vector<double>(d), Matrix(d, d)};
  for (std::size_t i = 0; i < d; ++i) {
    basis.values[i] = i < 3 ? 4.0 - static_cast<double>(i) : 1e-9;
    basis.vectors(i, i) = 1;
  }
  Vector x(d, 0.0);
  x[0] = 1e3;
  const auto found = rank_one_update(basis, x);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->values[0], 1e6 + 4);
  EXPECT_EQ(found->values[1], 3);
  EXPECT_EQ(found->values[2], 2);
  for (std::size_t i = 3; i < d; ++i) {
    EXPECT_EQ(found->values[i], 1e-9);
  }
}

TEST(RankOneUpdate, RefusesWhatItCannotUse) {
  const Eigenbasis some{{2.0, 1.0}, Matrix(2, 3)};
  EXPECT_FALSE(rank_one_update(some, {1.0, 1.0, 1.0})) << "not all pairs";
  Eigenbasis full{{2.0, 1.0}, Matrix(2, 2)};
  full.vectors(0, 0) = full.vectors(1, 1) = 1;
  EXPECT_TRUE(rank_one_update(full, {1.0, 1.0}));
  EXPECT_FALSE(rank_one_update(full, {1.0, test::nan}));
  EXPECT_FALSE(rank_one_update(full, {1.0, test::infinity}));
  EXPECT_FALSE(rank_one_update(full, {1.0, 1e200})) << "its square overflows";
}

}  // namespace
}  // namespace collapscope
