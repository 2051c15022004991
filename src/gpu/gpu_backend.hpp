// The backend over one or several GPUs: rows of a layer go to the devices in turn, the parts are merged;
// decompositions are checked, and done on the CPU when they are small or fail the check.
#pragma once

#include <memory>
#include <vector>

#include "core/buffer_pool.hpp"
#include "gpu/gpu_device.hpp"

namespace collapscope::gpu {

class GpuBackend final : public Backend {
 public:
  // devices: at least one.
  GpuBackend(std::vector<std::unique_ptr<GpuDevice>> devices, std::unique_ptr<Backend> cpu);

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
  [[nodiscard]] Backend* fallback() override { return cpu_.get(); }
  // The stages of the first device.
  [[nodiscard]] std::unique_ptr<StageMaker> stage_maker() override { return devices_.front()->stage_maker(); }

 private:
  std::unique_ptr<Backend> cpu_;  // outlives the devices
  std::vector<std::unique_ptr<GpuDevice>> devices_;
  BufferPool buffers_{[this](std::size_t size) { return devices_.front()->make_host_buffer(size); }};
};

}  // namespace collapscope::gpu
