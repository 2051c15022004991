// Takes the GPU's memory but for LEAVE bytes, says so, and holds it until standard input ends.
#include <algorithm>
#include <cstdio>
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
  if (argc != 2) {
    std::fprintf(stderr, "usage: gpu_ballast LEAVE_BYTES\n");
    return 2;
  }
  return collapscope::prove::guarded("gpu_ballast", [&] { hold(std::stoull(argv[1])); });
}
