// Eigenpairs on the device, ascending there as cuSOLVER gives them: what is along them is turned around on
// its way, not they.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cuda/device.hpp"
#include "cuda/products.hpp"
#include "cuda/transfers.hpp"
#include "gpu/device_pairs.hpp"

namespace collapscope::cuda {

// Time limits: all else takes seconds at most, but an eigenbasis of order 32768 takes minutes on a card whose
// float64 is slow.
[[nodiscard]] double patience_for(std::size_t order);

class CudaPairs final : public gpu::DevicePairs {
 public:
  // What is on the device: the matrix [n, n], and what began as the same and has the vectors as its first
  // rows.
  struct Memory {
    Memory(const Device& device, std::size_t n);
    DeviceBuffer<double> matrix;
    DeviceBuffer<double> vectors;
    DeviceBuffer<double> values;
    DeviceBuffer<double> squares;    // sums over the matrix's columns, and their trace
    DeviceBuffer<double> workspace;  // for them
    DeviceBuffer<double> status;     // an int
    PinnedBuffer<double> staging;
    Drained drained;
  };
  // What has come down of them, largest first.
  struct Found {
    std::vector<double> values;
    Matrix written;
    double norm = 0;
  };

  CudaPairs(const Device& device, std::size_t order, std::unique_ptr<Memory> memory, Found found);

  [[nodiscard]] Matrix coordinates(const Matrix& rows) const override;
  [[nodiscard]] Matrix combinations(const Matrix& coordinates) const override;
  [[nodiscard]] std::optional<Matrix> brought_home() const override;
  [[nodiscard]] const std::vector<double>& values() const override { return found_.values; }
  [[nodiscard]] const Matrix& written() const override { return found_.written; }
  [[nodiscard]] double norm() const override { return found_.norm; }
  void subtract_product(const Matrix& x, Matrix& y) const override;
  [[nodiscard]] linalg::EigenRest rest() override;
  void forget_matrix() override { memory_->matrix = {}; }

 private:
  // What multiply(from, to) makes of some rows, [., cols].
  template <class Multiply>
  [[nodiscard]] Matrix multiplied(const Matrix& rows, std::size_t cols, const Multiply& multiply) const;
  [[nodiscard]] DeviceMatrix vectors() const {
    return {memory_->vectors.data(), found_.values.size(), order_, order_};
  }
  [[nodiscard]] bool rest_is_below(double bound);

  const Device& device_;
  std::size_t order_;
  std::unique_ptr<Memory> memory_;
  Found found_;
};

// Turns the order of the rows around.
void turn_rows(Matrix& a);

// |A|_F^2 as sums over columns, and the trace behind them, to `memory.squares`.
void sum_squares(const Device& device, const CudaPairs::Memory& memory, std::size_t order);

}  // namespace collapscope::cuda
