// The backend over one or several GPUs: rows of a layer go to the devices in turn, the parts are merged;
// decompositions are checked, and done on the CPU when they are small or fail the check. For small layers it
// has several parts per GPU, so that decompositions on the CPU go beside one another and beside others' rows.
// When a GPU is lost, it falls back to the others, or to the CPU.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend/buffer_pool.hpp"
#include "gpu/open_gpu.hpp"

namespace collapscope::gpu {

class GpuBackend final : public Backend {
 public:
  using Devices = std::vector<OpenGpu>;
  using Opener = std::function<std::unique_ptr<GpuDevice>(std::size_t device)>;

  // devices: at least one; parts and fallbacks share them, and the CPU. open_again: opens one of them another
  // time; empty: never.
  GpuBackend(Devices devices, std::shared_ptr<Backend> cpu, Opener open_again = {});

  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] std::size_t threads() const override { return cpu_->threads(); }
  [[nodiscard]] std::size_t tile_rows(std::size_t features) const override;
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec& spec) override;
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec& spec) override;
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix& symmetric, std::size_t pairs) override;
  [[nodiscard]] Eigenbasis spectrum(const Matrix& symmetric, std::size_t written) override;
  [[nodiscard]] std::unique_ptr<HostBuffer> make_host_buffer(std::size_t size) override {
    return buffers_.make(size);
  }
  [[nodiscard]] bool keeps_rows(std::uint64_t bytes) const override;
  [[nodiscard]] Backend* fallback() override;
  [[nodiscard]] bool works() const override;
  [[nodiscard]] std::span<Backend* const> parts(std::size_t most) override;
  [[nodiscard]] std::size_t least_parts() const override;
  [[nodiscard]] std::size_t parts_for(const FoldSpec& spec) const override;
  // The stages of the first device.
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return first().stage_maker(); }

 private:
  [[nodiscard]] GpuDevice& first() const { return *devices_.front().device; }
  [[nodiscard]] std::size_t parts_of_device() const;
  void make_parts(std::size_t most);

  std::shared_ptr<Backend> cpu_;  // outlives the devices
  Devices devices_;
  BufferPool buffers_{[this](std::size_t size) {
    return watched(devices_.front().lost, [&] { return first().make_host_buffer(size); });
  }};
  Opener open_again_;
  bool has_parts_ = false;  // or none can be had
  std::vector<std::unique_ptr<Backend>> parts_;
  std::vector<Backend*> part_pointers_;
  std::unique_ptr<GpuBackend> rest_;  // without devices that were lost
};

}  // namespace collapscope::gpu
