// Both looks with the kernels of every instruction set, against plain loops; the same bits whatever the
// number of threads; NaN and Inf.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "collapscope/core/decode.hpp"
#include "core/product_rounding.hpp"
#include "core/support.hpp"
#include "cpu/levels.hpp"
#include "cpu/moment_fold.hpp"
#include "cpu/residual_fold.hpp"

namespace collapscope {
namespace {

using namespace cpu;
using test::eps;

constexpr std::size_t tile_rows = 1024;

// Visits the tiles of rows stored as `format` says.
template <class Fold>
void visit(Fold& fold, const RowFormat& format, std::span<const std::byte> bytes, const Matrix& targets) {
  const std::size_t row_bytes = format.sample_bytes() / format.rows_per_sample();
  for (std::size_t first = 0; first < targets.rows(); first += tile_rows) {
    const std::size_t rows = std::min(tile_rows, targets.rows() - first);
    fold.add({bytes.subspan(first * row_bytes, rows * row_bytes), 0, rows, first},
             targets.view().middle_rows(first, rows));
  }
}

RowFormat doubles(std::size_t columns) {
  RowFormat format;
  format.channels = columns;
  return format;
}

Moments folded(const VectorKernels& kernels, std::size_t threads, const RowFormat& format,
               std::span<const std::byte> bytes, const Matrix& targets,
               Precision precision = Precision::float64) {
  const FoldSpec spec{format, targets.cols(), targets.rows(), true, false, precision};
  CpuMomentFold fold(spec, tile_rows, kernels, Team(threads));
  visit(fold, format, bytes, targets);
  return fold.finish();
}

ResidualSums looked(const VectorKernels& kernels, std::size_t threads, const LookSpec& spec,
                    std::span<const std::byte> bytes, const Matrix& targets) {
  CpuResidualFold look(spec, tile_rows, kernels, Team(threads));
  visit(look, spec.format, bytes, targets);
  return look.finish();
}

LookSpec random_spec(std::size_t d, std::size_t n, std::size_t k, std::size_t r, test::Random& random) {
  LookSpec spec;
  spec.format = doubles(d);
  spec.feature_mean.assign(d, 0.25);
  spec.target_mean.assign(n, 0.125);
  const Matrix basis = test::random_orthonormal(k + r, d, random);
  spec.signal = test::rows_of(basis, 0, k);
  spec.weight = test::rows_of(basis, k, r);
  spec.affine = test::random_matrix(n, d, random);
  spec.published = test::random_matrix(n, d, random);
  return spec;
}

bool same(const SubspaceResiduals& a, const SubspaceResiduals& b) {
  return a.plain == b.plain && a.normalized == b.normalized && a.centred == b.centred &&
         a.centred_normalized == b.centred_normalized;
}

bool same(const ResidualSums& a, const ResidualSums& b) {
  return a.count == b.count && a.rows_at_mean == b.rows_at_mean && same(a.signal, b.signal) &&
         same(a.weight, b.weight) && a.affine == b.affine && a.published == b.published;
}

class FoldLevels : public testing::TestWithParam<const VectorKernels*> {
 protected:
  const VectorKernels& kernels_ = *GetParam();
};

TEST_P(FoldLevels, MomentsAgreeWithPlainLoops) {
  for (const std::size_t d : {1U, 2U, 7U, 12U, 45U, 131U, 200U}) {
    for (const std::size_t rows : {1U, 2U, 127U, 129U, 1300U}) {
      for (const double offset : {0.0, 1e4}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << d << " at " << offset);
        test::Random random(rows + d);
        Matrix features = test::random_matrix(rows, d, random);
        for (double& value : features.values()) {
          value += offset;
        }
        const Matrix targets = test::random_matrix(rows, 1 + d % 3, random);
        test::expect_near(folded(kernels_, 2, doubles(d), std::as_bytes(features.values()), targets),
                          test::naive_moments(features, targets));
      }
    }
  }
}

TEST_P(FoldLevels, FastProductsAreWithinTheirRounding) {
  for (const std::size_t d : {1U, 2U, 7U, 12U, 45U, 131U, 200U}) {
    for (const std::size_t rows : {1U, 2U, 127U, 129U, 1300U}) {
      for (const double offset : {0.0, 1e4}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << d << " at " << offset);
        test::Random random(rows + d);
        Matrix features = test::random_matrix(rows, d, random);
        for (double& value : features.values()) {
          value += offset;
        }
        const Matrix targets = test::random_matrix(rows, 1 + d % 3, random);
        const Moments found =
            folded(kernels_, 2, doubles(d), std::as_bytes(features.values()), targets, Precision::fast);
        test::expect_within_rounding(found, test::naive_moments(features, targets));
      }
    }
  }
}

