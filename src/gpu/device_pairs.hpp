// Eigenpairs that stay on a GPU, with the matrix that they are of, so that they are checked there. Only
// eigenvalues, the vectors that are asked for, and small products come down.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/linalg/eigenbasis.hpp"
#include "gpu/gpu_device.hpp"
#include "gpu/open_gpu.hpp"
#include "linalg/decompose.hpp"
#include "linalg/leading_eigen.hpp"

namespace collapscope::gpu {

// The largest pairs of a symmetric matrix as a library gives them, unchecked. The members throw DeviceError;
// those of the matrix can be called until it is forgotten.
class DevicePairs : public EigenvectorFactors {
 public:
  // As coordinates and combinations: of as many vectors as there are values. Largest first.
  [[nodiscard]] virtual const std::vector<double>& values() const = 0;
  // The vectors that were asked for.
  [[nodiscard]] virtual const Matrix& written() const = 0;
  // Of the matrix.
  [[nodiscard]] virtual double norm() const = 0;
  // y -= x A
  virtual void subtract_product(const Matrix& x, Matrix& y) const = 0;
  // Of fewer than all pairs. Uses matrix and vectors up, but for those that are written.
  [[nodiscard]] virtual linalg::EigenRest rest() = 0;
  virtual void forget_matrix() = 0;
};

// The same for whoever does not know where they are: when a call fails, the GPU is lost.
class WatchedPairs final : public EigenvectorFactors {
 public:
  WatchedPairs(std::shared_ptr<GpuDevice> device, Lost lost, std::shared_ptr<DevicePairs> pairs)
      : device_(std::move(device)), lost_(std::move(lost)), pairs_(std::move(pairs)) {}

  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override {
    return watched(lost_, [&] { return pairs_->coordinates(rows); });
  }
  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override {
    return watched(lost_, [&] { return pairs_->combinations(coordinates); });
  }
  [[nodiscard]] std::optional<Matrix> brought_home() const override {
    return watched(lost_, [&] { return pairs_->brought_home(); });
  }

 private:
  std::shared_ptr<GpuDevice> device_;  // outlives the pairs
  Lost lost_;
  std::shared_ptr<DevicePairs> pairs_;
};

}  // namespace collapscope::gpu
