// The second look at rows that are projected on few directions: all of it in one pass over the rows as
// stored. What wider projections take several kernels and a product for: kernels/residual_op.hpp,
// kernels/own_scale_op.hpp.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "look_row.hpp"

namespace collapscope::kernels {

// Rows that are looked at together, so that a number of a map is loaded once for all of them: as many as
// registers hold the coordinates of.
constexpr std::size_t look_tile(std::size_t most) { return most <= 12 ? 4 : most <= 16 ? 3 : 2; }

// Over tiles of rows, in two steps, the second of which reads the rows again, from a cache: coordinates about
// the mean; norms, and parts outside the subspaces, formed and then squared. With width 2 everything is
// aligned to pairs and the number of columns is even. `most`: directions, at most; a multiple of 4.
template <std::size_t width, std::size_t most>
struct LookRows : LookRow<width> {
  using One = LookRow<width>;
  using One::cols;
  using One::from;
  using One::look;
  using One::row_count;

  static constexpr std::size_t tile = look_tile(most);
  // That share a multiprocessor, at least: a thread has 168 registers, or 255.
  static constexpr unsigned blocks = most <= 16 ? 3 : 2;

  // Of each row: the coordinates; of the rests of the signal and of the weight the square, and moved; norms.
  struct First {
    static constexpr std::size_t numbers = most;
  };
  struct Second {
    static constexpr std::size_t square = 4;
    static constexpr std::size_t centred_square = 5;
    static constexpr std::size_t numbers = 6;
  };

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return row_count; }
  [[nodiscard]] Traffic traffic() const {
    const std::size_t maps = look.directions() * cols + 3 * cols;
    const std::size_t errors = (look.affine > 0 ? 1 : 0) + (look.published > 0 ? 1 : 0);
    return {row_count * (cols * size_of(from.kind) + errors * look.targets * sizeof(double)) +
                maps * sizeof(double),
            row_count * LookArguments::columns * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void first(std::size_t begin, unsigned lane, unsigned lanes,
                                     double (&sums)[tile * First::numbers]) const {
    const auto directions = static_cast<unsigned>(look.directions());
    for_each<true>(begin, lane, lanes, [&](Rows& x, const Numbers& mean, unsigned index) {
      subtract(x, mean);
      const std::size_t stride = not_held(cols);
      for (unsigned i = 0; i < most; i += 4) {
        if (i + 4 <= directions) {
          project(x, i, look.maps + i * stride + index * width, stride, 4, sums);
        } else if (i < directions) {
          project(x, i, look.maps + i * stride + index * width, stride, directions - i, sums);
        }
      }
    });
  }

  // first: the totals of the first step. Returns marks: bit 2 r and bit 2 r + 1, that not all numbers of row
  // begin + r are zeros, and not all less the mean.
  COLLAPSCOPE_HOST_DEVICE std::uint32_t second(std::size_t begin, unsigned lane, unsigned lanes,
                                               const double* first,
                                               double (&sums)[tile * Second::numbers]) const {
    const double* const maps = look.maps;
    std::uint32_t seen[2 * tile] = {};
    {
      const Part signal(first, maps, look.signal, cols, look.signal_mean_outside);
      for_each<false>(begin, lane, lanes, [&](Rows& x, const Numbers& mean, unsigned index) {
        add_squares(x, seen, 0, sums, Second::square);
        subtract(x, mean);
        add_squares(x, seen, 1, sums, Second::centred_square);
        signal.add_rests(x, index, sums, 0);
      });
    }
    if (One::has_weight_rests()) {
      const Part weight(first + look.signal, maps + look.signal * cols, look.weight, cols,
                        look.weight_mean_outside);
      for_each<false>(begin, lane, lanes, [&](Rows& x, const Numbers& mean, unsigned index) {
        subtract(x, mean);
        weight.add_rests(x, index, sums, 2);
      });
    }
    std::uint32_t marks = 0;
    for (std::size_t i = 0; i < 2 * tile; ++i) {
      marks |= seen[i] != 0 ? 1U << i : 0;
    }
    return marks;
  }

  // Half k / tile of row begin + k % tile, unless that has to be taken by itself: then false.
  COLLAPSCOPE_HOST_DEVICE bool finish_one(std::size_t begin, std::size_t k, std::uint32_t marks,
                                          const double* first, const double* second) const {
    const std::size_t r = k % tile;
    const std::size_t half = k / tile;
    if (begin + r >= row_count) {
      return true;
    }
    first += r * First::numbers;
    second += r * Second::numbers;
    const double square = second[Second::square];
    const double centred_square = second[Second::centred_square];
    const bool zero = (marks >> (2 * r) & 1U) == 0;
    const bool centred_zero = (marks >> (2 * r) & 2U) == 0;
    if (!(zero || is_usual(square)) || !(centred_zero || is_usual(centred_square))) {
      return false;
    }
    const typename One::Scale scale{sqrt(square), sqrt(centred_square), 0, 0, false};
    if (needs_own_scale(scale.norm, scale.centred_norm)) {
      return false;
    }
    One::finish(begin + r, half, scale, scale.norm, first, second[2 * half], second[2 * half + 1]);
    return true;
  }

 private:
  // `value`, so that a device computes what depends on it where that is needed, and holds none of it.
  COLLAPSCOPE_HOST_DEVICE static std::size_t not_held(std::size_t value) {
#if defined(__CUDA_ARCH__)
    asm volatile("" : "+l"(value));
#endif
    return value;
  }

  using Numbers = Pack<double, width>;
  using Rows = Numbers[tile];

  // What rows have in a subspace: along directions that `along` begins with, of which `coordinates` has the
  // first row's.
  struct Part {
    static constexpr std::size_t most_held = 4;  // coordinates of a row in registers

    COLLAPSCOPE_HOST_DEVICE Part(const double* coordinates_, const double* along_, std::size_t count_,
                                 std::size_t cols_, const double* mean_outside_)
        : coordinates(coordinates_), along(along_), count(count_), cols(cols_), mean_outside(mean_outside_) {
      for (std::size_t r = 0; r < tile; ++r) {
        for (std::size_t i = 0; i < most_held; ++i) {
          held[r][i] = i < count ? coordinates[r * First::numbers + i] : 0;
        }
      }
    }

    // Leaves the rests in x.
    COLLAPSCOPE_HOST_DEVICE void add_rests(Rows& x, unsigned index, double (&sums)[tile * Second::numbers],
                                           std::size_t to) const {
      for (std::size_t i = 0; i < most_held; ++i) {
        if (i < count) {
          const auto part = load_pack<double, width>(along + i * cols, index);
          for (std::size_t r = 0; r < tile; ++r) {
            for (std::size_t j = 0; j < width; ++j) {
              x[r].number[j] -= held[r][i] * part.number[j];
            }
          }
        }
      }
      COLLAPSCOPE_ROLLED for (std::size_t i = most_held; i < count; ++i) {
        const auto part = load_pack<double, width>(along + i * cols, index);
        for (std::size_t r = 0; r < tile; ++r) {
          for (std::size_t j = 0; j < width; ++j) {
            x[r].number[j] -= coordinates[r * First::numbers + i] * part.number[j];
          }
        }
      }
      const auto outside = load_pack<double, width>(mean_outside, index);
      for (std::size_t r = 0; r < tile; ++r) {
        for (std::size_t j = 0; j < width; ++j) {
          One::add_square(x[r].number[j], 1, outside.number[j], sums[r * Second::numbers + to],
                          sums[r * Second::numbers + to + 1]);
        }
      }
    }

    const double* coordinates;
    const double* along;
    std::size_t count;
    std::size_t cols;
    const double* mean_outside;
    double held[tile][most_held];
  };

  // visit(numbers of each row, of the mean, pack) for the lane's share of the rows; what lies behind the last
  // row is as that. asks: the rows come from memory, and are asked for a step ahead.
  template <bool asks, class Visit>
  COLLAPSCOPE_HOST_DEVICE void for_each(std::size_t begin, unsigned lane, unsigned lanes,
                                        const Visit& visit) const {
    const auto packs = static_cast<unsigned>(cols / width);
    unsigned behind[tile];
    for (unsigned r = 0; r < tile; ++r) {
      behind[r] = begin + r < row_count ? r * packs : static_cast<unsigned>(row_count - 1 - begin) * packs;
    }
    COLLAPSCOPE_ROLLED for (unsigned index = lane; index < packs; index += lanes) {
      const unsigned ahead = asks && index + lanes < packs ? lanes : 0;
      Rows x;
      from.read_at(begin * packs + index, behind, ahead, x);
      visit(x, load_pack<double, width>(look.mean, index), index);
    }
  }

  COLLAPSCOPE_HOST_DEVICE static void subtract(Rows& x, const Numbers& mean) {
    for (std::size_t r = 0; r < tile; ++r) {
      for (std::size_t j = 0; j < width; ++j) {
        x[r].number[j] -= mean.number[j];
      }
    }
  }

  COLLAPSCOPE_HOST_DEVICE static void add_squares(const Rows& x, std::uint32_t (&seen)[2 * tile],
                                                  std::size_t which, double (&sums)[tile * Second::numbers],
                                                  std::size_t to) {
    for (std::size_t r = 0; r < tile; ++r) {
      for (std::size_t j = 0; j < width; ++j) {
        const double value = x[r].number[j];
        sums[r * Second::numbers + to] += value * value;
        seen[2 * r + which] |= folded(value);
      }
    }
  }

  // 0 only for +0.
  COLLAPSCOPE_HOST_DEVICE static std::uint32_t folded(double value) {
    std::uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return static_cast<std::uint32_t>(bits) | static_cast<std::uint32_t>(bits >> 32U);
  }

  COLLAPSCOPE_HOST_DEVICE static bool is_usual(double square) { return square > 1e-280 && is_finite(square); }

  // On directions i ... i + 3, whose numbers lie at `maps` and further ones. Of those behind the first
  // `count` the last takes the place; what it adds to their coordinates is not used.
  COLLAPSCOPE_HOST_DEVICE static void project(const Rows& x, unsigned i, const double* maps,
                                              std::size_t stride, unsigned count,
                                              double (&sums)[tile * First::numbers]) {
    Numbers along[4];
    for (unsigned k = 0; k < 4; ++k) {
      along[k] = load_pack<double, width>(maps, 0);
      maps += k + 1 < count ? stride : 0;
    }
    for (unsigned k = 0; k < 4; ++k) {
      for (std::size_t j = 0; j < width; ++j) {
        for (std::size_t r = 0; r < tile; ++r) {
          sums[r * First::numbers + i + k] += along[k].number[j] * x[r].number[j];
        }
      }
    }
  }
};

}  // namespace collapscope::kernels