TEST_P(FoldLevels, FastProductsThatOverflowAreSeen) {
  test::Random random(8);
  Matrix features = test::random_matrix(1000, 3, random);
  features(700, 1) = 1e25;  // its square is beyond float32; the pilot is about 1
  const Moments found =
      folded(kernels_, 1, doubles(3), std::as_bytes(features.values()), Matrix(1000, 1), Precision::fast);
  EXPECT_FALSE(product_rounding(found) < 1e-3);
}

TEST_P(FoldLevels, FastProductsDoNotDependOnTheSizeOfTheNumbers) {
  test::Random random(9);
  const Matrix features = test::random_matrix(700, 20, random);
  const Matrix targets = test::random_matrix(700, 2, random);
  const Moments plain =
      folded(kernels_, 1, doubles(20), std::as_bytes(features.values()), targets, Precision::fast);
  for (const double factor : {0x1p-200, 0x1p200}) {
    Matrix scaled = features;
    for (double& value : scaled.values()) {
      value *= factor;
    }
    const Moments found =
        folded(kernels_, 1, doubles(20), std::as_bytes(scaled.values()), targets, Precision::fast);
    for (std::size_t i = 0; i < plain.feature_scatter.products.values().size(); ++i) {
      ASSERT_EQ(found.feature_scatter.products.values()[i],
                plain.feature_scatter.products.values()[i] * factor * factor);
    }
    EXPECT_EQ(product_rounding(found), product_rounding(plain));
  }
}

TEST_P(FoldLevels, MomentsHaveTheSameBitsWithAnyNumberOfThreads) {
  for (const std::size_t d : {3U, 64U, 200U}) {
    test::Random random(d);
    const Matrix features = test::random_matrix(2700, d, random);
    const Matrix targets = test::random_matrix(2700, 3, random);
    const auto bytes = std::as_bytes(features.values());
    for (const Precision precision : {Precision::float64, Precision::fast}) {
      const Moments one = folded(kernels_, 1, doubles(d), bytes, targets, precision);
      for (const std::size_t threads : {2U, 3U, 4U, 7U}) {
        EXPECT_TRUE(test::same(folded(kernels_, threads, doubles(d), bytes, targets, precision), one))
            << threads;
      }
    }
  }
}

TEST_P(FoldLevels, ResidualsAgreeWithPlainLoops) {
  // Few directions and many, which go to the BLAS.
  for (const std::size_t k : {0U, 1U, 3U, 30U}) {
    for (const std::size_t rows : {1U, 2U, 131U, 2100U}) {
      SCOPED_TRACE(testing::Message() << rows << " rows, k = " << k);
      test::Random random(rows + k);
      const std::size_t d = 67;
      const Matrix features = test::random_matrix(rows, d, random);
      const Matrix targets = test::random_matrix(rows, 2, random);
      LookSpec spec = random_spec(d, 2, k, 25, random);
      const auto bytes = std::as_bytes(features.values());
      const double relative = 64 * eps * static_cast<double>(d);
      const auto near = [&](const SubspaceResiduals& found, const SubspaceResiduals& expected) {
        EXPECT_NEAR(found.plain, expected.plain, relative * expected.plain);
        EXPECT_NEAR(found.normalized, expected.normalized, relative * expected.normalized);
        EXPECT_NEAR(found.centred, expected.centred, relative * expected.centred);
        EXPECT_NEAR(found.centred_normalized, expected.centred_normalized,
                    relative * expected.centred_normalized);
      };
      const ResidualSums basis = looked(kernels_, 2, spec, bytes, targets);
      near(basis.signal, test::naive_residuals(features, spec.signal, spec.feature_mean));
      near(basis.weight, test::naive_residuals(features, spec.weight, spec.feature_mean));
      EXPECT_EQ(basis.count, rows);
    }
  }
}

