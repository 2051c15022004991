#include "linalg/bulge_chasing.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <thread>

#include "linalg/band_form.hpp"
#include "linalg/blas.hpp"
#include "linalg/eight.hpp"

namespace collapscope::linalg {

namespace {

// H = I - factor v v^T, v[0] = 1.
struct Reflector {
  alignas(64) double v[band_width];
  double factor;
};

// A block of the band: column j begins at `first` + j * stride.
struct BandBlock {
  double* first;
  std::size_t stride;
};

// B's columns from the diagonal down, with room for twice the width, and behind them a width of zeros, so
// that all blocks are whole. Before each column there is room for the tile on the diagonal.
class BandColumns {
 public:
  explicit BandColumns(MatrixView<const double> a)
      : d_(a.rows()), numbers_((d_ + 2 * band_width) * length, 0.0) {
    for (std::size_t j = 0; j < d_; ++j) {
      std::copy_n(&a(j, j), std::min(band_width + 1, d_ - j), at(j, j));
    }
  }

  [[nodiscard]] std::size_t order() const { return d_; }
  [[nodiscard]] double* at(std::size_t i, std::size_t j) {
    return numbers_.data() + 8 + j * length + (i - j);
  }
  [[nodiscard]] BandBlock block(std::size_t i, std::size_t j) { return {at(i, j), length - 1}; }

 private:
  static constexpr std::size_t length = 2 * band_width + 8;

