// The second look at rows that are projected on few directions: all of it in one pass over the rows as
// stored. What wider projections take several kernels and a product for: kernels/residual_op.hpp,
// kernels/own_scale_op.hpp.
#pragma once

#include <cmath>
#include <cstddef>

#include "arguments.hpp"
#include "finite.hpp"
#include "own_scale.hpp"
#include "row_norm.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Coordinates of packs of numbers for which registers suffice beside four packs. Sums do not depend on it.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000 && __CUDA_ARCH__ < 1200
inline constexpr std::size_t most_held = 4;
#else
inline constexpr std::size_t most_held = 16;
#endif

// Over rows in steps, each of which reads the row again, from a cache: its norms; its coordinates, as it is
// about the mean or, where it needs that, with its own scale; its parts outside the subspaces, formed and
// then squared. With width 2 everything is aligned to pairs and the number of columns is even. `most`:
// directions, at most.
template <std::size_t width, std::size_t most>
struct LookRows {
  StoredNumbers from;
  std::size_t row_count;
  std::size_t cols;
  LookArguments look;
  FiniteCheck check;

  struct First {
    double square;
    double centred_square;
    std::uint64_t seen;
    std::uint64_t centred_seen;
  };
  struct Second {
    double coordinate[most];
    double square;  // of the row with its own scale
  };
  struct Third {
    double signal;
    double moved_signal;
    double weight;
    double moved_weight;
  };

  COLLAPSCOPE_HOST_DEVICE static First combine(const First& a, const First& b) {
    return {a.square + b.square, a.centred_square + b.centred_square, a.seen | b.seen,
            a.centred_seen | b.centred_seen};
  }
  COLLAPSCOPE_HOST_DEVICE static Second combine(const Second& a, const Second& b) {
    Second sum;
    for (std::size_t i = 0; i < most; ++i) {
      sum.coordinate[i] = a.coordinate[i] + b.coordinate[i];
    }
    sum.square = a.square + b.square;
    return sum;
  }
  COLLAPSCOPE_HOST_DEVICE static Third combine(const Third& a, const Third& b) {
    return {a.signal + b.signal, a.moved_signal + b.moved_signal, a.weight + b.weight,
            a.moved_weight + b.moved_weight};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return row_count; }
  [[nodiscard]] Traffic traffic() const {
    const std::size_t maps = look.directions() * cols + 3 * cols;
    const std::size_t errors = (look.affine > 0 ? 1 : 0) + (look.published > 0 ? 1 : 0);
    return {row_count * (cols * size_of(from.kind) + errors * look.targets * sizeof(double)) +
                maps * sizeof(double),
            row_count * LookArguments::columns * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE First first(std::size_t row, std::size_t lane, std::size_t lanes) const {
    First total{0, 0, 0, 0};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double centred = value - look.mean[column];
      total.square += value * value;
      total.seen |= magnitude_bits(value);
      total.centred_square += centred * centred;
      total.centred_seen |= magnitude_bits(centred);
    });
    return total;
  }

  // What the first step has found of a row.
  struct Scale {
    double norm;
    double centred_norm;
    double unscale;  // of a row with its own scale, what takes it back; else 0
    int exponent;
    bool own;
  };

  COLLAPSCOPE_HOST_DEVICE Scale found(std::size_t row, const First& total) const {
    const ShiftedRow plain{from, row * cols, cols, nullptr};
    const ShiftedRow centred{from, row * cols, cols, look.mean};
    if (!is_finite(total.square) && !all_finite(plain)) {
      report_row(check, row);
    }
    const double norm = total.seen == 0 ? 0 : norm_of(plain, total.square);
    const double centred_norm = total.centred_seen == 0 ? 0 : norm_of(centred, total.centred_square);
    const bool own = needs_own_scale(norm, centred_norm);
    const int exponent = own ? ilogb(norm) : 0;
    return {norm, centred_norm, own ? scalbn(1.0, exponent) : 0, exponent, own};
  }

