// The backend over several GPUs: parts are merged, decompositions are not believed but checked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "core/support.hpp"
#include "gpu/host_gpu.hpp"
#include "linalg/coordinates.hpp"

namespace collapscope {
namespace {

using test::HostGpuState;

TEST(SeveralGpus, MomentsAreThoseOfOne) {
  test::Random random(1);
  for (const std::size_t rows : {1U, 7U, 5000U}) {
    const Matrix features = test::random_matrix(rows, 6, random);
    const Matrix targets = test::random_matrix(rows, 2, random);
    const Moments expected = test::folded(*make_cpu_backend(1), features, targets);
    for (const std::size_t devices : {1U, 2U, 3U, 8U}) {
      SCOPED_TRACE(testing::Message() << rows << " rows on " << devices);
      HostGpuState state;
      test::expect_near(test::folded(*test::make_host_gpus(devices, state), features, targets), expected);
    }
  }
}

TEST(SeveralGpus, TheFirstBadSampleIsReportedWhoeverHasIt) {
  test::Random random(2);
  HostGpuState state;
  const auto backend = test::make_host_gpus(2, state);
  const std::size_t tile = backend->tile_rows(4);
  Matrix features = test::random_matrix(6 * tile, 4, random);
  features(tile + 3, 1) = test::nan;
  features(2 * tile + 1, 0) = test::infinity;
  try {
    (void)test::folded(*backend, features, Matrix(features.rows(), 1));
    FAIL() << "nothing was thrown";
  } catch (const NonFiniteSample& offending) {
    EXPECT_EQ(offending.sample, tile + 3);
  }
}

TEST(GpuEigenbasis, SmallOnesAreDoneOnTheCpu) {
  HostGpuState state;
  const auto backend = test::make_host_gpus(1, state);
  test::Random random(3);
  (void)backend->eigenbasis(
      test::naive_moments(test::random_matrix(90, 30, random), Matrix(90, 1)).feature_scatter.products, 30);
  EXPECT_EQ(state.decompositions, 0U);
}

TEST(GpuSpectrum, ThoseOfSmallOrdersAreTheCpus) {
  HostGpuState state;
  const auto backend = test::make_host_gpus(1, state);
  test::Random random(5);
  const auto covariance = [&](std::size_t d) {
    return test::covariance(std::vector<double>(d, 2.0), random);
  };
  const Matrix small = covariance(200);
  const Eigenbasis found = backend->spectrum(small, 3);
  const Eigenbasis expected = make_cpu_backend(1)->spectrum(small, 3);
  EXPECT_EQ(found.values, expected.values);
  EXPECT_EQ(found.vectors, expected.vectors);
  EXPECT_EQ(state.decompositions, 0U);

  const Eigenbasis large = backend->spectrum(covariance(520), 3);
  EXPECT_EQ(large.size(), 520U);
  EXPECT_EQ(large.vectors.rows(), 3U) << "as few as are asked for; the others stay on the device";
  EXPECT_EQ(state.decompositions, 1U);
}

class LargeEigenbasis : public ::testing::Test {
 protected:
  LargeEigenbasis() : matrix_(order, order) {
    test::Random random(4);
    for (std::size_t i = 0; i < order; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        matrix_(i, j) = matrix_(j, i) = (i == j ? 60 : 0) + random.normal();
      }
    }
  }

  // rejections: of the device's answers; else they are taken, or there was no memory for one.
  void expect_right(std::size_t decompositions, std::size_t rejections) {
    const auto backend = test::make_host_gpus(1, state_);
    const Eigenbasis expected = make_cpu_backend(1)->eigenbasis(matrix_, order);
    const Eigenbasis found = backend->eigenbasis(matrix_, order);
    EXPECT_LE(test::largest_difference(found.values, expected.values), 1e-11);
    EXPECT_LE(test::orthogonality_error(found.vectors), 1e-12);
    EXPECT_EQ(state_.decompositions, decompositions);
    told_ = backend->take_fallbacks();
    EXPECT_EQ(told_.rejected_eigenbases, rejections);
    EXPECT_TRUE(backend->take_fallbacks() == Fallbacks{}) << "told twice";
  }

