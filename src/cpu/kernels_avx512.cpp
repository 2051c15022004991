// The kernels for AVX-512 (F, DQ, BW, VL); CMake sets the flags of this file alone.
#include "cpu/vector_table.hpp"

namespace collapscope::cpu {

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)

namespace {
struct Avx512 {
  static constexpr std::size_t width = 8;
};
constexpr VectorKernels kernels = kernels_with_panels<Avx512>("AVX-512");
}  // namespace

const VectorKernels* const avx512_kernels = &kernels;

#else

const VectorKernels* const avx512_kernels = nullptr;

#endif

}  // namespace collapscope::cpu
