// One GPU, as the GPU module gives it: folds and unchecked decompositions. What to ask of it, and whether to
// believe it, is decided outside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "collapscope/backend/backend.hpp"
#include "core/vector_math.hpp"

namespace collapscope::gpu {

class DevicePairs;

// A matrix on its way to a device.
struct SymmetricInput {
  std::size_t order = 0;
  // Writes the numbers from `first` on, row by row.
  std::function<void(std::size_t first, std::span<double> to)> put;
  // Whoever has these need not ask for numbers: they are these over `count`, then over `scale`.
  DeviceSums known = {};
  double scale = 1;
};

// All members throw DeviceError. After one that is no DeviceMemoryError, only the destructor may be called.
class GpuDevice {
 public:
  virtual ~GpuDevice() = default;
  // Who helps the host with large copies, new pages and passes over matrices; before all else.
  virtual void share_host_work(const Sharing& /*sharing*/) {}
  // "cuda:0 NVIDIA H200, 139 GiB, sm_90; driver 13.0, runtime 13.0, cuBLAS 13.0.2, cuSOLVER 12.0.4"
  [[nodiscard]] virtual std::string describe() const = 0;
  // As Backend's.
  [[nodiscard]] virtual std::size_t tile_rows(std::size_t features) const = 0;
  [[nodiscard]] virtual std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const = 0;
  [[nodiscard]] virtual bool keeps_rows(std::uint64_t bytes) const = 0;
  [[nodiscard]] virtual std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) = 0;
  [[nodiscard]] virtual std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) = 0;
  [[nodiscard]] virtual std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) = 0;
  // The `pairs` largest eigenpairs, at least one, of a finite symmetric matrix, and the vectors of the
  // `written` largest of them; null: the library gave up.
  [[nodiscard]] virtual std::shared_ptr<DevicePairs> decompose(const SymmetricInput& symmetric,
                                                               std::size_t pairs, std::size_t written) = 0;
  // As Backend's; nullptr: it takes rows of the host.
  [[nodiscard]] virtual std::optional<DeviceStream> row_stream() const { return std::nullopt; }
  [[nodiscard]] virtual std::shared_ptr<void> visit() const { return nullptr; }
  [[nodiscard]] virtual std::unique_ptr<RowStore> make_row_store(std::size_t /*size*/) { return nullptr; }
  [[nodiscard]] virtual std::size_t batch_rows(std::size_t features) const { return tile_rows(features); }
  // As Backend's.
  [[nodiscard]] virtual bool spare_memory() { return false; }
  // As Backend's, of this device alone.
  [[nodiscard]] virtual std::unique_ptr<StageMaker> stage_maker() { return nullptr; }
};

// The functions that the module exports, by these names. They throw DeviceError; `abandoned` does not.
struct ModuleInterface {
  static constexpr const char* version_name = "collapscope_gpu_version";  // of the program it belongs to
  static constexpr const char* count_name = "collapscope_gpu_count";      // GPUs that the process may use
  static constexpr const char* open_name = "collapscope_gpu_open";
  // Whether a device did not answer in time, so that CUDA may not be called any more, not even at exit.
  static constexpr const char* abandoned_name = "collapscope_gpu_abandoned";
  using Version = const char* (*)();
  using Count = int (*)();
  using Open = GpuDevice* (*)(int device);
  using Abandoned = bool (*)();
};

}  // namespace collapscope::gpu
