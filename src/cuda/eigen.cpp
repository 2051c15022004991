#include "cuda/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "cuda/device_pairs.hpp"
#include "cuda/device_scatter.hpp"
#include "cuda/range.hpp"
#include "cuda/transfers.hpp"

namespace collapscope::cuda {

namespace {

struct Sizes {
  std::size_t on_device = 0;  // bytes
  std::size_t on_host = 0;
};

// The largest `pairs` of n eigenpairs: cusolverDnXsyevd when that is all of them, else cusolverDnXsyevdx.
class Problem {
 public:
  Problem(const Device& device, std::int64_t n, std::int64_t pairs, double* matrix, double* values,
          int* status)
      : device_(device),
        n_(n),
        first_(n - pairs + 1),
        found_(pairs),
        matrix_(matrix),
        values_(values),
        status_(status) {}

  [[nodiscard]] Sizes workspace() {
    Sizes sizes;
    if (first_ == 1) {
      Call("cusolverDnXsyevd_bufferSize")
          .check(cusolverDnXsyevd_bufferSize(
              device_.solver(), device_.solver_params(), CUSOLVER_EIG_MODE_VECTOR, CUBLAS_FILL_MODE_LOWER, n_,
              CUDA_R_64F, matrix_, n_, CUDA_R_64F, values_, CUDA_R_64F, &sizes.on_device, &sizes.on_host));
    } else {
      Call("cusolverDnXsyevdx_bufferSize")
          .check(cusolverDnXsyevdx_bufferSize(
              device_.solver(), device_.solver_params(), CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I,
              CUBLAS_FILL_MODE_LOWER, n_, CUDA_R_64F, matrix_, n_, &below_, &above_, first_, n_, &found_,
              CUDA_R_64F, values_, CUDA_R_64F, &sizes.on_device, &sizes.on_host));
    }
    return sizes;
  }

  [[nodiscard]] cusolverStatus_t solve(void* on_device, void* on_host, const Sizes& sizes) {
    const Call call("cuSOLVER's eigenbasis", patience());
    if (first_ == 1) {
      return call.answer(cusolverDnXsyevd(device_.solver(), device_.solver_params(), CUSOLVER_EIG_MODE_VECTOR,
                                          CUBLAS_FILL_MODE_LOWER, n_, CUDA_R_64F, matrix_, n_, CUDA_R_64F,
                                          values_, CUDA_R_64F, on_device, sizes.on_device, on_host,
                                          sizes.on_host, status_));
    }
    return call.answer(cusolverDnXsyevdx(
        device_.solver(), device_.solver_params(), CUSOLVER_EIG_MODE_VECTOR, CUSOLVER_EIG_RANGE_I,
        CUBLAS_FILL_MODE_LOWER, n_, CUDA_R_64F, matrix_, n_, &below_, &above_, first_, n_, &found_,
        CUDA_R_64F, values_, CUDA_R_64F, on_device, sizes.on_device, on_host, sizes.on_host, status_));
  }

  [[nodiscard]] double patience() const { return patience_for(static_cast<std::size_t>(n_)); }
  // How many pairs there were, once the stream has been waited for.
  [[nodiscard]] std::size_t found() const { return static_cast<std::size_t>(found_); }

 private:
  const Device& device_;
  std::int64_t n_;
  std::int64_t first_;  // of the wanted pairs, ascending, counted from 1
  std::int64_t found_;
  double* matrix_;
  double* values_;
  int* status_;
  double below_ = 0;  // a range of values, which is not what we ask for
  double above_ = 0;
};

int int_in(double number) {
  int value = 0;
  std::memcpy(&value, &number, sizeof value);
  return value;
}

}  // namespace

std::shared_ptr<gpu::DevicePairs> symmetric_eigen(const Device& device, const gpu::SymmetricInput& symmetric,
                                                  std::size_t pairs, std::size_t written) {
  const Range range("eigenbasis");
  device.select();
  const std::size_t n = symmetric.order;
  auto memory = std::make_unique<CudaPairs::Memory>(device, n);
  Problem problem{device,
                  static_cast<std::int64_t>(n),
                  static_cast<std::int64_t>(pairs),
                  memory->vectors.data(),
                  memory->values.data(),
                  reinterpret_cast<int*>(memory->status.data())};
  const Sizes sizes = problem.workspace();
  struct Workspace {
    DeviceBuffer<std::byte> on_device;
    std::vector<std::byte> on_host;
    Drained drained;
  };
  const Workspace workspace{
      {device, sizes.on_device}, std::vector<std::byte>(sizes.on_host), Drained(device)};

  const auto* const known = dynamic_cast<const DeviceScatter*>(symmetric.known.sums.get());
  if (const double* const sums = known == nullptr ? nullptr : known->of(device, n)) {
    Call("scaling a matrix")
        .check(kernels::divide_twice(sums, memory->matrix.data(), n * n, symmetric.known.count,
                                     symmetric.scale, device.compute()));
  } else {
    bring_up_pieces(device, memory->staging, memory->matrix.data(), n * n, symmetric.put);
  }
  sum_squares(device, *memory, n);
  Call("cudaMemcpyAsync on the device")
      .check(cudaMemcpyAsync(memory->vectors.data(), memory->matrix.data(), memory->matrix.bytes(),
                             cudaMemcpyDeviceToDevice, device.compute()));
  const cusolverStatus_t answer =
      problem.solve(workspace.on_device.data(), const_cast<std::byte*>(workspace.on_host.data()), sizes);
  if (answer != CUSOLVER_STATUS_SUCCESS) {
    device.wait_for_stream(device.compute(),
                           problem.patience());  // throws when the failure took the device with it
    if (lacks_memory(answer)) {
      check(answer, "cuSOLVER's eigenbasis");
    }
    return nullptr;
  }
  CudaPairs::Found found{std::vector<double>(pairs), Matrix(written, n)};
  std::vector<double> squares(n);
  double status = 0;
  bring_down(device, memory->staging,
             {{&status, memory->status.data(), 1},
              {found.values.data(), memory->values.data(), pairs},
              {squares.data(), memory->squares.data(), n},
              {found.written.data(), memory->vectors.data() + (pairs - written) * n, written * n}},
             problem.patience());
  if (int_in(status) != 0 || problem.found() != pairs) {
    return nullptr;
  }
  std::reverse(found.values.begin(), found.values.end());
  turn_rows(found.written);
  found.norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  return std::make_shared<CudaPairs>(device, n, std::move(memory), std::move(found));
}

}  // namespace collapscope::cuda
