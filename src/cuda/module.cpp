// The GPU module: what the program loads when a GPU is wanted.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "build_config.hpp"
#include "collapscope/core/error.hpp"
#include "cuda/eigen.hpp"
#include "cuda/moment_fold.hpp"
#include "cuda/range.hpp"
#include "cuda/residual_fold.hpp"
#include "cuda/row_store.hpp"
#include "cuda/stages.hpp"
#include "gpu/gpu_device.hpp"

namespace collapscope::cuda {

namespace {

constexpr std::size_t default_part_elements = std::size_t{1} << 24U;  // 128 MiB of float64
constexpr std::size_t most_batch_elements = std::size_t{1} << 21U;    // 16 MiB of it
constexpr std::size_t most_rows = 65536;
constexpr std::size_t least_rows = 256;
// Each time that a layer begins again for want of memory, its parts are an eighth: 65536 rows, 8192, 1024,
// 256.
constexpr std::size_t halvings_of_spare = 3;
constexpr std::size_t most_spared = 3;

class PinnedHostBuffer final : public HostBuffer {
 public:
  PinnedHostBuffer(const Device& device, std::size_t size) : device_(device), buffer_(device, size) {}
  ~PinnedHostBuffer() override { device_.drain(); }
  PinnedHostBuffer(const PinnedHostBuffer&) = delete;
  PinnedHostBuffer& operator=(const PinnedHostBuffer&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() override { return {buffer_.data(), buffer_.size()}; }

 private:
  const Device& device_;
  PinnedBuffer<std::byte> buffer_;
};

// Numbers of a tile: COLLAPSCOPE_GPU_TILE, for tuning and tests.
std::size_t part_elements() {
  const char* chosen = std::getenv("COLLAPSCOPE_GPU_TILE");
  const std::size_t elements = chosen == nullptr ? 0 : std::strtoull(chosen, nullptr, 10);
  return elements == 0 ? default_part_elements : elements;
}

// make(rows of a part), with ever fewer rows while memory does not suffice.
template <class Make>
auto within_memory(std::size_t rows, const Make& make) {
  while (true) {
    try {
      return make(rows);
    } catch (const DeviceMemoryError&) {
      if (rows <= least_rows) {
        throw;
      }
      rows = std::max(rows / 2, least_rows);
    }
  }
}

class CudaGpu final : public gpu::GpuDevice {
 public:
  explicit CudaGpu(int number) : device_(number), part_elements_(part_elements()) {}

  void share_host_work(const Sharing& sharing) override { device_.share_host_work(sharing); }
  [[nodiscard]] std::string describe() const override { return device_.description(); }

  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override {
    std::size_t rows = most_rows;
    while (rows > least_rows && rows * features > part_elements_) {
      rows /= 2;
    }
    return rows;
  }

  // So long that merging moments on the host is little beside copying the rows. Chosen, not measured.
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const override {
    std::uint64_t segment = std::uint64_t{1} << 18U;
    while (segment < 512 * features || (rows + segment - 1) / segment > 64) {
      segment *= 2;
    }
    return segment;
  }

  // Half of the memory is left for matrices, tiles and others.
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override {
    return spared_ == 0 && bytes <= device_.free_at_start() / 2;
  }

  [[nodiscard]] bool spare_memory() override {
    targets_.close();
    const bool pool_had_some = !device_.ran_out_of_memory() && !layer_began_with_empty_pool_;
    pool_is_empty_ = true;
    if (empties_pool() && pool_had_some) {
      return true;  // it may have been all that was missing
    }
    if (spared_ == most_spared) {
      return false;
    }
    ++spared_;
    return true;
  }

  [[nodiscard]] std::optional<DeviceStream> row_stream() const override {
    return DeviceStream{device_.number(), device_.compute()};
  }

  [[nodiscard]] std::shared_ptr<void> visit() const override {
    int current = 0;
    Call("cudaGetDevice").check(cudaGetDevice(&current));
    return {nullptr, [current](void*) {
              if (!is_abandoned()) {
                (void)cudaSetDevice(current);
              }
            }};
  }

  [[nodiscard]] std::unique_ptr<RowStore> make_row_store(std::size_t size) override {
    device_.select();
    return std::make_unique<CudaRowStore>(device_, size);
  }

  // Many layers have their folds at the same time, and most of the memory is the training's.
  [[nodiscard]] std::size_t batch_rows(std::size_t features) const override {
    std::size_t rows = tile_rows(features);
    while (rows > least_rows && rows * features > most_batch_elements) {
      rows /= 2;
    }
    return rows;
  }

  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    device_.select();
    return std::make_unique<PinnedHostBuffer>(device_, size);
  }

