// What nobody can beat when a dump is analysed, each by itself: reading its bytes into pinned memory, copying
// them to the device, and float64 SYRKs over its rows. JSON on standard output.
// Usage: floor_bench FILE ROWS FEATURES BYTES_PER_NUMBER
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cuda/products.hpp"
#include "measure.hpp"

namespace {

using namespace collapscope;
using nlohmann::json;

constexpr std::size_t block = std::size_t{16} << 20U;
constexpr std::size_t ring = std::size_t{512} << 20U;
constexpr std::size_t enough_to_read = std::size_t{4}
                                       << 30U;  // [bytes]; what is larger is read at the same rate

struct File {
  explicit File(const char* path) : descriptor(::open(path, O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
      throw std::runtime_error(std::string("cannot open ") + path);
    }
    size = static_cast<std::size_t>(status.st_size);
  }
  ~File() { ::close(descriptor); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor;
  std::size_t size = 0;
};

// Seconds to read `bytes` of the file, from its end backwards in blocks, with so many threads.
double read_seconds(const File& file, std::size_t bytes, std::byte* pinned, std::size_t threads) {
  const std::size_t blocks = (bytes + block - 1) / block;
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      std::byte* const room = pinned + t % (ring / block) * block;
      for (std::size_t i = next++; i < blocks; i = next++) {
        const std::size_t offset = file.size - std::min(file.size, bytes) + i * block;
        for (std::size_t got = 0; got < block && offset + got < file.size;) {
          const ssize_t count =
              ::pread(file.descriptor, room + got, block - got, static_cast<off_t>(offset + got));
          if (count <= 0) {
            failed = true;
            return;
          }
          got += static_cast<std::size_t>(count);
        }
      }
    });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  if (failed) {
    throw std::runtime_error("the file cannot be read");
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double upload_seconds(const cuda::Device& device, const std::byte* pinned, std::size_t bytes) {
  const cuda::DeviceBuffer<std::byte> room(ring);
  const double once =
      prove::timed(device.copy(), [&] { cuda::upload(room.data(), pinned, ring, device.copy()); }).median;
  return once * static_cast<double>(bytes) / static_cast<double>(ring);
}

double syrk_seconds(const cuda::Device& device, std::size_t rows, std::size_t features) {
  const std::size_t tile = std::min(rows, prove::tile_rows(features));
  const cuda::DeviceBuffer<double> x(tile * features);
  const cuda::DeviceBuffer<double> sum(features * features);
  prove::fill(x.data(), x.bytes(), ElementKind::float64, device);
  cuda::clear(sum.data(), sum.size(), device.compute());
  const double one = 1;
  const auto d = static_cast<std::int64_t>(features);
  const double once =
      prove::timed(device.compute(), [&] {
        cuda::check(cublasDsyrk_64(device.blas(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, d,
                                   static_cast<std::int64_t>(tile), &one, x.data(), d, &one, sum.data(), d),
                    "cublasDsyrk");
      }).median;
  return once * static_cast<double>(rows) / static_cast<double>(tile);
}

void run(char** argv) {
  const File file(argv[1]);
  const std::size_t rows = std::stoull(argv[2]);
  const std::size_t features = std::stoull(argv[3]);
  const std::size_t bytes = rows * features * std::stoull(argv[4]);
  const cuda::Device device(0);
  const cuda::PinnedBuffer<std::byte> pinned(ring);
  json reads;
  double best = 0;
  const std::size_t part = std::min(bytes, enough_to_read);
  (void)read_seconds(file, bytes, pinned.data(), 16);  // into the page cache
  for (const std::size_t threads : {2U, 4U, 8U, 16U}) {
    const double seconds = read_seconds(file, part, pinned.data(), threads) * static_cast<double>(bytes) /
                           static_cast<double>(part);
    reads[std::to_string(threads)] = seconds;
    best = best == 0 ? seconds : std::min(best, seconds);
  }
  const double upload = upload_seconds(device, pinned.data(), bytes);
  const double syrk = syrk_seconds(device, rows, features);
  const json result{{"bytes", bytes},       {"read_seconds_by_threads", reads},
                    {"read_seconds", best}, {"upload_seconds", upload},
                    {"syrk_seconds", syrk}, {"floor_seconds", std::max({best, upload, syrk})}};
  std::printf("%s\n", result.dump(1).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: floor_bench FILE ROWS FEATURES BYTES_PER_NUMBER\n");
    return 2;
  }
  return prove::guarded("floor_bench", [&] { run(argv); });
}
