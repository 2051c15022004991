// What the kernels are given: device pointers and shapes, in plain structs that need no CUDA header.
#pragma once

#include <cstddef>
#include <cstdint>

#include "collapscope/core/element.hpp"
#include "element.hpp"
#include "traffic.hpp"

namespace collapscope::kernels {

struct DeviceMatrix {
  double* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;  // doubles from row to row, >= cols
};

struct FloatMatrix {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;  // floats from row to row, >= cols
};

// Rows of numbers as stored, back to back; `bytes` is aligned to the element's size at least.
struct StoredRows {
  const std::byte* bytes = nullptr;
  ElementType element;
  std::size_t rows = 0;
  std::size_t cols = 0;
};

// Where a NaN or Inf is reported: *first becomes the least of itself and the offending row's sample,
// first_sample + (skip_rows + row) / rows_per_sample.
struct FiniteCheck {
  std::uint64_t* first = nullptr;
  std::uint64_t first_sample = 0;
  std::size_t skip_rows = 0;
  std::size_t rows_per_sample = 1;
};

// Columns [rows] that a row pass writes; null: not wanted. Each is by itself: memory moves sectors of four
// doubles, and reads one of which only a part is written.
struct RowStats {
  double* norm = nullptr;            // |h|, without overflow or underflow of the squares
  double* is_zero = nullptr;         // 1 where |h| = 0, else 0
  double* shifted_norm = nullptr;    // |h - shift|, likewise
  double* shifted_square = nullptr;  // |h - shift|^2

  // Columns that are wanted.
  [[nodiscard]] std::size_t count() const {
    std::size_t wanted = 0;
    for (const double* column : {norm, is_zero, shifted_norm, shifted_square}) {
      wanted += column == nullptr ? 0 : 1;
    }
    return wanted;
  }
};

// Norms of rows [rows], as a row pass left them.
struct RowNorms {
  const double* plain = nullptr;
  const double* centred = nullptr;
  // Of rows that were given their own scale, what takes them back; else 0. Null: no row was.
  const double* unscale = nullptr;

  [[nodiscard]] COLLAPSCOPE_HOST_DEVICE double unscale_of(std::size_t row) const {
    return unscale == nullptr ? 0 : unscale[row];
  }
};

// Directions that one pass of a second look can project on, and numbers of the maps that are more than 16:
// 128 KiB, half of a multiprocessor's memory.
inline constexpr std::size_t most_look_directions = 32;
inline constexpr std::size_t most_cached_maps = std::size_t{1} << 14U;

// What a second look projects on, and where what it sums goes. The directions lie one after another: of the
// signal, of the weight, of the affine and of the published map.
struct LookArguments {
  static constexpr std::size_t columns =
      11;  // of `out`: signal [4], weight [4], affine, published, at the mean

  const double* maps = nullptr;  // [directions, d]
  std::size_t signal = 0;        // directions
  std::size_t weight = 0;
  bool weight_is_complement = false;  // what is outside the weight's row space
  std::size_t affine = 0;             // targets, or 0
  std::size_t published = 0;
  const double* mean = nullptr;                 // of the rows [d]
  const double* mean_coordinates = nullptr;     // [directions]
  const double* signal_mean_outside = nullptr;  // [d]
  const double* weight_mean_outside = nullptr;
  const double* target_mean = nullptr;  // [targets]
  const double* y = nullptr;            // [rows, targets]
  std::size_t targets = 0;
  double least_norm = 0;  // rows not farther from the mean lie at it
  double* out = nullptr;  // [rows, columns]
  std::size_t out_stride = 0;

  [[nodiscard]] COLLAPSCOPE_HOST_DEVICE std::size_t directions() const {
    return signal + weight + affine + published;
  }
};

// Rows of a part in the order of their classes, each class's rows in theirs: runs, which are cut into chunks.
struct ClassRuns {
  static constexpr std::size_t chunk_rows = 64;  // at most

  const std::uint32_t* order = nullptr;        // [rows]
  const std::uint32_t* chunk_begin = nullptr;  // in `order` [chunks + 1]
  const std::uint32_t* run_begin = nullptr;    // in the chunks [runs + 1]
  const std::uint32_t* run_class = nullptr;    // [runs], ascending
  std::size_t chunks = 0;
  std::size_t runs = 0;
};

// A search for the best of some vectors for each row, block by block of them. A score is a product with the
// row and an offset; rows whose best scores lie within what rounding may change are decided one by one.
struct BestSearch {
  DeviceMatrix scores;              // of this block [rows, some], without offsets
  std::size_t first = 0;            // vector of it
  const double* offsets = nullptr;  // of all vectors
  const double* vectors = nullptr;  // [., cols]
  std::size_t cols = 0;             // of a row and of a vector
  const double* norm = nullptr;     // of the rows
  double rounding = 0;              // of a score: times the row's norm, and with
  double offset_error = 0;
  double longest = 0;         // of the vectors
  double tie = 0;             // distances that differ by less of |row| + longest are equal
  const double* x = nullptr;  // rows that distances are from
  std::size_t x_stride = 0;
  const double* biases = nullptr;  // of a classifier's scores, of rows as stored
  double* best_score = nullptr;    // [rows], what is known so far, as is
  double* best_value = nullptr;    // what decides, less is better
  double* best = nullptr;          // the vector's number
};

// Running sums of the columns of parts, in slices.
struct ColumnSumsOfParts {
  const double* sums = nullptr;  // the first slice's
  std::size_t slices = 1;
  std::size_t size = 0;  // doubles from slice to slice
  std::size_t cols = 0;
  double* before = nullptr;  // what they were before this part [cols]
  bool at_first = true;      // they were 0
  double rows = 1;           // of this part
};

// What parts of rows left, `size` doubles each: the mean of x [d], `skip` other numbers, the mean of y [n],
// ...
struct PartRecords {
  const double* data = nullptr;
  std::size_t parts = 0;
  std::size_t size = 0;
  std::size_t d = 0;
  std::size_t n = 0;
  std::size_t skip = 0;

  // Of column j of x, or of column j - d of y.
  [[nodiscard]] COLLAPSCOPE_HOST_DEVICE double mean(std::size_t part, std::size_t column) const {
    return data[part * size + (column < d ? column : column + skip)];
  }
};

}  // namespace collapscope::kernels