  COLLAPSCOPE_HOST_DEVICE Second second(std::size_t row, std::size_t lane, std::size_t lanes,
                                        const Scale& scale) const {
    Second total{};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double x = scaled(value, column, scale);
      total.square += scale.own ? x * x : 0;
      for (std::size_t i = 0; i < most; ++i) {
        if (i < look.directions()) {
          total.coordinate[i] += look.maps[i * cols + column] * x;
        }
      }
    });
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE Third third(std::size_t row, std::size_t lane, std::size_t lanes,
                                      const Scale& scale, const Second& second) const {
    const double sign = scale.own ? -scale.unscale : 1;
    Third total{0, 0, 0, 0};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double x = scaled(value, column, scale);
      double signal = 0;  // what lies within
      double weight = 0;
      for (std::size_t i = 0; i < most; ++i) {
        if (i < look.signal) {
          signal += second.coordinate[i] * look.maps[i * cols + column];
        } else if (i < look.signal + look.weight && !look.weight_is_complement) {
          weight += second.coordinate[i] * look.maps[i * cols + column];
        }
      }
      add_square(x - signal, sign, look.signal_mean_outside[column], total.signal, total.moved_signal);
      add_square(x - weight, sign, look.weight_mean_outside[column], total.weight, total.moved_weight);
    });
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Scale& scale, const Second& second,
                                      const Third& third) const {
    const double norm = scale.own ? sqrt(second.square) : scale.norm;
    double* out = look.out + row * look.out_stride;
    put_four(third.signal, third.moved_signal, norm, scale, out);
    Third outside = third;
    if (look.weight_is_complement) {
      outside.weight = 0;
      outside.moved_weight = 0;
      const double sign = scale.own ? -scale.unscale : 1;
      for (std::size_t i = 0; i < most; ++i) {
        if (i >= look.signal && i < look.signal + look.weight) {
          add_square(second.coordinate[i], sign, look.mean_coordinates[i], outside.weight,
                     outside.moved_weight);
        }
      }
    }
    if (look.weight > 0) {
      put_four(outside.weight, outside.moved_weight, norm, scale, out + 4);
    } else {
      out[4] = out[5] = out[6] = out[7] = 0;
    }
    out[8] = error(row, look.signal + look.weight, look.affine, true, second, scale);
    out[9] = error(row, look.signal + look.weight + look.affine, look.published, false, second, scale);
    out[10] = scale.centred_norm <= look.least_norm ? 1 : 0;
  }

 private:
  COLLAPSCOPE_HOST_DEVICE double scaled(double value, std::size_t column, const Scale& scale) const {
    return scale.own ? scalbn(value, -scale.exponent) : value - look.mean[column];
  }

  COLLAPSCOPE_HOST_DEVICE static void add_square(double rest, double sign, double mean_outside,
                                                 double& square, double& moved_square) {
    const double moved = sign * rest + mean_outside;
    square += rest * rest;
    moved_square += moved * moved;
  }

  // As OutsideRows.
  COLLAPSCOPE_HOST_DEVICE static void put_four(double square, double moved, double norm, const Scale& scale,
                                               double* four) {
    const double plain = scale.own ? square : moved;
    const double centred = scale.own ? moved : square;
    four[0] = scale.own ? plain * scale.unscale * scale.unscale : plain;
    four[1] = norm > 0 ? plain / norm / norm : 0;
    four[2] = centred;
    four[3] = scale.centred_norm > 0 ? centred / scale.centred_norm / scale.centred_norm : 0;
  }

  // As MapErrors: of a map to `targets` targets that begins with direction `begin`; 0: there is none.
  COLLAPSCOPE_HOST_DEVICE double error(std::size_t row, std::size_t begin, std::size_t targets,
                                       bool about_mean, const Second& second, const Scale& scale) const {
    const double factor = scale.own ? scale.unscale : 1;
    const double means = (about_mean ? 0.0 : 1.0) - (scale.own ? 1.0 : 0.0);
    double sum = 0;
    for (std::size_t i = 0; i < most; ++i) {
      if (i >= begin && i < begin + targets) {
        const std::size_t j = i - begin;
        const double made = factor * second.coordinate[i];
        const double rest = look.y[row * look.targets + j] - look.target_mean[j] - made -
                            (means == 0 ? 0 : means * look.mean_coordinates[i]);
        sum += rest * rest;
      }
    }
    return sum;
  }

  // visit(number, column) for the lane's share of the row.
  template <class Visit>
  COLLAPSCOPE_HOST_DEVICE void for_each(std::size_t row, std::size_t lane, std::size_t lanes,
                                        const Visit& visit) const {
    constexpr std::size_t batch = width * most > most_held ? 2 : 4;  // as many as there are registers for
    const std::size_t packs = cols / width;
    for (std::size_t begin = lane; begin < packs; begin += batch * lanes) {
      Pack<double, width> values[batch];
      from.read(row * packs + begin, lanes, row * packs + packs, values);
      for (std::size_t b = 0; b < batch; ++b) {
        const std::size_t index = begin + b * lanes;
        for (std::size_t j = 0; j < width && index < packs; ++j) {
          visit(values[b].number[j], index * width + j);
        }
      }
    }
  }
};

}  // namespace collapscope::kernels
