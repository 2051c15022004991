// The backend over one or several GPUs. It folds and looks on the first; where there are several, a worker
// for each shares the segments of a layer. Decompositions are checked, and done on the CPU when they are
// small or fail the check. For small layers it has several workers per GPU, so that decompositions on the CPU
// go beside one another and beside others' rows; for large ones two on its only GPU, which take turns. When a
// GPU is lost, it falls back to the others, and then to the CPU or to nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "backend/buffer_pool.hpp"
#include "gpu/open_gpu.hpp"

namespace collapscope::gpu {

// What goes on when no GPU is left, and with a layer for which a GPU has too little memory.
enum class LastResort : unsigned char { cpu, none };

class GpuBackend final : public Backend {
 public:
  using Devices = std::vector<OpenGpu>;
  using Opener = std::function<std::unique_ptr<GpuDevice>(std::size_t device)>;

  // devices: at least one; workers and fallbacks share them, and the CPU. open_again: opens one of them
  // another time; empty: never. Throws UsageError: COLLAPSCOPE_GPU_TURNS_FROM is no number.
  GpuBackend(Devices devices, std::shared_ptr<Backend> cpu, Opener open_again = {},
             LastResort last_resort = LastResort::cpu);

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::size_t threads() const override { return cpu_->threads(); }
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override;
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) const override;
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override;
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override;
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override;
  [[nodiscard]] Eigenbasis spectrum(const Matrix& symmetric, std::size_t written) override;
  [[nodiscard]] Eigenbasis decompose(const Matrix& symmetric, std::size_t pairs, std::size_t written,
                                     const DeviceSums& known) override;
  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    return buffers_.make(size);
  }
  [[nodiscard]] std::optional<DeviceStream> row_stream() const override { return first().row_stream(); }
  [[nodiscard]] std::shared_ptr<void> visit() const override { return first().visit(); }
  [[nodiscard]] std::unique_ptr<RowStore> make_row_store(std::size_t size) override;
  [[nodiscard]] std::size_t batch_rows(std::size_t features) const override {
    return first().batch_rows(features);
  }
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override;
  [[nodiscard]] Backend* host() override { return cpu_.get(); }
  [[nodiscard]] Backend* fallback() override;
  [[nodiscard]] bool works() const override;
  [[nodiscard]] std::string loss() const override;
  [[nodiscard]] bool spare_memory() override;
  [[nodiscard]] Fallbacks take_fallbacks() override;
  [[nodiscard]] bool is_device() const override { return true; }
  [[nodiscard]] std::span<Backend* const> segment_workers(std::size_t features) override;
  [[nodiscard]] std::span<Backend* const> layer_workers(std::size_t most) override;
  [[nodiscard]] std::size_t least_layer_workers() const override;
  [[nodiscard]] std::size_t layer_workers_for(const FoldSpec& layer) const override;
  [[nodiscard]] std::span<Backend* const> turn_workers() override;
  [[nodiscard]] bool takes_turns(const FoldSpec& layer) const override;
  // The stages of the first device.
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return first().stage_maker(); }

 private:
  [[nodiscard]] GpuDevice& first() const { return *devices_.front().device; }
  // Workers, and the same as pointers to backends.
  struct Workers {
    std::vector<std::unique_ptr<Backend>> owned;
    std::vector<Backend*> pointers;
  };

  [[nodiscard]] std::size_t workers_of_device() const;
  [[nodiscard]] std::size_t share_of_threads(std::size_t workers) const;
  // With so many threads of the host each.
  [[nodiscard]] Workers workers_on(const Devices& opened, std::size_t threads) const;
  [[nodiscard]] Devices opened_again(std::size_t most) const;
  // Of a GPU, checked; nullopt: none, the CPU's is wanted.
  [[nodiscard]] std::optional<Eigenbasis> basis_by_gpu(const Matrix& symmetric, std::size_t pairs,
                                                       std::size_t written, const DeviceSums& known);
  [[nodiscard]] std::optional<Eigenbasis> checked_basis(const Matrix& symmetric, std::size_t pairs,
                                                        std::size_t written, const DeviceSums& known);
  void compute_on_cpu(const std::string& reason, bool is_rejection);
  void be_worker_among(std::vector<Lost> siblings, Opener open_again);
  // One of those that a worker may go on with, opened again; empty: none.
  [[nodiscard]] Devices another() const;

  std::shared_ptr<Backend> cpu_;  // outlives the devices
  Devices devices_;
  BufferPool buffers_{[this](std::size_t size) {
    return watched(devices_.front().lost, [&] { return first().make_host_buffer(size); });
  }};
  Opener open_again_;
  LastResort last_resort_;
  std::uint64_t least_in_turns_;  // bytes of a layer, as stored
  std::vector<Lost> siblings_;  // of a worker without the CPU as its last resort: all GPUs, by their numbers
  Fallbacks fallbacks_;
  std::optional<Workers> segment_workers_;  // made when first asked for
  std::optional<Workers> layer_workers_;
  std::optional<Workers> turn_workers_;
  std::unique_ptr<GpuBackend> rest_;  // without devices that were lost
};

}  // namespace collapscope::gpu
