// What a process waits for before a GPU works for it, in the order in which it comes: the context, the
// libraries, memory, the first product; and page-locked memory, in every way there is to have it. What the
// process takes beyond "seconds" is its beginning and its end. JSON on standard output.
// Usage: start_bench [--pinned BYTES] [--device BYTES] [--order D]
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "cuda/products.hpp"
#include "measure.hpp"

namespace {

using namespace collapscope;
using nlohmann::json;

constexpr std::size_t page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20U;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Memory of the kernel, which nobody has touched, in huge pages if they are wanted and there are any.
class Mapping {
 public:
  Mapping(std::size_t bytes, bool huge) : mapped_(bytes + huge_page) {
    base_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) {
      throw std::bad_alloc();
    }
    std::size_t room = mapped_;
    data_ = base_;
    (void)std::align(huge_page, bytes, data_, room);
    (void)::madvise(data_, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
  ~Mapping() { ::munmap(base_, mapped_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* base_ = nullptr;
  void* data_ = nullptr;
  std::size_t mapped_;
};

void touch(std::byte* data, std::size_t bytes, std::size_t threads) {
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([=] {
      for (std::size_t at = bytes / threads * t; at < bytes / threads * (t + 1); at += page) {
        data[at] = std::byte{1};
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
}

// Seconds of an upload from there, after one that nobody counts.
double upload_seconds(const cuda::Device& device, const std::byte* from, std::byte* to, std::size_t bytes) {
  const auto once = [&] {
    cuda::upload(to, from, bytes, device.copy());
    device.wait_for_stream(device.copy());
  };
  once();
  return seconds_of(once);
}

json allocated(const cuda::Device& device, std::byte* room, std::size_t bytes) {
  void* data = nullptr;
  json result{{"way", "cudaMallocHost"}};
  result["seconds"] = seconds_of([&] { cuda::check(cudaMallocHost(&data, bytes), "cudaMallocHost"); });
  result["upload_seconds"] = upload_seconds(device, static_cast<std::byte*>(data), room, bytes);
  result["free_seconds"] = seconds_of([&] { cuda::check(cudaFreeHost(data), "cudaFreeHost"); });
  return result;
}

json registered(const cuda::Device& device, std::byte* room, std::size_t bytes, bool huge,
                std::size_t threads) {
  const Mapping memory(bytes, huge);
  json result{{"way", "cudaHostRegister"}, {"huge_pages", huge}, {"threads", threads}};
  result["touch_seconds"] = seconds_of([&] { touch(memory.data(), bytes, threads); });
  result["register_seconds"] = seconds_of([&] {
    cuda::check(cudaHostRegister(memory.data(), bytes, cudaHostRegisterDefault), "cudaHostRegister");
  });
  result["seconds"] = result["touch_seconds"].get<double>() + result["register_seconds"].get<double>();
  result["upload_seconds"] = upload_seconds(device, memory.data(), room, bytes);
  result["free_seconds"] =
      seconds_of([&] { cuda::check(cudaHostUnregister(memory.data()), "cudaHostUnregister"); });
  return result;
}

void run(std::size_t pinned, std::size_t on_device, std::size_t order) {
  const auto begin = std::chrono::steady_clock::now();
  json steps;
  const auto step = [&](const char* name, const std::function<void()>& work) {
    steps.push_back({{"step", name}, {"seconds", seconds_of(work)}});
  };
  step("context", [] {
    cuda::check(cudaSetDevice(0), "cudaSetDevice");
    cuda::check(cudaFree(nullptr), "cudaFree");
  });
  std::unique_ptr<cuda::Device> device;
  step("device, with cuBLAS and cuSOLVER", [&] { device = std::make_unique<cuda::Device>(0); });
  std::unique_ptr<cuda::DeviceBuffer<std::byte>> rows;
  step("memory of the device",
       [&] { rows = std::make_unique<cuda::DeviceBuffer<std::byte>>(std::max(on_device, pinned)); });

  json ways{allocated(*device, rows->data(), pinned)};
  for (const bool huge : {false, true}) {
    for (const std::size_t threads : {1U, 4U}) {
      ways.push_back(registered(*device, rows->data(), pinned, huge, threads));
    }
  }
  ways.push_back(allocated(*device, rows->data(), pinned));

  const std::size_t numbers = order * order;
  const cuda::DeviceBuffer<double> x(numbers);
  const cuda::DeviceBuffer<double> sum(numbers);
  prove::fill(x.data(), x.bytes(), ElementKind::float64, *device);
  const auto d = static_cast<std::int64_t>(order);
  const double one = 1;
  const double zero = 0;
  for (const char* name : {"first product", "second product"}) {
    step(name, [&] {
      cuda::check(cublasDsyrk_64(device->blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, d, d, &one, x.data(), d,
                                 &zero, sum.data(), d),
                  "cublasDsyrk");
      device->wait_for_stream(device->compute());
    });
  }
  step("memory of the device, back", [&] { rows.reset(); });
  const double until_now = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const json result{{"steps", steps},         {"seconds", until_now},
                    {"pinned_bytes", pinned}, {"device_bytes", on_device},
                    {"order", order},         {"page_locked", ways}};
  std::printf("%s\n", result.dump(1).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return prove::guarded("start_bench", [&] {
    run(prove::option(argc, argv, "--pinned", std::size_t{192} << 20U),
        prove::option(argc, argv, "--device", std::size_t{8} << 30U),
        prove::option(argc, argv, "--order", 1024));
  });
}