TEST_P(FoldLevels, ResidualsHaveTheSameBitsWithAnyNumberOfThreads) {
  for (const std::size_t r : {3U, 40U}) {
    for (const bool complement : {false, true}) {
      test::Random random(r);
      const Matrix features = test::random_matrix(2100, 70, random);
      const Matrix targets = test::random_matrix(2100, 3, random);
      LookSpec spec = random_spec(70, 3, 3, r, random);
      spec.weight_is_complement = complement;
      const auto bytes = std::as_bytes(features.values());
      const ResidualSums one = looked(kernels_, 1, spec, bytes, targets);
      for (const std::size_t threads : {2U, 3U, 4U, 7U}) {
        EXPECT_TRUE(same(looked(kernels_, threads, spec, bytes, targets), one)) << threads;
      }
    }
  }
}

WhitenedScatter random_scatter(std::size_t d, std::size_t apart, test::Random& random) {
  WhitenedScatter scatter{test::random_orthonormal(apart, d, random), std::vector<double>(apart),
                          Matrix(d, d), test::identity(d)};
  for (double& weight : scatter.weights) {
    weight = 1 + random.normal() * random.normal();
  }
  const Matrix root = test::random_matrix(d, d, random);
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = i; j < d; ++j) {
      for (std::size_t q = 0; q < d; ++q) {
        scatter.inverse(i, j) += root(q, i) * root(q, j);
      }
    }
  }
  return scatter;
}

double sum_of_products(const WhitenedScatter& scatter, std::vector<double> row) {
  double sum = 0;
  for (std::size_t q = 0; q < scatter.apart.rows(); ++q) {
    double along = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      along += scatter.apart(q, j) * row[j];
    }
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] -= along * scatter.apart(q, j);
    }
    sum += scatter.weights[q] * along * along;
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    for (std::size_t j = i; j < row.size(); ++j) {
      sum += (i == j ? 1 : 2) * scatter.inverse(i, j) * row[i] * row[j];
    }
  }
  return sum;
}

TEST_P(FoldLevels, ClassProductsAgreeWithPlainLoopsOnAnyNumberOfThreads) {
  constexpr std::size_t classes = 3;
  for (const std::size_t d : {2U, 13U, 70U}) {
    for (const std::size_t apart : {0U, 1U}) {
      for (const std::size_t rows : {1U, 127U, 129U, 2100U}) {
        SCOPED_TRACE(testing::Message() << rows << " x " << d << ", " << apart << " apart");
        test::Random random(rows + d);
        const Matrix features = test::random_matrix(rows, d, random);
        Matrix numbers(rows, 1);
        LookSpec spec;
        spec.format = doubles(d);
        spec.feature_mean.assign(d, 0.25);
        auto look = std::make_shared<ClassLook>();
        look->means = std::make_shared<const Matrix>(test::random_matrix(classes, d, random));
        look->unit_means = std::make_shared<const Matrix>(test::random_matrix(classes, d, random));
        look->whitening = look->unit_whitening = test::identity(d);
        look->scatter = random_scatter(d, apart, random);
        look->unit_scatter = random_scatter(d, apart, random);
        spec.classes = look;
        const WhitenedScatter by_rows{
            look->scatter.apart, std::vector<double>(apart), look->scatter.inverse_by_rows, {}};
        double plain = 0;
        double plain_by_rows = 0;
        double unit = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          const std::size_t c = random.below(classes);
          numbers(i, 0) = static_cast<double>(c);
          const double length = norm(features.view().row(i));
          std::vector<double> of_plain(d);
          std::vector<double> of_unit(d);
          for (std::size_t j = 0; j < d; ++j) {
            of_plain[j] = features(i, j) - 0.25 - (*look->means)(c, j);
            of_unit[j] = features(i, j) / length - (*look->unit_means)(c, j);
          }
          plain += sum_of_products(look->scatter, of_plain);
          plain_by_rows += sum_of_products(by_rows, of_plain);
          unit += sum_of_products(look->unit_scatter, of_unit);
        }
        const auto bytes = std::as_bytes(features.values());
        const ClassResiduals one = looked(kernels_, 1, spec, bytes, numbers).classes;
        EXPECT_NEAR(one.whitened, plain, 1e-12 * plain);
        EXPECT_NEAR(one.whitened_by_rows, plain_by_rows, 1e-12 * plain_by_rows);
        EXPECT_NEAR(one.whitened_unit, unit, 1e-12 * unit);
        for (const std::size_t threads : {2U, 3U, 7U}) {
          const ClassResiduals found = looked(kernels_, threads, spec, bytes, numbers).classes;
          EXPECT_EQ(found.whitened, one.whitened);
          EXPECT_EQ(found.whitened_by_rows, one.whitened_by_rows);
          EXPECT_EQ(found.whitened_unit, one.whitened_unit);
          EXPECT_EQ(found.squares, one.squares);
        }
      }
    }
  }
}

