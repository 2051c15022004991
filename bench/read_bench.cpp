// Reading stored samples against the least that it can take, measured in turns: parallel reads of the same
// bytes for contiguous data, the bare codec on the same streams in memory for compressed chunks. Counters:
// megabytes of samples per second of ours and of that floor, and the ratios of the median times on the wall
// and on the processors.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "core/threads.hpp"
#include "hdf5/chunk_source.hpp"
#include "hdf5/deflate.hpp"
#include "hdf5/lzf.hpp"
#include "hdf5/open_dataset.hpp"
#include "tests/hdf5/lzf_pack.hpp"

namespace {

using namespace collapscope;

constexpr hsize_t features = 512;
constexpr std::size_t band_bytes = std::size_t{32} << 20;
constexpr H5Z_filter_t lzf_number = 32000;

struct Spec {
  hsize_t samples;
  std::vector<hsize_t> chunk;  // empty: contiguous
  std::vector<H5Z_filter_t> filters;
};

// Wall time, and processor time of all threads: the latter depends less on what else runs.
struct Cost {
  double wall = 0;
  double processors = 0;
};

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Cost cost(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  const double processors = processor_seconds();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
          processor_seconds() - processors};
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Runs tasks on threads of its own, as simply as can be.
void on_threads(std::size_t threads, std::size_t tasks, const std::function<void(std::size_t)>& task) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks; i = next++) {
      task(i);
    }
  };
  std::vector<std::jthread> others;
  while (others.size() + 1 < threads) {
    others.emplace_back(work);
  }
  work();
}

// Activations behind a ReLU: half of them zeros.
std::vector<float> activations(std::size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = std::max(0.0F, normal(random));
  }
  return values;
}

// In place of h5py's, which may not be installed.
std::size_t pack_lzf(unsigned flags, std::size_t, const unsigned*, std::size_t bytes, std::size_t* size,
                     void** buffer) {
  if ((flags & H5Z_FLAG_REVERSE) != 0) {
    return 0;
  }
  auto packed = testing::LzfPacker({static_cast<const unsigned char*>(*buffer), bytes}).pack();
  if (packed.size() >= bytes) {
    return 0;  // stored as it is
  }
  std::memcpy(*buffer, packed.data(), packed.size());
  *size = bytes;
  return packed.size();
}

void register_lzf_packer() {
  const H5Z_class2_t filter{H5Z_CLASS_T_VERS, lzf_number, 1, 1, "lzf", nullptr, nullptr, pack_lzf};
  H5Zregister(&filter);
}

// A dump that is gone with this.
class Dump {
 public:
  explicit Dump(const Spec& spec)
      : path_((std::filesystem::temp_directory_path() /
               ("collapscope-bench-" + std::to_string(getpid()) + ".h5"))
                  .string()) {
    const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const std::vector<float> values = activations(spec.samples * features);
    write(file, links, "targets", {spec.samples}, H5P_DEFAULT, values.data());
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (!spec.chunk.empty()) {
      H5Pset_chunk(creation, 2, spec.chunk.data());
    }
    for (const H5Z_filter_t filter : spec.filters) {
      const unsigned level = 4;
      filter == H5Z_FILTER_SHUFFLE
          ? H5Pset_shuffle(creation)
          : H5Pset_filter(creation, filter, H5Z_FLAG_OPTIONAL, filter == H5Z_FILTER_DEFLATE, &level);
    }
    write(file, links, "layers/fc/activations", {spec.samples, features}, creation, values.data());
    H5Pclose(creation);
    H5Pclose(links);
    H5Fclose(file);
  }
  ~Dump() { std::filesystem::remove(path_); }
  Dump(const Dump&) = delete;
  Dump& operator=(const Dump&) = delete;
  Dump(Dump&&) = delete;
  Dump& operator=(Dump&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] DatasetIndex index() const {
    return index_dump(path_).checkpoints.at(0).layers.at(0).activations;
  }

