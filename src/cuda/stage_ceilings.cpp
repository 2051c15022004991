#include "cuda/stage_ceilings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "backend/stage_work.hpp"
#include "cuda/stream_timer.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::size_t host_copy_bytes = std::size_t{256} << 20U;
constexpr std::size_t device_copy_bytes = std::size_t{1} << 30U;  // far beyond the second-level cache
constexpr std::size_t least_order = 1024;
constexpr std::size_t most_order = 8192;
constexpr double long_enough = 0.01;  // seconds of a product that reaches its rate

// Pinned and pageable memory of a copy, drained before it goes.
struct PinnedCopy {
  explicit PinnedCopy(const Device& used)
      : device(used), from(host_copy_bytes), to(host_copy_bytes), timer(device, device.copy()) {
    std::memset(from.data(), 1, from.size());
  }
  ~PinnedCopy() { device.drain(); }
  PinnedCopy(const PinnedCopy&) = delete;
  PinnedCopy& operator=(const PinnedCopy&) = delete;

  [[nodiscard]] double run() const {
    device.select();
    return timer.seconds_of([this] { upload(to.data(), from.data(), from.size(), device.copy()); });
  }

  const Device& device;
  PinnedBuffer<std::byte> from;
  DeviceBuffer<std::byte> to;
  StreamTimer timer;
};

struct DeviceCopy {
  DeviceCopy(const Device& used, std::size_t bytes)
      : device(used), from(bytes), to(bytes), timer(device, device.compute()) {
    Call("cudaMemsetAsync").check(cudaMemsetAsync(from.data(), 0x5a, bytes, device.compute()));
  }
  ~DeviceCopy() { device.drain(); }
  DeviceCopy(const DeviceCopy&) = delete;
  DeviceCopy& operator=(const DeviceCopy&) = delete;

  [[nodiscard]] double run() const {
    device.select();
    return timer.seconds_of([this] {
      Call("cudaMemcpyAsync on the device")
          .check(cudaMemcpyAsync(to.data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice,
                                 device.compute()));
    });
  }

  const Device& device;
  DeviceBuffer<std::byte> from;
  DeviceBuffer<std::byte> to;
  StreamTimer timer;
};

// Square matrices of numbers in [-1, 1): what is multiplied decides on the power that it takes, and so on the
// clock.
struct Squares {
  Squares(const Device& used, std::size_t size)
      : device(used),
        order(size),
        a(size * size),
        b(size * size),
        c(size * size),
        timer(device, device.compute()) {
    std::minstd_rand random(1);
    std::vector<double> numbers(size * 64);
    for (double& number : numbers) {
      number = static_cast<double>(random()) * 0x1p-30 - 1;
    }
    for (std::size_t first = 0; first < a.size(); first += numbers.size()) {
      const std::size_t count = std::min(numbers.size(), a.size() - first);
      upload(a.data() + first, numbers.data(), count, device.compute());
      upload(b.data() + first, numbers.data(), count, device.compute());
    }
    device.wait_for_stream(device.compute());  // `numbers` was in use
  }
  ~Squares() { device.drain(); }
  Squares(const Squares&) = delete;
  Squares& operator=(const Squares&) = delete;

  [[nodiscard]] double multiply() const {
    device.select();
    const double one = 1;
    const double zero = 0;
    const auto n = static_cast<std::int64_t>(order);
    return timer.seconds_of([&] {
      Call("cublasDgemm")
          .check(cublasDgemm_64(device.blas(), CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one, a.data(), n, b.data(),
                                n, &zero, c.data(), n));
    });
  }

  [[nodiscard]] double square() const {
    device.select();
    return timer.seconds_of(
        [this] { symmetric_product(device, a.data(), order, order, order, c.data(), 0.0); });
  }

  const Device& device;
  std::size_t order;
  DeviceBuffer<double> a;
  DeviceBuffer<double> b;
  DeviceBuffer<double> c;
  StreamTimer timer;
};

// Of the least order that takes long enough.
std::shared_ptr<Squares> large_squares(const Device& device) {
  std::size_t order = least_order;
  auto squares = std::make_shared<Squares>(device, order);
  (void)squares->multiply();  // loads the library's kernels
  while (order < most_order && squares->multiply() < long_enough) {
    order *= 2;
    squares.reset();
    squares = std::make_shared<Squares>(device, order);
  }
  return squares;
}

}  // namespace

void symmetric_product(const Device& device, const double* x, std::size_t rows, std::size_t cols,
                       std::size_t stride, double* c, double beta) {
  const double one = 1;
  Call("cublasDsyrk")
      .check(cublasDsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N,
                            static_cast<std::int64_t>(cols), static_cast<std::int64_t>(rows), &one, x,
                            static_cast<std::int64_t>(stride), &beta, c, static_cast<std::int64_t>(cols)));
}

std::vector<Stage> stage_ceilings(const Device& device) {
  device.select();
  const std::size_t copied = std::clamp(device.free_at_start() / 8, std::size_t{1} << 20U, device_copy_bytes);
  const auto pinned = std::make_shared<PinnedCopy>(device);
  const auto copies = std::make_shared<DeviceCopy>(device, copied);
  const auto squares = large_squares(device);
  const double n = static_cast<double>(squares->order);
  const std::string order = fmt::format("order {}", squares->order);
  return {{"pinned-copy", host_copy_bytes, 0, "", fmt::format("{} MiB", host_copy_bytes >> 20U),
           [pinned] { return pinned->run(); }},
          {"device-copy", 2.0 * static_cast<double>(copied), 0, "", fmt::format("{} MiB", copied >> 20U),
           [copies] { return copies->run(); }},
          {"dgemm", 0, 2 * n * n * n, "", order, [squares] { return squares->multiply(); }},
          {"dsyrk", 0, product_flops(n, n), "", order, [squares] { return squares->square(); }}};
}

}  // namespace collapscope::cuda