  // Without room for kept rows, too, it goes without them before it goes with smaller parts.
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override {
    const Range range("room for a layer");
    device_.select();
    if (spec.precision == Precision::float64_emulated) {
      require_emulation(device_);
    }
    layer_began_with_empty_pool_ = std::exchange(pool_is_empty_, false);
    const std::size_t most = part_rows(spec.format, spec.rows, spec.tiles.rows);
    if (spec.kept_rows > 0 && spared_ == 0) {
      try {
        return std::make_unique<CudaMomentFold>(device_, spec, most, targets_);
      } catch (const DeviceMemoryError&) {
        // As below.
      }
    }
    FoldSpec without = spec;
    without.kept_rows = 0;
    return within_memory(most, [&](std::size_t rows) {
      return std::make_unique<CudaMomentFold>(device_, without, rows, targets_);
    });
  }

  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override {
    device_.select();
    return within_memory(part_rows(spec.format, spec.rows, spec.tiles.rows), [&](std::size_t rows) {
      return std::make_unique<CudaResidualFold>(device_, spec, rows, targets_);
    });
  }

  [[nodiscard]] std::shared_ptr<gpu::DevicePairs> decompose(const gpu::SymmetricInput& symmetric,
                                                            std::size_t pairs, std::size_t written) override {
    try {
      return symmetric_eigen(device_, symmetric, pairs, written);
    } catch (const DeviceMemoryError&) {
      if (device_.memory().empty() == 0) {
        throw;
      }
    }
    return symmetric_eigen(device_, symmetric, pairs, written);
  }

  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override {
    return make_stage_maker(
        device_, [this](const RowFormat& format, std::uint64_t rows) { return part_rows(format, rows); });
  }

 private:
  // Whether there was something in it.
  [[nodiscard]] bool empties_pool() const {
    try {
      device_.select();
      return device_.memory().empty() > 0;
    } catch (const DeviceError&) {
      return false;  // whoever begins again will see
    }
  }

  // Fewer than of a tile where a row is pooled from a large image.
  // tile: 0, or as many rows come at a time.
  [[nodiscard]] std::size_t part_rows(const RowFormat& format, std::uint64_t layer_rows,
                                      std::size_t tile = 0) const {
    const std::size_t usual = tile > 0 ? tile : tile_rows(format.row_length());
    const std::size_t most = std::max(least_rows, usual >> (spared_ * halvings_of_spare));
    std::size_t rows = std::min<std::uint64_t>(most, std::max<std::uint64_t>(layer_rows, 1));
    const std::size_t row_bytes = format.sample_bytes() / format.rows_per_sample();
    while (rows > 1 && rows * row_bytes > default_part_elements * sizeof(double)) {
      rows /= 2;
    }
    return rows;
  }

  Device device_;
  TargetStores targets_;
  std::size_t part_elements_;
  std::size_t spared_ = 0;      // how often
  bool pool_is_empty_ = false;  // for the next layer, which is the same one again
  bool layer_began_with_empty_pool_ = false;
};

}  // namespace

}  // namespace collapscope::cuda

// As gpu::ModuleInterface says.
extern "C" __attribute__((visibility("default"))) const char* collapscope_gpu_version() {
  return collapscope::config::version;
}

extern "C" __attribute__((visibility("default"))) int collapscope_gpu_count() {
  int count = 0;
  const collapscope::cuda::Watchdog watchdog(collapscope::cuda::time_limit());
  collapscope::cuda::Call("cudaGetDeviceCount").check(cudaGetDeviceCount(&count));
  if (count == 0) {
    throw collapscope::DeviceError("the driver shows no GPU (CUDA_VISIBLE_DEVICES?)");
  }
  return count;
}

extern "C" __attribute__((visibility("default"))) bool collapscope_gpu_abandoned() {
  return collapscope::cuda::is_abandoned();
}

extern "C" __attribute__((visibility("default"))) collapscope::gpu::GpuDevice* collapscope_gpu_open(
    int device) {
  // Others in the process may have a current device of their own. Where that one is lost, this one opens all
  // the same.
  using collapscope::cuda::Call;
  int current = device;
  const collapscope::cuda::Watchdog watchdog(collapscope::cuda::time_limit());
  const bool is_known = Call("cudaGetDevice").answer(cudaGetDevice(&current)) == cudaSuccess;
  auto opened = std::make_unique<collapscope::cuda::CudaGpu>(device);
  if (is_known) {
    Call("cudaSetDevice").ignore(cudaSetDevice(current));
  }
  return opened.release();
}
