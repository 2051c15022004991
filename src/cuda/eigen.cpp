#include "cuda/eigen.hpp"

#include <algorithm>
#include <cmath>

namespace collapscope::cuda {

namespace {

// A power of two near the largest entry: cuSOLVER does not scale, and fails on very large or small numbers.
double scale_of(const Matrix& a) {
  double largest = 0;
  for (const double value : a.values()) {
    largest = std::max(largest, std::abs(value));
  }
  return largest == 0 ? 1 : std::exp2(std::floor(std::log2(largest)));
}

}  // namespace

std::optional<Eigenbasis> symmetric_eigen(const Device& device, const Matrix& symmetric) {
  device.select();
  const std::size_t n = symmetric.rows();
  const auto order = static_cast<std::int64_t>(n);
  const double scale = scale_of(symmetric);
  Eigenbasis basis{std::vector<double>(n), symmetric};
  for (double& value : basis.vectors.values()) {
    value /= scale;
  }
  const DeviceBuffer<double> matrix(n * n);
  const DeviceBuffer<double> values(n);
  const DeviceBuffer<int> status(1);
  const auto workspace_of = [&](std::size_t& on_device, std::size_t& on_host) {
    check(cusolverDnXsyevd_bufferSize(device.solver(), device.solver_params(), CUSOLVER_EIG_MODE_VECTOR,
                                      CUBLAS_FILL_MODE_LOWER, order, CUDA_R_64F, matrix.data(), order,
                                      CUDA_R_64F, values.data(), CUDA_R_64F, &on_device, &on_host),
          "cusolverDnXsyevd_bufferSize");
  };
  std::size_t device_bytes = 0;
  std::size_t host_bytes = 0;
  workspace_of(device_bytes, host_bytes);
  const DeviceBuffer<std::byte> workspace(device_bytes);
  std::vector<std::byte> host_workspace(host_bytes);

  upload(matrix.data(), basis.vectors.data(), n * n, device.compute());
  const cusolverStatus_t answer = cusolverDnXsyevd(
      device.solver(), device.solver_params(), CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, order,
      CUDA_R_64F, matrix.data(), order, CUDA_R_64F, values.data(), CUDA_R_64F, workspace.data(), device_bytes,
      host_workspace.data(), host_bytes, status.data());
  int info = 0;
  if (answer == CUSOLVER_STATUS_SUCCESS) {
    download(&info, status.data(), 1, device.compute());
    download(basis.values.data(), values.data(), n, device.compute());
    download(basis.vectors.data(), matrix.data(), n * n, device.compute());
  }
  wait_for(device.compute());  // throws when the failure took the device with it
  if (answer != CUSOLVER_STATUS_SUCCESS || info != 0) {
    return std::nullopt;
  }
  // Ascending, column-major: eigenvectors are the rows of our storage. Turned around and scaled back.
  std::reverse(basis.values.begin(), basis.values.end());
  for (double& value : basis.values) {
    value *= scale;
  }
  for (std::size_t top = 0, bottom = n; top + 1 < bottom; ++top) {
    --bottom;
    const auto first = basis.vectors.view().row(top);
    std::swap_ranges(first.begin(), first.end(), basis.vectors.view().row(bottom).begin());
  }
  return basis;
}

}  // namespace collapscope::cuda
