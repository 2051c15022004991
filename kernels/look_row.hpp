// The second look at one row: what is summed of it, and a row that has to be taken by itself, in steps.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "finite.hpp"
#include "own_scale.hpp"
#include "row_norm.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// By itself is taken a row that may have its own scale, whose squares left the range of float64, or that is
// not finite. Such rows are few: what they take is little code and few registers, but more reading.
template <std::size_t width>
struct LookRow {
  StoredNumbers from;
  std::size_t row_count;
  std::size_t cols;
  LookArguments look;
  FiniteCheck check;

  struct Norms {
    double square;
    double centred_square;
    std::uint64_t seen;
    std::uint64_t centred_seen;
  };
  struct Coordinates {
    double coordinate[4];
  };
  struct Rests {
    double signal;
    double moved_signal;
    double weight;
    double moved_weight;
    double square;  // of the row with its own scale
  };
  // What the norms say of a row.
  struct Scale {
    double norm;
    double centred_norm;
    double unscale;  // of a row with its own scale, what takes it back; else 0
    int exponent;
    bool own;
  };

  COLLAPSCOPE_HOST_DEVICE static Norms combine(const Norms& a, const Norms& b) {
    return {a.square + b.square, a.centred_square + b.centred_square, a.seen | b.seen,
            a.centred_seen | b.centred_seen};
  }
  COLLAPSCOPE_HOST_DEVICE static Coordinates combine(const Coordinates& a, const Coordinates& b) {
    Coordinates sum;
    for (std::size_t i = 0; i < 4; ++i) {
      sum.coordinate[i] = a.coordinate[i] + b.coordinate[i];
    }
    return sum;
  }
  COLLAPSCOPE_HOST_DEVICE static Rests combine(const Rests& a, const Rests& b) {
    return {a.signal + b.signal, a.moved_signal + b.moved_signal, a.weight + b.weight,
            a.moved_weight + b.moved_weight, a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE Norms norms(std::size_t row, std::size_t lane, std::size_t lanes) const {
    Norms total{0, 0, 0, 0};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double centred = value - look.mean[column];
      total.square += value * value;
      total.seen |= magnitude_bits(value);
      total.centred_square += centred * centred;
      total.centred_seen |= magnitude_bits(centred);
    });
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE Scale found(std::size_t row, const Norms& total) const {
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

  // On directions begin ... begin + 3, zeros where there are none.
  COLLAPSCOPE_HOST_DEVICE Coordinates coordinates(std::size_t row, std::size_t lane, std::size_t lanes,
                                                  const Scale& scale, std::size_t begin) const {
    Coordinates total{};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double x = scaled(value, column, scale);
      for (std::size_t i = 0; i < 4; ++i) {
        if (begin + i < look.directions()) {
          total.coordinate[i] += look.maps[(begin + i) * cols + column] * x;
        }
      }
    });
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE Rests rests(std::size_t row, std::size_t lane, std::size_t lanes,
                                      const Scale& scale, const double* coordinates) const {
    const double sign = scale.own ? -scale.unscale : 1;
    Rests total{};
    for_each(row, lane, lanes, [&](double value, std::size_t column) {
      const double x = scaled(value, column, scale);
      total.square += x * x;
      add_square(x - within(0, look.signal, coordinates, column), sign, look.signal_mean_outside[column],
                 total.signal, total.moved_signal);
      if (has_weight_rests()) {
        add_square(x - within(look.signal, look.weight, coordinates, column), sign,
                   look.weight_mean_outside[column], total.weight, total.moved_weight);
      }
    });
    return total;
  }

  // One of two halves of what is written of a row: the signal and the affine map; the weight, the published
  // map and whether it is at the mean. square, moved: of the rests, where there are any.
  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, std::size_t half, const Scale& scale, double norm,
                                      const double* coordinates, double square, double moved) const {
    double* const out = look.out + row * look.out_stride;
    if (half == 1 && look.weight_is_complement) {
      square = 0;
      moved = 0;
      const double sign = scale.own ? -scale.unscale : 1;
      for (std::size_t i = look.signal; i < look.signal + look.weight; ++i) {
        add_square(coordinates[i], sign, look.mean_coordinates[i], square, moved);
      }
    }
    const bool empty = half == 1 && look.weight == 0;
    put_four(empty ? 0 : square, empty ? 0 : moved, norm, scale, out + 4 * half);
    const std::size_t before = look.signal + look.weight;
    out[8 + half] = half == 0 ? error(row, before, look.affine, true, coordinates, scale)
                              : error(row, before + look.affine, look.published, false, coordinates, scale);
    if (half == 1) {
      out[10] = scale.centred_norm <= look.least_norm ? 1 : 0;
    }
  }

  [[nodiscard]] COLLAPSCOPE_HOST_DEVICE bool has_weight_rests() const {
    return look.weight > 0 && !look.weight_is_complement;
  }

  COLLAPSCOPE_HOST_DEVICE static void add_square(double rest, double sign, double mean_outside,
                                                 double& square, double& moved_square) {
    const double moved = sign * rest + mean_outside;
    square += rest * rest;
    moved_square += moved * moved;
  }

 private:
  COLLAPSCOPE_HOST_DEVICE double scaled(double value, std::size_t column, const Scale& scale) const {
    return scale.own ? scalbn(value, -scale.exponent) : value - look.mean[column];
  }

  COLLAPSCOPE_HOST_DEVICE double within(std::size_t begin, std::size_t count, const double* coordinates,
                                        std::size_t column) const {
    double sum = 0;
    COLLAPSCOPE_ROLLED for (std::size_t i = begin; i < begin + count; ++i) {
      sum += coordinates[i] * look.maps[i * cols + column];
    }
    return sum;
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
                                       bool about_mean, const double* coordinates, const Scale& scale) const {
    const double factor = scale.own ? scale.unscale : 1;
    const double means = (about_mean ? 0.0 : 1.0) - (scale.own ? 1.0 : 0.0);
    double sum = 0;
    for (std::size_t j = 0; j < targets; ++j) {
      const double made = factor * coordinates[begin + j];
      const double rest = look.y[row * look.targets + j] - look.target_mean[j] - made -
                          (means == 0 ? 0 : means * look.mean_coordinates[begin + j]);
      sum += rest * rest;
    }
    return sum;
  }

  // visit(number, column) for the lane's share of the row.
  template <class Visit>
  COLLAPSCOPE_HOST_DEVICE void for_each(std::size_t row, std::size_t lane, std::size_t lanes,
                                        const Visit& visit) const {
    constexpr std::size_t batch = 2;
    const std::size_t packs = cols / width;
    COLLAPSCOPE_ROLLED for (std::size_t begin = lane; begin < packs; begin += batch * lanes) {
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
