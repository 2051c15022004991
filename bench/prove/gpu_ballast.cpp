// gpu_ballast [LEAVE]: takes the GPU's memory but for LEAVE bytes, says so, and holds it until standard input
// ends. Without LEAVE it takes none, and keeps the driver up by its context.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "measure.hpp"

namespace {

using namespace collapscope;

void hold(std::size_t leave) {
  std::size_t free = 0;
  std::size_t total = 0;
  cuda::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  std::vector<cuda::DeviceBuffer<std::byte>> held;
  std::size_t step = std::size_t{1} << 30U;
  while (free > leave && step >= (std::size_t{1} << 20U)) {
    step = std::min(step, free - leave);
    void* data = nullptr;
    if (cudaMalloc(&data, step) == cudaSuccess) {
      cuda::check(cudaFree(data), "cudaFree");
      held.emplace_back(step);
    } else {
      (void)cudaGetLastError();
      step /= 2;
    }
    cuda::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  }
  std::printf("holding; %zu of %zu bytes are free\n", free, total);
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) {
    std::fprintf(stderr, "usage: gpu_ballast [LEAVE_BYTES]\n");
    return 2;
  }
  return collapscope::prove::guarded("gpu_ballast", [&] {
    collapscope::cuda::check(cudaFree(nullptr), "cudaFree");  // makes the context
    hold(argc == 2 ? std::stoull(argv[1]) : std::numeric_limits<std::size_t>::max());
  });
}