// What a format's rows decode to, folded as float64, gives the same bits as the format itself.
TEST_P(FoldLevels, AllFormatsGiveTheBitsOfTheirDecodedRows) {
  for (const Pool pool : {Pool::mean, Pool::max, Pool::flatten, Pool::none}) {
    for (const Layout layout : {Layout::rows, Layout::ntd, Layout::nchw}) {
      for (const bool big_endian : {false, true}) {
        RowFormat format;
        format.element = {ElementKind::float32, big_endian};
        format.layout = layout;
        format.pool = pool;
        format.positions = layout == Layout::rows ? 1 : 4;
        format.channels = 6;
        const std::size_t samples = 300;
        test::Random random(1);
        std::vector<std::byte> bytes;
        for (std::size_t i = 0; i < samples * format.sample_elements(); ++i) {
          const auto bits = std::bit_cast<std::array<std::byte, 4>>(static_cast<float>(random.normal()));
          bytes.insert(bytes.end(), bits.begin(), bits.end());
          if (big_endian) {
            std::reverse(bytes.end() - 4, bytes.end());
          }
        }
        const std::size_t rows = samples * format.rows_per_sample();
        const Matrix targets = test::random_matrix(rows, 2, random);
        Matrix decoded(rows, format.row_length());
        ASSERT_FALSE(decode_tile({bytes, 0, rows, 0}, format, decoded.view()));
        EXPECT_TRUE(test::same(
            folded(kernels_, 2, format, bytes, targets),
            folded(kernels_, 1, doubles(decoded.cols()), std::as_bytes(decoded.values()), targets)))
            << pool_name(pool) << " " << layout_name(layout);
      }
    }
  }
}

TEST_P(FoldLevels, TheFirstSampleThatIsNotFiniteIsNamed) {
  for (const std::size_t d : {9U, 200U}) {
    test::Random random(3);
    Matrix features = test::random_matrix(1000, d, random);
    const Matrix targets = test::random_matrix(1000, 1, random);
    features(700, 8) = test::infinity;
    features(131, 0) = test::nan;
    features(900, 3) = -test::infinity;
    const auto bytes = std::as_bytes(features.values());
    const LookSpec spec = random_spec(d, 1, 1, 1, random);
    for (const std::size_t threads : {1U, 3U}) {
      try {
        (void)folded(kernels_, threads, doubles(d), bytes, targets);
        FAIL() << "a NaN was folded";
      } catch (const NonFiniteSample& offending) {
        EXPECT_EQ(offending.sample, 131U);
      }
      try {
        (void)looked(kernels_, threads, spec, bytes, targets);
        FAIL() << "a NaN was looked at";
      } catch (const NonFiniteSample& offending) {
        EXPECT_EQ(offending.sample, 131U);
      }
    }
  }
}

TEST_P(FoldLevels, HugeAndTinyRowsHaveNorms) {
  Matrix features(3, 5);
  features(0, 0) = 3e-200;
  features(0, 4) = 4e-200;
  features(1, 1) = -3e200;
  features(1, 2) = 4e200;
  const Matrix targets(3, 1);
  const Moments m = folded(kernels_, 1, doubles(5), std::as_bytes(features.values()), targets);
  EXPECT_EQ(m.zero_rows, 1U);
  EXPECT_NEAR(m.norm_sum, 5e200, 8 * eps * 5e200);
  EXPECT_NEAR(m.normalized_scatter(0, 0), 0.36, 8 * eps);
  EXPECT_NEAR(m.normalized_scatter(4, 4), 0.64, 8 * eps);
  EXPECT_NEAR(m.normalized_scatter(1, 2), -0.48, 8 * eps);
}

INSTANTIATE_TEST_SUITE_P(Levels, FoldLevels, testing::ValuesIn(test::all_kernels()), test::kernels_name);

}  // namespace
}  // namespace collapscope
