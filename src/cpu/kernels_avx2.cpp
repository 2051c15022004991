// The kernels for AVX2, FMA and F16C; CMake sets the flags of this file alone.
#include "cpu/vector_table.hpp"

namespace collapscope::cpu {

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

namespace {
struct Avx2 {
  static constexpr std::size_t width = 4;
};
constexpr VectorKernels kernels = kernels_with_panels<Avx2>("AVX2");
}  // namespace

const VectorKernels* const avx2_kernels = &kernels;

#else

const VectorKernels* const avx2_kernels = nullptr;

#endif

}  // namespace collapscope::cpu
