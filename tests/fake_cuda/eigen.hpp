// The eigenproblem as the device does it, honest or lying as FAKE_CUDA_EIGEN says.
#pragma once

#include <cstdint>

namespace fake_cuda {

struct EigenTask {
  bool vectors = true;
  bool lower = true;
  bool is_double = true;
  std::int64_t n = 0;
  void* a = nullptr;  // column-major; then the wanted vectors in its first columns
  std::int64_t stride = 0;
  void* w = nullptr;  // n numbers, the wanted values first
  int* info = nullptr;
  std::int64_t first = 1;  // wanted: first ... last, counted from the smallest
  std::int64_t last = 0;
};

void run_eigen(const EigenTask& task);

// LAPACK's dpotrf of a column-major matrix; returns its info.
int run_cholesky(double* a, std::int64_t n, std::int64_t stride, bool lower);

}  // namespace fake_cuda
