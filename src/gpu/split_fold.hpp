// Folds that deal tiles out to several devices in turn and merge what comes back, in the devices' order.
#pragma once

#include <memory>
#include <vector>

#include "collapscope/backend.hpp"

namespace collapscope::gpu {

class SplitMomentFold final : public MomentFold {
 public:
  explicit SplitMomentFold(std::vector<std::unique_ptr<MomentFold>> parts) : parts_(std::move(parts)) {}

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] Moments finish() override;
  [[nodiscard]] std::optional<ResidualSums> look_again(const LookSpec& spec) override;

 private:
  std::vector<std::unique_ptr<MomentFold>> parts_;
  std::size_t next_ = 0;
};

class SplitResidualFold final : public ResidualFold {
 public:
  explicit SplitResidualFold(std::vector<std::unique_ptr<ResidualFold>> parts) : parts_(std::move(parts)) {}

  void add(const RawTile& tile, MatrixView<const double> targets) override;
  void settle() override;
  [[nodiscard]] ResidualSums finish() override;

 private:
  std::vector<std::unique_ptr<ResidualFold>> parts_;
  std::size_t next_ = 0;
};

}  // namespace collapscope::gpu