  std::size_t d_;
  std::vector<double> numbers_;
};

// H x = (first, 0, ...); returns `first`. x: band_width numbers of a matrix of norm near 1.
[[gnu::always_inline]] inline double reflect(const double* x, Reflector& h) {
  constexpr double nothing = 1e-280;  // squares below lose digits
  double rest = 0;
  for (std::size_t i = 1; i < band_width; ++i) {
    rest += x[i] * x[i];
  }
  h.v[0] = 1;
  if (rest < nothing) {
    std::fill_n(h.v + 1, band_width - 1, 0.0);
    h.factor = 0;
    return x[0];
  }
  const double first = -std::copysign(std::sqrt(x[0] * x[0] + rest), x[0]);
  h.factor = (first - x[0]) / first;
  const double scale = 1 / (x[0] - first);
  for (std::size_t i = 1; i < band_width; ++i) {
    h.v[i] = x[i] * scale;
  }
  return first;
}

// 1 where a row of an 8 x 8 tile is below the column.
constexpr double below_diagonal[8][8] = {
    {0, 1, 1, 1, 1, 1, 1, 1}, {0, 0, 1, 1, 1, 1, 1, 1}, {0, 0, 0, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 1, 1, 1, 1},
    {0, 0, 0, 0, 0, 1, 1, 1}, {0, 0, 0, 0, 0, 0, 1, 1}, {0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0}};

// H D H of a block on the diagonal, of which only the lower triangle is there.
template <class Lanes>
[[gnu::always_inline]] inline void reflect_both_sides(const BandBlock& block, const Reflector& h) {
  using Numbers = typename Lanes::Numbers;
  constexpr std::size_t lanes = Lanes::count;
  constexpr std::size_t parts = band_width / lanes;
  if (h.factor == 0) {
    return;
  }
  Numbers v[parts];
  Numbers image[parts] = {};  // D v
  alignas(64) double across[band_width];
  for (std::size_t t = 0; t < parts; ++t) {
    load(v[t], h.v + lanes * t);
  }
#pragma GCC unroll 8
  for (std::size_t g = 0; g < parts; ++g) {
    for (std::size_t k = 0; k < lanes; ++k) {
      const std::size_t j = lanes * g + k;
      const double* const column = block.first + j * block.stride;
      const double at = h.v[j];
      Numbers x;
      Numbers below;
      load(x, column + lanes * g);
      load(below, below_diagonal[k]);
      x *= below;
      image[g] += x * at;
      Numbers along = x * v[g];
      for (std::size_t t = g + 1; t < parts; ++t) {
        load(x, column + lanes * t);
        image[t] += x * at;
        along += x * v[t];
      }
      across[j] = sum_of(along) + column[j] * at;
    }
  }
  Numbers along = {};
  for (std::size_t t = 0; t < parts; ++t) {
    Numbers x;
    load(x, across + lanes * t);
    image[t] = (image[t] + x) * h.factor;
    along += image[t] * v[t];
  }
  const double half = -0.5 * h.factor * sum_of(along);
  alignas(64) double w[band_width];
  for (std::size_t t = 0; t < parts; ++t) {
    image[t] += half * v[t];
    store(w + lanes * t, image[t]);
  }
#pragma GCC unroll 8
  for (std::size_t g = 0; g < parts; ++g) {
    for (std::size_t k = 0; k < lanes; ++k) {
      const std::size_t j = lanes * g + k;
      double* const column = block.first + j * block.stride;
      for (std::size_t t = g; t < parts; ++t) {
        Numbers x;
        load(x, column + lanes * t);
        x -= v[t] * w[j] + image[t] * h.v[j];
        store(column + lanes * t, x);
      }
    }
  }
}

// E becomes E H, which fills it, and then G E H, whose first column G clears below its first number.
template <class Lanes>
[[gnu::always_inline]] inline void pass_on(const BandBlock& block, const Reflector& h, Reflector& g) {
  using Numbers = typename Lanes::Numbers;
  constexpr std::size_t lanes = Lanes::count;
  constexpr std::size_t parts = band_width / lanes;
  Numbers image[parts] = {};  // E v
  for (std::size_t j = 0; j < band_width; ++j) {
    for (std::size_t t = 0; t < parts; ++t) {
      Numbers x;
      load(x, block.first + j * block.stride + lanes * t);
      image[t] += x * h.v[j];
    }
  }
  alignas(64) double first[band_width];
  for (std::size_t t = 0; t < parts; ++t) {
    image[t] *= h.factor;
    Numbers x;
    load(x, block.first + lanes * t);
    x -= image[t];
    store(first + lanes * t, x);
  }
  *block.first = reflect(first, g);
  std::fill_n(block.first + 1, band_width - 1, 0.0);
  Numbers v[parts];
  for (std::size_t t = 0; t < parts; ++t) {
    load(v[t], g.v + lanes * t);
  }
  for (std::size_t j = 1; j < band_width; ++j) {
    double* const column = block.first + j * block.stride;
    Numbers along = {};
    for (std::size_t t = 0; t < parts; ++t) {
      Numbers x;
      load(x, column + lanes * t);
      x -= image[t] * h.v[j];
      along += x * v[t];
      store(column + lanes * t, x);
    }
    const double times = g.factor * sum_of(along);
    for (std::size_t t = 0; t < parts; ++t) {
      Numbers x;
      load(x, column + lanes * t);
      x -= v[t] * times;
      store(column + lanes * t, x);
    }
  }
}

// How many blocks a step has done. Each has a line of the cache of its own.
struct alignas(64) Progress {
  std::atomic<std::size_t> blocks{0};
};

constexpr std::size_t all_blocks = std::numeric_limits<std::size_t>::max();
constexpr std::size_t blocks_behind = 3;  // the step before works no more on what a step touches

[[gnu::always_inline]] inline void wait_for(const Progress* before, std::size_t blocks) {
  constexpr int turns = 2000;  // then somebody else may need this core to get there
  for (int turn = 0; before != nullptr && before->blocks.load(std::memory_order_acquire) < blocks; ++turn) {
    if (turn >= turns) {
      std::this_thread::yield();
    }
  }
}

void keep(const Reflector& h, std::size_t count, double* to) {
  to[0] = h.factor;
  std::copy_n(h.v + 1, count - 1, to + 1);
}

// `kept`: the step's reflectors. `before`: the step before, or nullptr.
template <class Lanes>
[[gnu::always_inline]] inline void chase(BandColumns& band, std::size_t step, double* kept,
                                         const Progress* before, Progress& done) {
  const std::size_t d = band.order();
  Reflector reflectors[2];
  std::size_t blocks = 0;
  std::size_t row = step + 1;
  wait_for(before, blocks_behind);
  double* const beside = band.at(row, step);
  *beside = reflect(beside, reflectors[0]);
  std::fill_n(beside + 1, band_width - 1, 0.0);
  for (;;) {
    const Reflector& h = reflectors[blocks % 2];
    reflect_both_sides<Lanes>(band.block(row, row), h);
    keep(h, std::min(band_width, d - row), kept + (row - step - 1));
    done.blocks.store(++blocks, std::memory_order_release);
    if (row + band_width >= d) {
      break;
    }
    wait_for(before, blocks + blocks_behind);
    pass_on<Lanes>(band.block(row + band_width, row), h, reflectors[blocks % 2]);
    row += band_width;
  }
  done.blocks.store(all_blocks, std::memory_order_release);
}

// The reflector that a step kept for some rows of x, eight numbers each.
[[gnu::always_inline]] inline void reflect_rows(const double* kept, std::size_t size, double* x) {
  Eight sums[4] = {};  // which do not wait for one another
  Eight row;
  std::size_t next = 1;
  for (; next + 4 <= size; next += 4) {
    for (std::size_t k = 0; k < 4; ++k) {
      load(row, x + 8 * (next + k));
      sums[k] += row * kept[next + k];
    }
  }
  for (; next < size; ++next) {
    load(row, x + 8 * next);
    sums[0] += row * kept[next];
  }
  load(row, x);
  const Eight along = (((sums[0] + sums[1]) + (sums[2] + sums[3])) + row) * kept[0];
  row -= along;
  store(x, row);
  for (std::size_t i = 1; i < size; ++i) {
    load(row, x + 8 * i);
    row -= along * kept[i];
    store(x + 8 * i, row);
  }
}

// Some steps one after another on x [d, 8]. A step's own reflectors do not touch one another, so that the
// steps go through x together, block by block and each a row behind: x comes from the cache once for all.
[[gnu::always_inline]] inline void apply_steps(MatrixView<const double> a, std::size_t first_step,
                                               std::size_t steps, bool transposed, double* x) {
  const std::size_t d = a.rows();
  const std::size_t blocks = (d - 1 - first_step + band_width - 1) / band_width;
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::size_t at = (transposed ? blocks - 1 - b : b) * band_width;
    for (std::size_t s = 0; s < steps; ++s) {
      const std::size_t step = first_step + (transposed ? s : steps - 1 - s);
      const std::size_t row = step + 1 + at;
      if (row >= d) {
        continue;
      }
      const double* const kept = a.data() + (d - 1 - step) * a.stride() + at;
      if (row + band_width <= d) {
        reflect_rows(kept, band_width, x + 8 * row);
      } else {
        reflect_rows(kept, d - row, x + 8 * row);
      }
    }
  }
}

struct ChasingLoops {
  void (*chase)(BandColumns&, std::size_t, double*, const Progress*, Progress&);
  void (*apply)(MatrixView<const double>, std::size_t, std::size_t, bool, double*);
};

void plain_chase(BandColumns& band, std::size_t step, double* kept, const Progress* before, Progress& done) {
  chase<FourLanes>(band, step, kept, before, done);
}
void plain_apply(MatrixView<const double> a, std::size_t first, std::size_t steps, bool transposed,
                 double* x) {
  apply_steps(a, first, steps, transposed, x);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void avx2_chase(BandColumns& band, std::size_t step, double* kept,
                                            const Progress* before, Progress& done) {
  chase<FourLanes>(band, step, kept, before, done);
}
[[gnu::target("avx2,fma")]] void avx2_apply(MatrixView<const double> a, std::size_t first, std::size_t steps,
                                            bool transposed, double* x) {
  apply_steps(a, first, steps, transposed, x);
}
[[gnu::target("avx512f")]] void avx512_chase(BandColumns& band, std::size_t step, double* kept,
                                             const Progress* before, Progress& done) {
  chase<EightLanes>(band, step, kept, before, done);
}
[[gnu::target("avx512f")]] void avx512_apply(MatrixView<const double> a, std::size_t first, std::size_t steps,
                                             bool transposed, double* x) {
  apply_steps(a, first, steps, transposed, x);
}
#endif

ChasingLoops best_chasing_loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    return {avx512_chase, avx512_apply};
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {avx2_chase, avx2_apply};
  }
#endif
  return {plain_chase, plain_apply};
}

