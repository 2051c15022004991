#include "cuda/device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <new>
#include <thread>
#include <utility>

#include "collapscope/core/error.hpp"
#include "cuda/arithmetic.hpp"
#include "cuda/time_limit.hpp"
#include "launchers.hpp"

namespace collapscope::cuda {

namespace {

// What NVIDIA recommends for Hopper; fixed, so that cuBLAS chooses the same algorithms every time.
constexpr std::size_t blas_workspace_bytes = std::size_t{32} << 20U;

// As much of the device may wait in the pool as kept rows may take, so that those of the next layer find
// room; of the host, what the staging of targets and results takes. (Bands of rows wait elsewhere:
// BufferPool.)
constexpr std::size_t most_pinned_waiting = std::size_t{256} << 20U;

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

// Of a wait, during which the host asks without a pause: what launches and short copies take.
constexpr double busy_seconds = 1e-4;
constexpr double longest_pause = 1e-3;

// What `ask` says when it says something else than cudaErrorNotReady, or cudaErrorNotReady after `seconds`
// (0: never). Pauses are a small part of the time waited.
template <class Ask>
cudaError_t asked_until_done(double seconds, const Ask& ask) {
  const auto begin = std::chrono::steady_clock::now();
  while (true) {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
    const cudaError_t answer = ask();
    if (answer != cudaErrorNotReady || (seconds > 0 && waited.count() > seconds)) {
      return answer;
    }
    (void)cudaGetLastError();  // an answer, but the runtime keeps it as an error
    if (waited.count() > busy_seconds) {
      std::this_thread::sleep_for(std::min(waited / 16, std::chrono::duration<double>(longest_pause)));
    }
  }
}

cudaError_t stream_done(cudaStream_t stream, double seconds) {
  return asked_until_done(seconds,
                          [stream] { return Call("cudaStreamQuery").answer(cudaStreamQuery(stream)); });
}

// "580.65.06", of the kernel's module; empty: it does not say.
std::string driver_release() {
  std::string release;
  std::ifstream("/sys/module/nvidia/version") >> release;
  return release;
}

}  // namespace

void* take_memory(const Device& device, Place place, std::size_t bytes) {
  return device.take_memory(place, bytes);
}

void give_memory(const Device& device, Place place, void* memory, std::size_t bytes) noexcept {
  device.memory().put(place, memory, bytes, device.is_at_rest());
}

Device::Device(int number)
    : number_(number), time_limit_(time_limit()), watchdog_(time_limit_), memory_(MemoryPool::of(number)) {
  select();
  std::size_t total = 0;
  Call("cudaMemGetInfo").check(cudaMemGetInfo(&free_at_start_, &total));
  memory_->limit(free_at_start_ / 2, most_pinned_waiting);
  Call("loading the kernels").check(kernels::probe());
  copy_ = make_stream();
  compute_ = make_stream();
  blas_workspace_ = DeviceBuffer<std::byte>(*this, blas_workspace_bytes);
  cublasHandle_t blas = nullptr;
  Call("cublasCreate").check(cublasCreate(&blas));
  blas_.reset(blas);
  Call("cublasSetStream").check(cublasSetStream(blas, compute()));
  Call("cublasSetWorkspace").check(cublasSetWorkspace(blas, blas_workspace_.data(), blas_workspace_.bytes()));
  use_plain_arithmetic(blas);
  Call("cublasSetAtomicsMode").check(cublasSetAtomicsMode(blas, CUBLAS_ATOMICS_NOT_ALLOWED));
  cusolverDnHandle_t solver = nullptr;
  Call("cusolverDnCreate").check(cusolverDnCreate(&solver));
  solver_.reset(solver);
  Call("cusolverDnSetStream").check(cusolverDnSetStream(solver, compute()));
  Call("cusolverDnSetDeterministicMode")
      .check(cusolverDnSetDeterministicMode(solver, CUSOLVER_DETERMINISTIC_RESULTS));
  use_plain_arithmetic(solver);
  cusolverDnParams_t params = nullptr;
  Call("cusolverDnCreateParams").check(cusolverDnCreateParams(&params));
  solver_params_.reset(params);
  description_ = describe();
}

Device::~Device() {
  calls_are_for(number_);
  if (!is_abandoned()) {
    Call("cudaSetDevice").ignore(cudaSetDevice(number_));
  }
}

void Device::select() const {
  calls_are_for(number_);
  if (is_abandoned()) {
    throw DeviceError(fmt::format("cuda:{}: a GPU of this process has not answered in time", number_));
  }
  Call("cudaSetDevice").check(cudaSetDevice(number_));
  (void)cudaGetLastError();  // another device's, of when what was on it was freed
}

void Device::copy_numbers(const double* from, double* to, std::size_t count) const {
  constexpr std::size_t of_block = std::size_t{1} << 18U;
  if (!share_ || count <= of_block) {
    std::copy_n(from, count, to);
    return;
  }
  share_((count + of_block - 1) / of_block, [&](std::size_t block) {
    const std::size_t first = block * of_block;
    std::copy_n(from + first, std::min(of_block, count - first), to + first);
  });
}

void Device::wait_for_stream(cudaStream_t stream, double patience) const {
  const double seconds = patience * time_limit_;
  expect_done(stream_done(stream, seconds), "cudaStreamQuery", seconds);
}

void Device::wait_for_event(cudaEvent_t event) const {
  const auto ask = [event] { return Call("cudaEventQuery").answer(cudaEventQuery(event)); };
  expect_done(asked_until_done(time_limit_, ask), "cudaEventQuery", time_limit_);
}

void Device::expect_done(cudaError_t answer, const char* call, double seconds) const {
  if (answer == cudaErrorNotReady) {
    abandon();
    throw DeviceError(
        fmt::format("cuda:{}: {}: not done after {} s (COLLAPSCOPE_DEVICE_TIMEOUT)", number_, call, seconds));
  }
  check(answer, call);
}

Device::Identity Device::identity() const {
  Identity who;
  Call("cudaGetDeviceProperties").check(cudaGetDeviceProperties(&who.properties, number_));
  Call("cudaDriverGetVersion").check(cudaDriverGetVersion(&who.driver));
  Call("cudaRuntimeGetVersion").check(cudaRuntimeGetVersion(&who.runtime));
  Call("cublasGetVersion").check(cublasGetVersion(blas_.get(), &who.blas));
  Call("cusolverGetVersion").check(cusolverGetVersion(&who.solver));
  who.arithmetic = arithmetic_of(blas_.get());
  return who;
}

std::string Device::describe() const {
  const Identity who = identity();
  return fmt::format("cuda:{} {}, {:.0f} GiB, sm_{}{}; driver {}, runtime {}, cuBLAS {} ({}), cuSOLVER {}",
                     number_, who.properties.name,
                     static_cast<double>(who.properties.totalGlobalMem) / 0x1p30, who.properties.major,
                     who.properties.minor, version_text(who.driver), version_text(who.runtime), who.blas,
                     who.arithmetic, who.solver);
}

std::vector<Fact> Device::facts() const {
  const Identity who = identity();
  const cudaDeviceProp& properties = who.properties;
  std::vector<Fact> facts{{"card", std::string(properties.name)},
                          {"number", std::int64_t{number_}},
                          {"compute_capability", fmt::format("{}.{}", properties.major, properties.minor)},
                          {"memory_bytes", static_cast<std::int64_t>(properties.totalGlobalMem)},
                          {"multiprocessors", std::int64_t{properties.multiProcessorCount}},
                          {"driver", driver_release()},
                          {"driver_cuda", version_text(who.driver)},
                          {"runtime", version_text(who.runtime)},
                          {"toolkit", version_text(CUDART_VERSION)},
                          {"cublas", std::int64_t{who.blas}},
                          {"cublas_arithmetic", who.arithmetic},
                          {"cusolver", std::int64_t{who.solver}}};
  constexpr std::array<std::pair<const char*, cudaDeviceAttr>, 4> attributes{
      {{"clock_khz", cudaDevAttrClockRate},
       {"memory_clock_khz", cudaDevAttrMemoryClockRate},
       {"memory_bus_bits", cudaDevAttrGlobalMemoryBusWidth},
       {"ecc", cudaDevAttrEccEnabled}}};
  for (const auto& [name, attribute] : attributes) {
    int value = 0;
    if (Call("cudaDeviceGetAttribute").answer(cudaDeviceGetAttribute(&value, attribute, number_)) ==
        cudaSuccess) {
      facts.push_back({name, std::int64_t{value}});
    } else {
      (void)cudaGetLastError();  // not every card tells everything
    }
  }
  return facts;
}

void Device::drain() const noexcept {
  calls_are_for(number_);
  at_rest_ = false;
  if (is_abandoned() || Call("cudaSetDevice").answer(cudaSetDevice(number_)) != cudaSuccess) {
    return;
  }
  bool done = true;
  for (const Stream* stream : {&copy_, &compute_}) {
    const cudaError_t answer = stream_done(stream->get(), time_limit_);
    if (answer == cudaErrorNotReady) {
      abandon();
      return;
    }
    done = done && answer == cudaSuccess;
  }
  at_rest_ = done;
}

void* Device::take_memory(Place place, std::size_t bytes) const {
  ran_out_ = true;
  void* const memory = memory_->take(place, bytes, share_);
  ran_out_ = false;
  return memory;
}

Event Device::take_event() const {
  if (events_.empty()) {
    return make_event();
  }
  Event event = std::move(events_.back());
  events_.pop_back();
  return event;
}

void Device::give_event(Event event) const noexcept {
  if (!at_rest_) {
    return;
  }
  try {
    events_.push_back(std::move(event));
  } catch (const std::bad_alloc&) {
    return;
  }
}

}  // namespace collapscope::cuda
