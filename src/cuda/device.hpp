// One GPU: its streams, library handles and workspace.
//
// Stream policy, the only place that says it:
//   copy      carries host-to-device copies of rows and targets, nothing else
//   compute   carries everything else: kernels, products, decompositions, copies of results to the host
// A slot of the input ring is filled on `copy`, which then records `filled`; `compute` waits for that before
// it reads the slot, and records `used` after; `copy` waits for `used` before it fills the slot again.
// The host waits in two places: for `filled`, before memory that a copy reads is written again, and for
// `compute`, before results come down to ordinary memory. It asks until they are done or the time limit has
// passed. The ring also holds the host back where the device keeps all rows and needs no slots, so that no
// wait is for more than the work of a few parts.
#pragma once

#include <string>
#include <vector>

#include "collapscope/backend/stages.hpp"
#include "cuda/resources.hpp"

namespace collapscope::cuda {

class Device {
 public:
  // Throws DeviceError: it has no code for this GPU, or the libraries do not start; UsageError: see
  // time_limit.
  explicit Device(int number);
  // Makes this the current device, as libraries ask of whoever gives their handles back.
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Makes this the calling thread's device; to be called first by whoever uses it. Throws DeviceError when a
  // device of the process has been abandoned.
  void select() const;

  [[nodiscard]] cudaStream_t copy() const { return copy_.get(); }
  [[nodiscard]] cudaStream_t compute() const { return compute_.get(); }
  [[nodiscard]] cublasHandle_t blas() const { return blas_.get(); }
  [[nodiscard]] cusolverDnHandle_t solver() const { return solver_.get(); }
  [[nodiscard]] cusolverDnParams_t solver_params() const { return solver_params_.get(); }
  // Free memory when the device was opened.
  [[nodiscard]] std::size_t free_at_start() const { return free_at_start_; }
  // As GpuDevice::describe.
  [[nodiscard]] const std::string& description() const { return description_; }
  // The same and more, one by one.
  [[nodiscard]] std::vector<Fact> facts() const;

  // Wait for what is in the stream, or for what the event has recorded. Throw DeviceError, also when it takes
  // more than `patience` time limits: then the device is abandoned.
  void wait_for_stream(cudaStream_t stream, double patience = 1) const;
  void wait_for_event(cudaEvent_t event) const;
  // Waits for both streams; never throws. For destructors, before memory goes that work may still use.
  void drain() const noexcept;

 private:
  // The card, and the versions of what drives it.
  struct Identity {
    cudaDeviceProp properties{};
    int driver = 0;
    int runtime = 0;
    int blas = 0;
    int solver = 0;
    std::string arithmetic;  // of cuBLAS
  };

  [[nodiscard]] Identity identity() const;
  [[nodiscard]] std::string describe() const;
  void expect_done(cudaError_t answer, const char* call, double seconds) const;

  int number_;
  double time_limit_;  // [s]
  Watchdog watchdog_;
  Stream copy_;
  Stream compute_;
  DeviceBuffer<std::byte> blas_workspace_;
  Blas blas_;
  Solver solver_;
  SolverParams solver_params_;
  std::size_t free_at_start_ = 0;
  std::string description_;
};

// Host memory to `to` on the device, in the order of `stream`.
template <class T>
void upload(T* to, const T* from, std::size_t count, cudaStream_t stream) {
  if (count > 0) {
    Call("cudaMemcpyAsync to the device")
        .check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyHostToDevice, stream));
  }
}

// To ordinary memory, after what is in `compute`. The copy would wait for that itself, without a limit.
template <class T>
void download(const Device& device, T* to, const T* from, std::size_t count) {
  if (count > 0) {
    device.wait_for_stream(device.compute());
    Call("cudaMemcpyAsync to the host")
        .check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToHost, device.compute()));
  }
}

template <class T>
void clear(T* data, std::size_t count, cudaStream_t stream) {
  if (count > 0) {
    Call("cudaMemsetAsync").check(cudaMemsetAsync(data, 0, count * sizeof(T), stream));
  }
}

}  // namespace collapscope::cuda