 private:
  static void write(hid_t file, hid_t links, const char* name, const std::vector<hsize_t>& shape,
                    hid_t creation, const float* values) {
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t dataset = H5Dcreate2(file, name, H5T_NATIVE_FLOAT, space, links, creation, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(dataset);
    H5Sclose(space);
  }

  std::string path_;
};

// All samples in bands, as an analysis reads them.
void read_all(const DatasetIndex& index, std::vector<std::byte>& band) {
  const auto reader = open_rows(index, std::uint64_t{64} << 20);
  const std::uint64_t step = band.size() / (features * sizeof(float));
  for (std::uint64_t first = 0; first < index.samples(); first += step) {
    const std::uint64_t count = std::min(step, index.samples() - first);
    reader->read(first, count, std::span(band).first(count * features * sizeof(float)));
  }
}

// The same with pread alone.
void read_bare(const std::string& path, std::uint64_t address, std::uint64_t bytes, std::size_t threads,
               std::vector<std::byte>& band) {
  constexpr std::size_t part = std::size_t{1} << 20;
  const int file = open(path.c_str(), O_RDONLY);
  for (std::uint64_t at = 0; at < bytes; at += band.size()) {
    const std::size_t here = std::min<std::uint64_t>(band.size(), bytes - at);
    on_threads(threads, (here + part - 1) / part, [&](std::size_t i) {
      const std::size_t begin = i * part;
      const ssize_t count = pread(file, band.data() + begin, std::min(part, here - begin),
                                  static_cast<off_t>(address + at + begin));
      benchmark::DoNotOptimize(count);
    });
  }
  close(file);
}

// Runs `ours` and `floor` in turns.
void compare(benchmark::State& state, std::uint64_t bytes, const std::function<void()>& ours,
             const std::function<void()>& floor) {
  ours();
  floor();
  std::vector<double> wall[2];
  std::vector<double> processors[2];
  for (auto _ : state) {
    const Cost costs[2] = {cost(ours), cost(floor)};
    for (std::size_t i = 0; i < 2; ++i) {
      wall[i].push_back(costs[i].wall);
      processors[i].push_back(costs[i].processors);
    }
    state.SetIterationTime(costs[0].wall);
  }
  const double megabytes = static_cast<double>(bytes) / 1e6;
  state.counters["ours_MB/s"] = megabytes / median(wall[0]);
  state.counters["floor_MB/s"] = megabytes / median(wall[1]);
  state.counters["ratio"] = median(wall[0]) / median(wall[1]);
  state.counters["cpu_ratio"] = median(processors[0]) / median(processors[1]);
}

// threads: of the floor.
void contiguous(benchmark::State& state, std::size_t threads) {
  const Dump dump({200'000, {}, {}});
  const DatasetIndex index = dump.index();
  const std::uint64_t address = std::filesystem::file_size(dump.path()) - index.bytes();
  std::vector<std::byte> band(band_bytes);
  compare(
      state, index.bytes(), [&] { read_all(index, band); },
      [&] { read_bare(dump.path(), address, index.bytes(), threads, band); });
}

// The stored bytes of all chunks.
std::vector<std::vector<std::byte>> streams_of(const DatasetIndex& index) {
  const hdf5::OpenDataset dataset(index, 0);
  const auto source = hdf5::library_source(dataset);
  const hdf5::ChunkGrid grid(index.shape, index.chunk);
  std::vector<std::vector<std::byte>> streams;
  hdf5::Buffer buffer;
  for (hdf5::StoredChunk& chunk : source->locate(0, grid.total() - 1)) {
    const auto bytes = source->fetch(std::span(&chunk, 1), buffer);
    streams.emplace_back(bytes.begin(), bytes.end());
  }
  return streams;
}

void compressed(benchmark::State& state, const Spec& spec) {
  register_lzf_packer();
  const Dump dump(spec);
  const DatasetIndex index = dump.index();
  const auto streams = streams_of(index);
  const std::size_t chunk_bytes = spec.chunk[0] * spec.chunk[1] * sizeof(float);
  const auto unpack = [&](std::size_t i) {
    thread_local hdf5::Inflater inflater;
    thread_local std::vector<std::byte> chunk;
    chunk.resize(chunk_bytes);
    if (spec.filters.back() == lzf_number) {
      benchmark::DoNotOptimize(hdf5::lzf_unpack(streams[i], chunk));
    } else {
      inflater.inflate(streams[i], chunk);
    }
  };
  std::vector<std::byte> band(band_bytes);
  compare(
      state, index.bytes(), [&] { read_all(index, band); },
      [&] { on_threads(usable_threads(), streams.size(), unpack); });
}

// From a closed file to the first sample.
void open_chunks(benchmark::State& state, const Spec& spec) {
  const Dump dump(spec);
  std::vector<std::byte> sample(features * sizeof(float));
  for (auto _ : state) {
    open_rows(dump.index(), 0)->read(0, 1, sample);
  }
}

BENCHMARK_CAPTURE(contiguous, one_thread_as_floor, 1)->UseManualTime()->Iterations(15);
BENCHMARK_CAPTURE(contiguous, all_threads_as_floor, usable_threads())->UseManualTime()->Iterations(15);
BENCHMARK_CAPTURE(compressed, gzip_automatic_chunks, Spec{32768, {1024, 16}, {H5Z_FILTER_DEFLATE}})
    ->UseManualTime()
    ->Iterations(15);
BENCHMARK_CAPTURE(compressed, gzip_row_chunks, Spec{32768, {1000, features}, {H5Z_FILTER_DEFLATE}})
    ->UseManualTime()
    ->Iterations(15);
BENCHMARK_CAPTURE(compressed, gzip_shuffle_automatic_chunks,
                  Spec{32768, {1024, 16}, {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE}})
    ->UseManualTime()
    ->Iterations(15);
BENCHMARK_CAPTURE(compressed, gzip_single_row_chunks, Spec{32768, {1, features}, {H5Z_FILTER_DEFLATE}})
    ->UseManualTime()
    ->Iterations(15);
BENCHMARK_CAPTURE(compressed, lzf_automatic_chunks, Spec{32768, {1024, 16}, {lzf_number}})
    ->UseManualTime()
    ->Iterations(15);
BENCHMARK_CAPTURE(open_chunks, 100000, Spec{100'000, {1, features}, {}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
