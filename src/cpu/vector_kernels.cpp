#include "cpu/vector_kernels.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace collapscope::cpu {

namespace {

#if defined(__x86_64__)
// Clang 14 does not know "f16c" as a CPU feature.
bool has_f16c() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

bool runs(Level level) {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 && has_f16c();
  const bool avx512 = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return level == Level::baseline || (level == Level::avx2 && avx2) ||
         (level == Level::avx512 && avx2 && avx512);
}
#else
bool runs(Level level) { return level == Level::baseline; }
#endif

}  // namespace

const VectorKernels* kernels_of(Level level) {
  if (!runs(level)) {
    return nullptr;
  }
  return level == Level::avx512 ? avx512_kernels : level == Level::avx2 ? avx2_kernels : &baseline_kernels;
}

const VectorKernels& best_kernels() {
  for (const Level level : {Level::avx512, Level::avx2}) {
    if (const VectorKernels* kernels = kernels_of(level)) {
      return *kernels;
    }
  }
  return baseline_kernels;
}

}  // namespace collapscope::cpu
