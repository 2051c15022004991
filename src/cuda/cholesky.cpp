#include "cuda/cholesky.hpp"

#include <bit>
#include <cstdint>
#include <vector>

#include "cuda/range.hpp"

namespace collapscope::cuda {

bool is_positive_definite(const Device& device, const CudaPairs::Memory& memory, std::size_t order) {
  const Range range("Cholesky");
  const auto n = static_cast<std::int64_t>(order);
  double* const matrix = memory.matrix.data();
  std::size_t on_device = 0;
  std::size_t on_host = 0;
  Call("cusolverDnXpotrf_bufferSize")
      .check(cusolverDnXpotrf_bufferSize(device.solver(), device.solver_params(), CUBLAS_FILL_MODE_LOWER, n,
                                         CUDA_R_64F, matrix, n, CUDA_R_64F, &on_device, &on_host));
  std::vector<std::byte> host_workspace(on_host);
  struct Workspace {
    DeviceBuffer<std::byte> bytes;
    Drained drained;
  };
  const Workspace workspace{{device, on_device}, Drained(device)};
  const Call call("cuSOLVER's Cholesky factorization", patience_for(order));
  const cusolverStatus_t answer = call.answer(
      cusolverDnXpotrf(device.solver(), device.solver_params(), CUBLAS_FILL_MODE_LOWER, n, CUDA_R_64F, matrix,
                       n, CUDA_R_64F, workspace.bytes.data(), on_device, host_workspace.data(), on_host,
                       reinterpret_cast<int*>(memory.status.data())));
  if (answer != CUSOLVER_STATUS_SUCCESS) {
    device.wait_for_stream(device.compute(), patience_for(order));  // throws when it took the device with it
    if (lacks_memory(answer)) {
      check(answer, "cuSOLVER's Cholesky factorization");
    }
    return false;
  }
  double status = 0;
  bring_down(device, memory.staging, {{&status, memory.status.data(), 1}}, patience_for(order));
  return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(status)) == 0;  // an int
}

}  // namespace collapscope::cuda
