// One GPU: its streams, library handles and workspace.
//
// Stream policy, the only place that says it:
//   copy      carries host-to-device copies of rows and targets, nothing else
//   compute   carries everything else: kernels, products, decompositions, copies of results to the host
// A slot of the input ring is filled on `copy`, which then records `filled`; `compute` waits for that before
// it reads the slot, and records `used` after; `copy` waits for `used` before it fills the slot again.
// The host waits in two places: for `filled`, before memory that a copy reads is written again, and for
// `compute`, before it looks at results that have come down (cuda/transfers.hpp). It asks until they are done
// or the time limit has passed. The ring also holds the host back where the device keeps all rows and needs
// no slots, so that no wait is for more than the work of a few parts. Of rows that are brought ahead of their
// sums it is `used` that the host waits for before it enqueues the work on a part, and `copy` waits for
// nothing.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/backend/stages.hpp"
#include "core/vector_math.hpp"
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

  [[nodiscard]] int number() const { return number_; }
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
  // from[0 ... count - 1] to `to`, of which threads of the host share out large ones.
  void copy_numbers(const double* from, double* to, std::size_t count) const;
  // As GpuDevice::share_host_work.
  void share_host_work(Sharing sharing) { share_ = std::move(sharing); }
  [[nodiscard]] const Sharing& sharing() const { return share_; }
  // Waits for both streams; never throws. For destructors, before memory goes that work may still use.
  void drain() const noexcept;

  [[nodiscard]] MemoryPool& memory() const { return *memory_; }
  // Of the pool's, for this device's work.
  [[nodiscard]] void* take_memory(Place place, std::size_t bytes) const;
  // Whether it was the pool that had none when memory was last asked for, although it had been emptied.
  [[nodiscard]] bool ran_out_of_memory() const { return ran_out_; }
  // Whether the last `drain` knows that nothing is under way.
  [[nodiscard]] bool is_at_rest() const { return at_rest_; }
  // An event, perhaps used before, of which all that it recorded is done; to be given back after a drain.
  [[nodiscard]] Event take_event() const;
  void give_event(Event event) const noexcept;

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
  std::shared_ptr<MemoryPool> memory_;
  mutable bool at_rest_ = true;
  mutable std::atomic<bool> ran_out_ = false;
  mutable std::vector<Event> events_;  // that wait for their next use
  Stream copy_;
  Stream compute_;
  DeviceBuffer<std::byte> blas_workspace_;
  Blas blas_;
  Solver solver_;
  SolverParams solver_params_;
  std::size_t free_at_start_ = 0;
  std::string description_;
  Sharing share_;
};

// Waits for the device when it goes: the last member of whoever puts work there that uses its other members,
// so that it goes first, also when the constructor's body throws.
class Drained {
 public:
  explicit Drained(const Device& device) : device_(device) {}
  ~Drained() { device_.drain(); }
  Drained(const Drained&) = delete;
  Drained& operator=(const Drained&) = delete;

 private:
  const Device& device_;
};

// An event of the device's, for as long as this lives.
class LentEvent {
 public:
  explicit LentEvent(const Device& device) : device_(&device), event_(device.take_event()) {}
  ~LentEvent() {
    if (event_ != nullptr) {
      device_->give_event(std::move(event_));
    }
  }
  LentEvent(LentEvent&&) = default;
  LentEvent& operator=(LentEvent&&) = delete;
  [[nodiscard]] cudaEvent_t get() const { return event_.get(); }

 private:
  const Device* device_;
  Event event_;
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
