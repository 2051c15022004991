#include "linalg/band_form.hpp"

#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <vector>

#include "linalg/blas.hpp"
#include "linalg/blas_size.hpp"
#include "linalg/decompose.hpp"
#include "linalg/reflectors.hpp"

namespace collapscope::linalg {

namespace {

constexpr std::size_t tile = 256;  // rows and columns of the matrix that a thread takes at a time

// For LAPACK, row i of the matrix is column i, and its lower triangle is our upper one.
class BandReduction {
 public:
  explicit BandReduction(MatrixView<double> a)
      : a_(a),
        d_(a.rows()),
        blocks_(Reflectors::blocks_of(d_ - band_width) * band_width, band_width),
        vw_(2 * band_width, d_),
        wv_(2 * band_width, d_),
        image_(band_width, d_),
        work_(3 * band_width, band_width) {}

  Matrix run() {
    for (std::size_t first = 0; first + band_width < d_; first += band_width) {
      const Panel panel{first + band_width, std::min(band_width, d_ - first - band_width),
                        blocks_.view().row(first).data()};
      factor(first, panel);
      multiply(panel);
      complete(panel);
      update_rest(panel);
    }
    return std::move(blocks_);
  }

 private:
  // Columns whose reflectors begin at row `from`: V of `count` columns, and their triangular factor T.
  struct Panel {
    std::size_t from;
    std::size_t count;
    double* t;
  };

  [[nodiscard]] double* column(std::size_t i) { return a_.data() + i * a_.stride(); }
  [[nodiscard]] int order() const { return narrow(d_); }

  // QR of the columns from `first` on, and a copy of V with its ones and zeros.
  void factor(std::size_t first, const Panel& panel) {
    const std::size_t rows = d_ - panel.from;
    LAPACKE_dgeqrt_work(LAPACK_COL_MAJOR, narrow(rows), narrow(band_width), narrow(panel.count),
                        column(first) + panel.from, narrow(a_.stride()), panel.t, narrow(band_width),
                        work_.data());
    for (std::size_t k = 0; k < panel.count; ++k) {
      double* const v = vw_.view().row(k).data() + panel.from;
      std::fill_n(v, k, 0.0);
      v[k] = 1;
      const double* const below = column(first + k) + panel.from;
      std::copy(below + k + 1, below + rows, v + k + 1);
    }
  }

  // The tiles of rows from a row on. Their edges stay the same ones, so that tiles on the diagonal stay
  // whole.
  struct Tiles {
    std::size_t from;
    std::size_t end;
    [[nodiscard]] std::size_t count() const { return (end + tile - 1) / tile - from / tile; }
    [[nodiscard]] std::size_t first(std::size_t i) const { return std::max(from, (from / tile + i) * tile); }
    [[nodiscard]] std::size_t last(std::size_t i) const {
      return std::min(end, (from / tile + i + 1) * tile);
    }
  };

  // A V, of what is left of A.
  void multiply(const Panel& panel) {
    const Tiles tiles{panel.from, d_};
    const int k = narrow(panel.count);
    share(tiles.count(), [&](std::size_t i) {
      const std::size_t first = tiles.first(i);
      const std::size_t last = tiles.last(i);
      double* const to = image_.data() + first;
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, narrow(last - first), k,
                  narrow(last - panel.from), 1.0, column(panel.from) + first, narrow(a_.stride()),
                  vw_.data() + panel.from, order(), 0.0, to, order());
      if (last < d_) {
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, narrow(last - first), k, narrow(d_ - last), 1.0,
                    column(first) + last, narrow(a_.stride()), vw_.data() + last, order(), 1.0, to, order());
      }
    });
  }

  // W = A V T - 1/2 V T^T V^T A V T: then Q^T A Q = A - V W^T - W V^T.
  void complete(const Panel& panel) {
    const int k = narrow(panel.count);
    constexpr int width = int(band_width);
    double* const along = work_.data();  // V^T A V
    double* const along_t = along + band_width * band_width;
    double* const half = along_t + band_width * band_width;
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, k, narrow(d_ - panel.from), 1.0,
                vw_.data() + panel.from, order(), image_.data() + panel.from, order(), 0.0, along, width);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, k, k, k, 1.0, along, width, panel.t, width, 0.0,
                along_t, width);
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, k, k, -0.5, panel.t, width, along_t, width, 0.0,
                half, width);
    const Tiles tiles{panel.from, d_};
    share(tiles.count(), [&](std::size_t i) {
      const std::size_t first = tiles.first(i);
      const std::size_t rows = tiles.last(i) - first;
      double* const v = vw_.data() + first;
      double* const w = v + panel.count * d_;
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, narrow(rows), k, k, 1.0, image_.data() + first,
                  order(), panel.t, width, 0.0, w, order());
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, narrow(rows), k, k, 1.0, v, order(), half, width,
                  1.0, w, order());
      double* const other = wv_.data() + first;
      for (std::size_t j = 0; j < panel.count; ++j) {
        std::copy_n(w + j * d_, rows, other + j * d_);
        std::copy_n(v + j * d_, rows, other + (panel.count + j) * d_);
      }
    });
  }

  // A -= [V W] [W V]^T.
  void update_rest(const Panel& panel) {
    const Tiles tiles{panel.from, d_};
    const std::size_t count = tiles.count();
    share(count * (count + 1) / 2, [&](std::size_t number) {
      std::size_t left = 0;
      while (number >= count - left) {
        number -= count - left;
        ++left;
      }
      const std::size_t j = tiles.first(left);
      const std::size_t i = tiles.first(left + number);
      cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, narrow(tiles.last(left + number) - i),
                  narrow(tiles.last(left) - j), narrow(2 * panel.count), -1.0, vw_.data() + i, order(),
                  wv_.data() + j, order(), 1.0, column(j) + i, narrow(a_.stride()));
    });
  }

  MatrixView<double> a_;
  std::size_t d_;
  Matrix blocks_;
  Matrix vw_;     // V, and W below: [2 count, d]
  Matrix wv_;     // W, and V below
  Matrix image_;  // A V
  Matrix work_;   // three small ones
};

}  // namespace

Matrix reduce_to_band(MatrixView<double> a) { return BandReduction(a).run(); }

}  // namespace collapscope::linalg
