#include "cuda/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cuda/range.hpp"
#include "cuda/transfers.hpp"

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

// Time limits: all else takes seconds at most, but an eigenbasis of order 32768 takes minutes on a card whose
// float64 is slow.
double patience_for(std::int64_t n) { return 1 + std::pow(static_cast<double>(n) / 8192, 3); }

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

  [[nodiscard]] double patience() const { return patience_for(n_); }
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

// What goes up and comes down, in memory of the device's pool.
struct Room {
  Room(const Device& device, std::size_t n)
      : matrix(device, n * n),
        values(device, n),
        status(device, 1),
        staging(make_staging(device, n * n + n + 1)),
        drained(device) {}
  DeviceBuffer<double> matrix;
  DeviceBuffer<double> values;
  DeviceBuffer<double> status;  // an int
  PinnedBuffer<double> staging;
  DeviceBuffer<std::byte> workspace;
  std::vector<std::byte> host_workspace;
  Drained drained;
};

int int_in(double number) {
  int value = 0;
  std::memcpy(&value, &number, sizeof value);
  return value;
}

}  // namespace

std::optional<Eigenbasis> symmetric_eigen(const Device& device, const Matrix& symmetric, std::size_t pairs) {
  const Range range("eigenbasis");
  device.select();
  const std::size_t n = symmetric.rows();
  const double scale = scale_of(symmetric);
  Room room(device, n);
  Problem problem{device,
                  static_cast<std::int64_t>(n),
                  static_cast<std::int64_t>(pairs),
                  room.matrix.data(),
                  room.values.data(),
                  reinterpret_cast<int*>(room.status.data())};
  const Sizes sizes = problem.workspace();
  room.workspace = {device, sizes.on_device};
  room.host_workspace.resize(sizes.on_host);

  bring_up(device, room.staging, room.matrix.data(), n * n,
           [&](std::size_t i) { return symmetric.data()[i] / scale; });
  const cusolverStatus_t answer = problem.solve(room.workspace.data(), room.host_workspace.data(), sizes);
  if (answer != CUSOLVER_STATUS_SUCCESS) {
    device.wait_for_stream(device.compute(),
                           problem.patience());  // throws when the failure took the device with it
    if (lacks_memory(answer)) {
      check(answer, "cuSOLVER's eigenbasis");
    }
    return std::nullopt;
  }
  Eigenbasis basis{std::vector<double>(pairs), Matrix(pairs, n)};
  double status = 0;
  bring_down(device, room.staging,
             {{&status, room.status.data(), 1},
              {basis.values.data(), room.values.data(), pairs},
              {basis.vectors.data(), room.matrix.data(), pairs * n}},
             problem.patience());
  if (int_in(status) != 0 || problem.found() != pairs) {
    return std::nullopt;
  }
  // Ascending, column-major: eigenvectors are the rows of our storage. Turned around and scaled back.
  std::reverse(basis.values.begin(), basis.values.end());
  for (double& value : basis.values) {
    value *= scale;
  }
  for (std::size_t top = 0, bottom = pairs; top + 1 < bottom; ++top) {
    --bottom;
    const auto first = basis.vectors.view().row(top);
    std::swap_ranges(first.begin(), first.end(), basis.vectors.view().row(bottom).begin());
  }
  return basis;
}

}  // namespace collapscope::cuda