  static constexpr std::size_t order = 512;
  Matrix matrix_;
  HostGpuState state_;
  Fallbacks told_;
};

TEST_F(LargeEigenbasis, GoodAnswersAreTaken) {
  bool asked = false;
  state_.falsify = [&](Eigenbasis basis) {
    asked = true;
    return basis;
  };
  expect_right(1, 0);
  EXPECT_TRUE(asked);
  EXPECT_TRUE(told_.all.empty());
}

TEST_F(LargeEigenbasis, LiesAreFoundOut) {
  const std::vector<std::pair<const char*, std::function<std::optional<Eigenbasis>(Eigenbasis)>>> lies{
      {"gives up", [](Eigenbasis) { return std::nullopt; }},
      {"NaN", [](Eigenbasis basis) { return basis.values[3] = test::nan, basis; }},
      {"NaN in a vector", [](Eigenbasis basis) { return basis.vectors(5, 5) = test::nan, basis; }},
      {"a wrong value", [](Eigenbasis basis) { return basis.values[100] *= 1 + 1e-9, basis; }},
      {"swapped values", [](Eigenbasis basis) { return std::swap(basis.values[0], basis.values[1]), basis; }},
      {"swapped pairs",
       [](Eigenbasis basis) {
         std::swap(basis.values[0], basis.values[1]);
         const auto first = basis.vectors.view().row(0);
         std::swap_ranges(first.begin(), first.end(), basis.vectors.view().row(1).begin());
         return basis;
       }},
      {"a vector twice",
       [](Eigenbasis basis) {
         const auto first = basis.vectors.view().row(0);
         std::copy(first.begin(), first.end(), basis.vectors.view().row(1).begin());
         return basis;
       }},
      {"one bit", [](Eigenbasis basis) { return basis.vectors(7, 9) += 0x1p-20, basis; }},
      {"the diagonal",
       [this](Eigenbasis basis) {
         for (std::size_t i = 0; i < order; ++i) {
           basis.values[i] = matrix_(i, i);
         }
         return basis;
       }},
  };
  std::size_t told = 0;
  for (const auto& [name, lie] : lies) {
    SCOPED_TRACE(name);
    state_.falsify = lie;
    expect_right(++told, 1);
    const std::string reason =
        std::string_view(name) == "gives up" ? "the GPU gave no answer" : "the GPU's answer failed its check";
    EXPECT_EQ(told_.all, (std::vector<Fallback>{{"eigenbasis", "cpu", reason}}));
  }
}

// All vectors of a spectrum, of which few are written out.
TEST_F(LargeEigenbasis, ThatStaysOnTheDeviceIsChecked) {
  const Eigenbasis expected = make_cpu_backend(1)->eigenbasis(matrix_, order);
  const auto backend = test::make_host_gpus(1, state_);
  const Eigenbasis found = backend->spectrum(matrix_, 2);
  EXPECT_TRUE(backend->take_fallbacks() == Fallbacks{});
  EXPECT_LE(test::largest_difference(found.values, expected.values), 1e-11);
  ASSERT_EQ(found.vectors.rows(), 2U);
  ASSERT_NE(found.factors, nullptr);
  const auto all = found.factors->brought_home();
  ASSERT_TRUE(all.has_value());
  EXPECT_LE(test::orthogonality_error(*all), 1e-12);
  EXPECT_LE(test::largest_difference(found.factors->coordinates(matrix_).values(),
                                     linalg::coordinates({expected.values, *all}, matrix_).values()),
            1e-10);

  state_.falsify = [](Eigenbasis basis) { return basis.vectors(300, 9) += 0x1p-20, basis; };
  const Eigenbasis by_cpu = backend->spectrum(matrix_, 2);
  EXPECT_EQ(backend->take_fallbacks().rejected_eigenbases, 1U);
  EXPECT_LE(test::largest_difference(by_cpu.values, expected.values), 1e-11);

  EXPECT_TRUE(backend->works());
  state_.fails_at = state_.calls + 1;
  EXPECT_THROW((void)found.factors->coordinates(matrix_), DeviceError);
  EXPECT_FALSE(backend->works());
}

TEST_F(LargeEigenbasis, OfAFewPairsIsCheckedToo) {
  const Eigenbasis full = make_cpu_backend(1)->eigenbasis(matrix_, order);
  const auto swap_pairs = [](Eigenbasis basis) {
    std::swap(basis.values[0], basis.values[1]);
    const auto first = basis.vectors.view().row(0);
    std::swap_ranges(first.begin(), first.end(), basis.vectors.view().row(1).begin());
    return basis;
  };
  const auto miss = [&](std::size_t missed) {
    return [&full, missed](Eigenbasis basis) {  // true pairs in order, but not the largest
      for (std::size_t j = missed; j < basis.size(); ++j) {
        basis.values[j] = full.values[j + 1];
        const auto next = full.vectors.view().row(j + 1);
        std::copy(next.begin(), next.end(), basis.vectors.view().row(j).begin());
      }
      return basis;
    };
  };
  const std::vector<std::function<std::optional<Eigenbasis>(Eigenbasis)>> answers{
      [](Eigenbasis basis) { return basis; },
      [](Eigenbasis) { return std::nullopt; },
      [](Eigenbasis basis) { return basis.values[3] = test::nan, basis; },
      [](Eigenbasis basis) { return basis.vectors(2, 5) = test::nan, basis; },
      [](Eigenbasis basis) { return basis.vectors(2, 9) += 0x1p-20, basis; },
      [](Eigenbasis basis) { return basis.values.pop_back(), basis; },
      [](Eigenbasis basis) { return basis.rest_norm = basis.rest_trace = 0, basis; },
      swap_pairs,
      miss(0),
      miss(2),
      miss(4),
  };
  const auto backend = test::make_host_gpus(1, state_);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    SCOPED_TRACE(i);
    state_.falsify = answers[i];
    const Eigenbasis found = backend->eigenbasis(matrix_, 5);
    EXPECT_EQ(state_.decompositions, i + 1);
    ASSERT_EQ(found.size(), 5U);
    EXPECT_LE(test::largest_difference(found.values, std::span(full.values).first(5)), 1e-11);
    EXPECT_LE(test::orthogonality_error(found.vectors), 1e-12);
    double trace = 0;
    double squares = 0;
    for (std::size_t j = 5; j < order; ++j) {
      trace += full.values[j];
      squares += full.values[j] * full.values[j];
    }
    EXPECT_NEAR(found.rest_trace, trace, 1e-10 * trace);
    EXPECT_NEAR(found.rest_norm, std::sqrt(squares), 1e-10 * std::sqrt(squares));
  }
}

TEST_F(LargeEigenbasis, OfNoPairsNeedsNoDevice) {
  EXPECT_EQ(test::make_host_gpus(1, state_)->eigenbasis(matrix_, 0).size(), 0U);
  EXPECT_EQ(state_.calls, 0U);
}

TEST_F(LargeEigenbasis, TheCpuHasRoomWhereTheDeviceHasNone) {
  state_.out_of_memory = true;
  state_.fails_at = 1;
  expect_right(0, 0);
  EXPECT_EQ(told_.all, (std::vector<Fallback>{{"eigenbasis", "cpu", "the device's memory is full"}}));
}

TEST_F(LargeEigenbasis, WhatIsNotFiniteNeverReachesTheDevice) {
  matrix_(3, 3) = test::infinity;
  const auto backend = test::make_host_gpus(1, state_);
  EXPECT_THROW((void)backend->eigenbasis(matrix_, order), NumericalError);
  EXPECT_EQ(state_.calls, 0U);
}

}  // namespace
}  // namespace collapscope
