#include "gpu/gpu_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collapscope/error.hpp"
#include "gpu/split_fold.hpp"
#include "linalg/decompose.hpp"
#include "linalg/leading_eigen.hpp"

namespace collapscope::gpu {

namespace {

// Below this order a GPU's decomposition takes longer than the CPU's: dozens of launches per column block.
constexpr std::size_t least_order = 512;

bool is_right(const Matrix& symmetric, std::size_t pairs, Eigenbasis& basis) {
  return basis.size() == pairs && (pairs == symmetric.rows() ? linalg::passes_check(symmetric, basis)
                                                             : linalg::complete_leading(symmetric, basis));
}

}  // namespace

GpuBackend::GpuBackend(std::vector<std::unique_ptr<GpuDevice>> devices, std::unique_ptr<Backend> cpu)
    : cpu_(std::move(cpu)), devices_(std::move(devices)) {}

std::string GpuBackend::describe() const {
  std::string text;
  for (const auto& device : devices_) {
    text += (text.empty() ? "" : " + ") + device->describe();
  }
  return fmt::format("{}; eigenbases of order < {} on {}", text, least_order, cpu_->describe());
}

std::size_t GpuBackend::tile_rows(std::size_t features) const {
  return devices_.front()->tile_rows(features);
}

std::unique_ptr<MomentFold> GpuBackend::make_fold(const FoldSpec& spec) {
  if (devices_.size() == 1) {
    return devices_.front()->make_fold(spec);
  }
  std::vector<std::unique_ptr<MomentFold>> folds;
  for (const auto& device : devices_) {
    folds.push_back(device->make_fold(spec));
  }
  return std::make_unique<SplitMomentFold>(std::move(folds));
}

std::unique_ptr<ResidualFold> GpuBackend::make_look(const LookSpec& spec) {
  if (devices_.size() == 1) {
    return devices_.front()->make_look(spec);
  }
  std::vector<std::unique_ptr<ResidualFold>> folds;
  for (const auto& device : devices_) {
    folds.push_back(device->make_look(spec));
  }
  return std::make_unique<SplitResidualFold>(std::move(folds));
}

Eigenbasis GpuBackend::eigenbasis(const Matrix& symmetric, std::size_t pairs) {
  pairs = std::min(pairs, symmetric.rows());
  if (symmetric.rows() >= least_order && symmetric.rows() == symmetric.cols() && pairs > 0 &&
      linalg::all_finite(symmetric)) {
    try {
      auto basis = devices_.front()->decompose(symmetric, pairs);
      if (basis && is_right(symmetric, pairs, *basis)) {
        for (double& value : basis->values) {
          value = std::max(value, 0.0);
        }
        return std::move(*basis);
      }
    } catch (const DeviceMemoryError&) {
      // The CPU has room for it.
    }
  }
  return cpu_->eigenbasis(symmetric, pairs);
}

bool GpuBackend::keeps_rows(std::uint64_t bytes) const {
  const std::uint64_t share = bytes / devices_.size() + 1;
  return std::all_of(devices_.begin(), devices_.end(),
                     [&](const auto& device) { return device->keeps_rows(share); });
}

}  // namespace collapscope::gpu
