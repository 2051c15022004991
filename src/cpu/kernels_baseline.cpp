// The kernels for whatever the compiler targets; products are the BLAS's.
#include "cpu/vector_table.hpp"

namespace collapscope::cpu {

namespace {
struct Baseline {
  static constexpr std::size_t width = 2;
};
}  // namespace

const VectorKernels baseline_kernels = kernels_with_blas<Baseline>("baseline");

}  // namespace collapscope::cpu
