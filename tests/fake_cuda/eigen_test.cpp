// cuSOLVER by LAPACK, and the lies it can be told to tell.
#include <algorithm>
#include <cmath>

#include "support.hpp"

namespace fake_cuda_test {
namespace {

using Eigen = Fake;

constexpr std::size_t n = 3;
// Eigenvalues 1, 3, 10.
const std::vector<double> matrix = {2, 1, 0, 1, 2, 0, 0, 0, 10};

struct Solution {
  int info = 99;
  std::vector<double> w;
  std::vector<double> v;
};

void give_back(cusolverDnHandle_t solver, cusolverDnParams_t params, std::initializer_list<void*> memory) {
  EXPECT_EQ(cusolverDnDestroyParams(params), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnDestroy(solver), CUSOLVER_STATUS_SUCCESS);
  for (void* pointer : memory) {
    EXPECT_CUDA(cudaFree(pointer));
  }
}

// The pairs number first ... last.
Solution solve(const std::vector<double>& input = matrix, std::int64_t first = 1, std::int64_t last = n) {
  cusolverDnHandle_t solver = nullptr;
  cusolverDnParams_t params = nullptr;
  EXPECT_EQ(cusolverDnCreate(&solver), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnCreateParams(&params), CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(cusolverDnSetDeterministicMode(solver, CUSOLVER_DETERMINISTIC_RESULTS), CUSOLVER_STATUS_SUCCESS);
  double* a = new_device(n * n);
  double* w = new_device(n);
  double* info = new_device(1);
  upload(a, input);
  std::size_t on_device = 0;
  std::size_t on_host = 0;
  std::int64_t found = 0;
  EXPECT_EQ(cusolverDnXsyevdx_bufferSize(solver, params, CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I,
                                         CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, a, n, nullptr, nullptr, first,
                                         last, &found, CUDA_R_64F, w, CUDA_R_64F, &on_device, &on_host),
            CUSOLVER_STATUS_SUCCESS);
  double* workspace = new_device(on_device / sizeof(double) + 1);
  std::vector<std::byte> host(on_host);
  EXPECT_EQ(cusolverDnXsyevdx(solver, params, CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I,
                              CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, a, n, nullptr, nullptr, first, last,
                              &found, CUDA_R_64F, w, CUDA_R_64F, workspace, on_device, host.data(), on_host,
                              reinterpret_cast<int*>(info)),
            CUSOLVER_STATUS_SUCCESS);
  EXPECT_EQ(found, last - first + 1);
  Solution s;
  EXPECT_CUDA(cudaMemcpy(&s.info, info, sizeof(int), cudaMemcpyDeviceToHost));
  s.w = download(w, n);
  s.v = download(a, n * n);
  give_back(solver, params, {a, w, info, workspace});
  return s;
}

// Largest entry of A v_i - w_i v_i over all pairs.
double residual(const Solution& s) {
  double largest = 0;
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      double sum = -s.w[k] * s.v[k * n + i];
      for (std::size_t j = 0; j < n; ++j) {
        sum += matrix[j * n + i] * s.v[k * n + j];
      }
      largest = std::max(largest, std::abs(sum));
    }
  }
  return largest;
}

double product(const Solution& s, std::size_t a, std::size_t b) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum += s.v[a * n + i] * s.v[b * n + i];
  }
  return sum;
}

void expect_true_solution(const Solution& s) {
  EXPECT_EQ(s.info, 0);
  EXPECT_NEAR(s.w[0], 1, 1e-14);
  EXPECT_NEAR(s.w[1], 3, 1e-14);
  EXPECT_NEAR(s.w[2], 10, 1e-13);
  EXPECT_LT(residual(s), 1e-13);
  EXPECT_NEAR(product(s, 0, 1), 0, 1e-14);
}

TEST_F(Eigen, IsTrueUnlessToldOtherwise) { expect_true_solution(solve()); }

TEST_F(Eigen, OfARangeComesFirstAndNothingElse) {
  const Solution s = solve(matrix, 3, 3);
  EXPECT_NEAR(s.w[0], 10, 1e-13);
  EXPECT_TRUE(std::isnan(s.w[1]));
  EXPECT_NEAR(std::abs(s.v[2]), 1, 1e-14);
  EXPECT_TRUE(std::isnan(s.v[n]));
}

TEST_F(Eigen, OfNaNIsNaN) {
  std::vector<double> bad = matrix;
  bad[1] = std::nan("");
  EXPECT_TRUE(std::isnan(solve(bad).w[0]));
}

TEST_F(Eigen, LiesInMagnitude) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "nan"}});
  EXPECT_TRUE(std::isnan(residual(solve())) || std::isnan(product(solve(), n - 1, n - 1)));
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "bitflip"}});
  EXPECT_GT(std::abs(product(solve(), n - 1, n - 1) - 1), 0.1);
}

TEST_F(Eigen, LiesAboutOrder) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "unsorted"}});
  const Solution s = solve();
  EXPECT_LT(residual(s), 1e-13);
  EXPECT_FALSE(std::is_sorted(s.w.begin(), s.w.end()));
}

TEST_F(Eigen, LiesAboutOrthogonality) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "nonorthogonal"}});
  const Solution s = solve();
  EXPECT_LT(residual(s), 1e-13);
  EXPECT_TRUE(std::is_sorted(s.w.begin(), s.w.end()));
  EXPECT_NEAR(product(s, n - 1, n - 2), 1, 1e-14);
}

TEST_F(Eigen, LiesByLeavingOutTheLargest) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "missed"}});
  const Solution s = solve(matrix, 2, 3);
  EXPECT_EQ(s.info, 0);
  EXPECT_NEAR(s.w[0], 1, 1e-14);
  EXPECT_NEAR(s.w[1], 3, 1e-14);
  expect_true_solution(solve());  // of all pairs none can be left out
}

TEST_F(Eigen, AdmitsFailure) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "info>0"}});
  EXPECT_GT(solve().info, 0);
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "info<0"}});
  EXPECT_LT(solve().info, 0);
}

TEST_F(Eigen, LiesOnceIfAsked) {
  configure({{"SCHEDULE", "eager"}, {"EIGEN", "info>0"}, {"EIGEN_AT", "2"}, {"EIGEN_KIND", "once"}});
  expect_true_solution(solve());
  EXPECT_GT(solve().info, 0);
  expect_true_solution(solve());
}

TEST_F(Eigen, GivesTheSameBitsEveryTime) {
  const Solution first = solve();
  for (const char* schedule : {"lazy", "random", "reverse"}) {
    configure({{"SCHEDULE", schedule}});
    EXPECT_EQ(solve().v, first.v);
  }
}

}  // namespace
}  // namespace fake_cuda_test
