// What the second look sums per row: squared lengths outside a subspace, errors of linear maps, rows that lie
// at the mean.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"
#include "pack.hpp"

namespace collapscope::kernels {

// Over rows, whose parts outside a subspace are formed and then squared. Row i's out[i * out_stride + 0 ...
// 3]: plain, normalized, centred, centred_normalized. Of a row h with its own scale, `x` and `within` have h
// as scaled, not h - mean.
template <std::size_t width>
struct OutsideRows {
  DeviceMatrix x;
  const double* within;        // what of x lies in the subspace, where x lies; null: nothing
  const double* mean_outside;  // [cols] or null
  RowNorms norms;
  double* out;
  std::size_t out_stride;

  // Of the row as it is, and about the other centre: with the mean, or with its own scale without it.
  struct Partial {
    double square;
    double moved;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square, a.moved + b.moved};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return x.rows; }
  [[nodiscard]] Traffic traffic() const {
    const std::size_t matrices = within == nullptr ? 1 : 2;
    return traffic_of((matrices * x.rows + 1) * x.cols + 3 * x.rows, 4 * x.rows);
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 4;
    const std::size_t packs = x.cols / width;
    const double* begin = x.data + row * x.stride;
    const double* inside = within == nullptr ? nullptr : within + row * x.stride;
    const double unscale = norms.unscale_of(row);
    const double sign = unscale > 0 ? -unscale : 1;
    Partial total{0, 0};
    for (std::size_t first = lane; first < packs; first += batch * lanes) {
      Pack<double, width> values[batch];
      Pack<double, width> parts[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * lanes;
        values[k] = index < packs ? load_pack<double, width>(begin, index) : Pack<double, width>{};
        parts[k] = inside != nullptr && index < packs ? load_pack<double, width>(inside, index)
                                                      : Pack<double, width>{};
      }
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t index = first + k * lanes;
        const auto mean = mean_outside != nullptr && index < packs
                              ? load_pack<double, width>(mean_outside, index)
                              : Pack<double, width>{};
        for (std::size_t j = 0; j < width; ++j) {
          const double value = values[k].number[j] - parts[k].number[j];
          const double moved = sign * value + mean.number[j];
          total.square += value * value;
          total.moved += moved * moved;
        }
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    double* four = out + row * out_stride;
    const double unscale = norms.unscale_of(row);
    const double plain = unscale > 0 ? total.square : total.moved;
    const double centred = unscale > 0 ? total.moved : total.square;
    four[0] = unscale > 0 ? plain * unscale * unscale : plain;
    four[1] = relative(plain, norms.plain[row]);
    four[2] = centred;
    four[3] = relative(centred, norms.centred[row]);
  }

 private:
  // Divided twice, because norm^2 may leave the range of float64.
  COLLAPSCOPE_HOST_DEVICE static double relative(double square, double norm) {
    return norm > 0 ? square / norm / norm : 0;
  }
};

// Over rows: out[i * out_stride] = |y_i - target_mean - p|^2 with what a map makes of h_i - mean or, not
// `about_mean`, of h_i. `mapped` has what it makes of the row: of h - mean or, with its own scale, of h as
// scaled.
struct MapErrors {
  DeviceMatrix mapped;
  const double* mapped_mean;  // [cols]: of the mean
  bool about_mean;
  RowNorms norms;
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

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return mapped.rows; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of(mapped.rows * (2 * mapped.cols + 1) + 2 * mapped.cols, mapped.rows);
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Partial total{0};
    const double unscale = norms.unscale_of(row);
    const double scale = unscale > 0 ? unscale : 1;
    const double means = (about_mean ? 0.0 : 1.0) - (unscale > 0 ? 1.0 : 0.0);
    for (std::size_t j = lane; j < mapped.cols; j += lanes) {
      const double made = scale * mapped.data[row * mapped.stride + j];
      const double error =
          y[row * mapped.cols + j] - target_mean[j] - made - (means == 0 ? 0 : means * mapped_mean[j]);
      total.square += error * error;
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    out[row * out_stride] = total.square;
  }
};

// Over items: out[i * out_stride] = 1 where norm[i] <= least, else 0.
struct MarkAtMost {
  const double* norm;
  std::size_t rows;
  double least;
  double* out;
  std::size_t out_stride;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return rows; }
  [[nodiscard]] Traffic traffic() const { return traffic_of(rows, rows); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t i) const {
    out[i * out_stride] = norm[i] <= least ? 1 : 0;
  }
};

}  // namespace collapscope::kernels
