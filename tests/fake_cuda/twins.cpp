// The twins of all kernels of the program.
#if __has_include("all_kernels.hpp")
#include "all_kernels.hpp"
#define HAS_ALL_KERNELS
#endif

#include "kernels.hpp"

namespace fake_cuda {

void add_all_twins();

void add_all_twins() {
#ifdef HAS_ALL_KERNELS
  collapscope::kernels::for_each_kernel(AddTwins{fake_cuda_add_twin});
#endif
}

}  // namespace fake_cuda
