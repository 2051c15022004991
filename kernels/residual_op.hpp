// What the second look sums per row: squared lengths outside a subspace, errors of linear maps, rows that lie
// at the mean.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "pack.hpp"

namespace collapscope::kernels {

// Over rows. Row i's out[i * out_stride + 0 ... 3]: plain, normalized, centred, centred_normalized.
template <std::size_t width>
struct OutsideRows {
  DeviceMatrix rest;
  const double* mean_outside;  // [cols] or null
  RowNorms norms;
  double* out;
  std::size_t out_stride;

  struct Partial {
    double centred;
    double plain;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.centred + b.centred, a.plain + b.plain};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return rest.rows; }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 4;
    const std::size_t packs = rest.cols / width;
    const double* begin = rest.data + row * rest.stride;
    Partial total{0, 0};
    for (std::size_t first = lane; first < packs; first += batch * lanes) {
      Pack<double, width> values[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * lanes;
        values[k] = index < packs ? load_pack<double, width>(begin, index) : Pack<double, width>{};
      }
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * lanes;
        const auto mean = mean_outside != nullptr && index < packs
                              ? load_pack<double, width>(mean_outside, index)
                              : Pack<double, width>{};
        for (std::size_t j = 0; j < width; ++j) {
          const double value = values[k].number[j];
          const double moved = value + mean.number[j];
          total.centred += value * value;
          total.plain += moved * moved;
        }
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    double* four = out + row * out_stride;
    four[0] = total.plain;
    four[1] = relative(total.plain, norms.plain[row * norms.stride]);
    four[2] = total.centred;
    four[3] = relative(total.centred, norms.centred[row * norms.stride]);
  }

 private:
  // Divided twice, because norm^2 may leave the range of float64.
  COLLAPSCOPE_HOST_DEVICE static double relative(double square, double norm) {
    return norm > 0 ? square / norm / norm : 0;
  }
};

// Over rows: out[i * out_stride] = |y_i - target_mean - predicted_i - offset|^2.
struct MapErrors {
  DeviceMatrix predicted;
  const double* offset;       // [cols] or null
  const double* y;            // [rows, cols] back to back
  const double* target_mean;  // [cols]
  double* out;
  std::size_t out_stride;

  struct Partial {
    double square;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return predicted.rows; }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    for (std::size_t j = lane; j < predicted.cols; j += lanes) {
      const double error = y[row * predicted.cols + j] - target_mean[j] -
                           predicted.data[row * predicted.stride + j] - (offset == nullptr ? 0 : offset[j]);
      total.square += error * error;
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    out[row * out_stride] = total.square;
  }
};

// Over items: out[i * out_stride] = 1 where norm[i * norm_stride] <= least, else 0.
struct MarkAtMost {
  const double* norm;
  std::size_t norm_stride;
  std::size_t rows;
  double least;
  double* out;
  std::size_t out_stride;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return rows; }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const {
    out[i * out_stride] = norm[i * norm_stride] <= least ? 1 : 0;
  }
};

}  // namespace collapscope::kernels