const ChasingLoops& chasing_loops() {
  static const ChasingLoops found = best_chasing_loops();
  return found;
}

}  // namespace

Tridiagonal chase_bulges(MatrixView<double> a) {
  BandColumns band(a);
  const std::size_t d = a.rows();
  const std::size_t steps = d - 1;
  const auto progress = std::make_unique<Progress[]>(steps);
  share(steps, [&](std::size_t step) {
    const Progress* const before = step == 0 ? nullptr : &progress[step - 1];
    chasing_loops().chase(band, step, a.row(d - 1 - step).data(), before, progress[step]);
  });
  Tridiagonal form{std::vector<double>(d), std::vector<double>(steps)};
  for (std::size_t j = 0; j < d; ++j) {
    form.diagonal[j] = *band.at(j, j);
    if (j < steps) {
      form.beside[j] = *band.at(j + 1, j);
    }
  }
  return form;
}

void apply_chased(MatrixView<const double> a, MatrixView<double> rows, bool transposed) {
  const std::size_t d = a.rows();
  std::vector<double> x(8 * d);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      x[8 * j + i] = rows(i, j);
    }
  }
  constexpr std::size_t together = 16;
  const std::size_t groups = (d - 1 + together - 1) / together;
  for (std::size_t i = 0; i < groups; ++i) {
    const std::size_t first = (transposed ? i : groups - 1 - i) * together;
    chasing_loops().apply(a, first, std::min(together, d - 1 - first), transposed, x.data());
  }
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      rows(i, j) = x[8 * j + i];
    }
  }
}

}  // namespace collapscope::linalg
