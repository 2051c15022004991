// Folds that deal tiles out to several devices in turn and merge what comes back, in the devices' order.
#pragma once

#include <memory>
#include <vector>

#include "gpu/open_gpu.hpp"

namespace collapscope::gpu {

template <class Part>
struct FoldOnGpu {
  std::unique_ptr<Part> fold;
  Lost lost;
};

class SplitMomentFold final : public MomentFold {
 public:
  using Parts = std::vector<FoldOnGpu<MomentFold>>;

  explicit SplitMomentFold(Parts parts) : parts_(std::move(parts)) {}

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] Moments finish() override;
  [[nodiscard]] std::optional<ResidualSums> look_again(const LookSpec& spec) override;

 private:
  Parts parts_;
  std::size_t next_ = 0;
};

class SplitResidualFold final : public ResidualFold {
 public:
  using Parts = std::vector<FoldOnGpu<ResidualFold>>;

  explicit SplitResidualFold(Parts parts) : parts_(std::move(parts)) {}

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] ResidualSums finish() override;

 private:
  Parts parts_;
  std::size_t next_ = 0;
};

}  // namespace collapscope::gpu
