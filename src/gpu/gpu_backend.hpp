// The backend over one or several GPUs: rows of a layer go to the devices in turn, the parts are merged;
// decompositions are checked, and done on the CPU when they are small or fail the check. For small layers it
// has several parts per GPU, so that decompositions on the CPU go beside one another and beside others' rows.
// When a GPU is lost, it falls back to the others, and then to the CPU or to nothing.
#pragma once

#include <functional>
#include <memory>
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

  // devices: at least one; parts and fallbacks share them, and the CPU. open_again: opens one of them another
  // time; empty: never.
  GpuBackend(Devices devices, std::shared_ptr<Backend> cpu, Opener open_again = {},
             LastResort last_resort = LastResort::cpu);

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::size_t threads() const override { return cpu_->threads(); }
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override;
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override;
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override;
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override;
  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    return buffers_.make(size);
  }
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override;
  [[nodiscard]] Backend* host() override { return cpu_.get(); }
  [[nodiscard]] Backend* fallback() override;
  [[nodiscard]] bool works() const override;
  [[nodiscard]] std::string loss() const override;
  [[nodiscard]] bool spare_memory() override;
  [[nodiscard]] Fallbacks take_fallbacks() override;
  [[nodiscard]] std::span<Backend* const> parts(std::size_t most) override;
  [[nodiscard]] std::size_t least_parts() const override;
  [[nodiscard]] std::size_t parts_for(const FoldSpec& spec) const override;
  // The stages of the first device.
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return first().stage_maker(); }

 private:
  [[nodiscard]] GpuDevice& first() const { return *devices_.front().device; }
  [[nodiscard]] std::size_t parts_of_device() const;
  void make_parts(std::size_t most);
  void compute_on_cpu(const std::string& reason, bool is_rejection);
  void be_part_among(std::vector<Lost> siblings, Opener open_again);
  // One of those that a part may go on with, opened again; empty: none.
  [[nodiscard]] Devices another() const;

  std::shared_ptr<Backend> cpu_;  // outlives the devices
  Devices devices_;
  BufferPool buffers_{[this](std::size_t size) {
    return watched(devices_.front().lost, [&] { return first().make_host_buffer(size); });
  }};
  Opener open_again_;
  LastResort last_resort_;
  std::vector<Lost> siblings_;  // of a part without the CPU as its last resort: all GPUs, by their numbers
  Fallbacks fallbacks_;
  bool has_parts_ = false;  // or none can be had
  std::vector<std::unique_ptr<Backend>> parts_;
  std::vector<Backend*> part_pointers_;
  std::unique_ptr<GpuBackend> rest_;  // without devices that were lost
};

}  // namespace collapscope::gpu
