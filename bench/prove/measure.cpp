#include "measure.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <random>
#include <string_view>
#include <vector>

namespace collapscope::prove {

namespace {

constexpr std::size_t least_runs = 5;
constexpr std::size_t most_runs = 30;
constexpr std::size_t sector = 32;  // [bytes]
constexpr std::size_t pattern_numbers = std::size_t{1} << 20U;

cuda::Event timing_event() {
  cudaEvent_t event = nullptr;
  cuda::check(cudaEventCreate(&event), "cudaEventCreate");
  return cuda::Event(event);
}

// The top bit of the exponent cleared: finite, below 2.
constexpr std::uint64_t finite_mask(std::size_t size) { return ~(std::uint64_t{1} << (8 * size - 2)); }

// A random number of `kind` as stored.
std::uint64_t random_bits(ElementKind kind, std::size_t size, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  switch (kind) {
    case ElementKind::float16:
    case ElementKind::bfloat16:
      return random() & finite_mask(size);
    case ElementKind::float32: {
      const auto value = static_cast<float>(normal(random));
      std::uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      return bits;
    }
    case ElementKind::float64: {
      const double value = normal(random);
      std::uint64_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      return bits;
    }
    default:
      return random();
  }
}

}  // namespace

Timing timed(cudaStream_t stream, const std::function<void()>& work, double enough) {
  const cuda::Event begin = timing_event();
  const cuda::Event end = timing_event();
  std::vector<double> seconds;
  double total = 0;
  for (std::size_t run = 0; run < 2; ++run) {
    work();
  }
  while (seconds.size() < least_runs || (total < enough && seconds.size() < most_runs)) {
    cuda::check(cudaEventRecord(begin.get(), stream), "cudaEventRecord");
    work();
    cuda::check(cudaEventRecord(end.get(), stream), "cudaEventRecord");
    cuda::check(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float milliseconds = 0;
    cuda::check(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
    seconds.push_back(static_cast<double>(milliseconds) / 1000);
    total += seconds.back();
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front(), seconds.back(), seconds.size()};
}

nlohmann::json to_json(const Timing& timing) {
  return {{"seconds", timing.median}, {"least", timing.least}, {"most", timing.most}, {"runs", timing.runs}};
}

void fill(void* to, std::size_t bytes, ElementKind kind, const cuda::Device& device) {
  const std::size_t size = ElementType{kind}.size();
  std::mt19937_64 random(1);
  std::vector<std::byte> pattern(std::min(pattern_numbers * size, (bytes + size - 1) / size * size));
  for (std::size_t at = 0; at < pattern.size(); at += size) {
    const std::uint64_t bits = random_bits(kind, size, random);
    std::memcpy(pattern.data() + at, &bits, size);
  }
  auto* const target = static_cast<std::byte*>(to);
  std::size_t filled = std::min(pattern.size(), bytes);
  cuda::upload(target, pattern.data(), filled, device.compute());
  while (filled < bytes) {  // the rest is copied on the device
    const std::size_t more = std::min(filled, bytes - filled);
    cuda::check(cudaMemcpyAsync(target + filled, target, more, cudaMemcpyDeviceToDevice, device.compute()),
                "cudaMemcpyAsync");
    filled += more;
  }
  device.wait_for_stream(device.compute());
}

double copy_rate(const cuda::Device& device, std::size_t bytes) {
  const cuda::DeviceBuffer<std::byte> from(bytes);
  const cuda::DeviceBuffer<std::byte> to(bytes);
  fill(from.data(), bytes, ElementKind::float64, device);
  const Timing timing = timed(device.compute(), [&] {
    cuda::check(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, device.compute()),
                "cudaMemcpyAsync");
  });
  return 2 * static_cast<double>(bytes) / timing.median;
}

double write_rate(const cuda::Device& device, std::size_t bytes) {
  const cuda::DeviceBuffer<std::byte> to(bytes);
  const Timing timing = timed(device.compute(), [&] {
    cuda::check(cudaMemsetAsync(to.data(), 1, bytes, device.compute()), "cudaMemsetAsync");
  });
  return static_cast<double>(bytes) / timing.median;
}

std::size_t tile_rows(std::size_t features) {
  std::size_t rows = 65536;
  while (rows > 16 && rows * features > (std::size_t{1} << 24U)) {
    rows /= 2;
  }
  return rows;
}

std::size_t sector_bytes(std::size_t rows, std::size_t bytes, std::size_t stride) {
  if (stride <= bytes) {
    return rows * bytes;
  }
  std::size_t sectors = 0;  // of the pieces until one begins at a sector again
  std::size_t pieces = 0;
  do {
    const std::size_t begin = pieces * stride;
    sectors += (begin + bytes - 1) / sector - begin / sector + 1;
    ++pieces;
  } while (pieces * stride % sector != 0);
  return std::min(rows * stride, rows * sectors / pieces * sector);
}

std::size_t option(int argc, char** argv, const std::string& name, std::size_t otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (name == argv[i]) {
      return std::stoull(argv[i + 1]);
    }
  }
  return otherwise;
}

int guarded(const char* program, const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", program, error.what());
    return 2;
  }
}

}  // namespace collapscope::prove
