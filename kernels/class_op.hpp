// Classes of rows: sums over the rows of each class, in an order that the rows alone fix; rows less the mean
// of their class; which class is nearest, or scored highest.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "arguments.hpp"
#include "element.hpp"
#include "stored.hpp"

namespace collapscope::kernels {

// Over columns: to[chunk * columns + column] = the sum over the chunk's rows, one after another. The last
// column may lie elsewhere.
struct ClassChunkSums {
  ClassRuns runs;
  DeviceMatrix from;
  const double* last;  // a further column, of row i at i * last_stride; null: none
  std::size_t last_stride;
  double* to;

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return from.cols + (last == nullptr ? 0 : 1); }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return runs.chunks; }
  [[nodiscard]] Traffic traffic() const {
    return {from.rows * (columns() * sizeof(double) + sizeof(std::uint32_t)),
            runs.chunks * columns() * sizeof(double)};
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t chunk) const {
    const double* numbers = column < from.cols ? from.data + column : last;
    const std::size_t stride = column < from.cols ? from.stride : last_stride;
    constexpr std::size_t batch = 8;
    std::size_t i = runs.chunk_begin[chunk];
    const std::size_t end = runs.chunk_begin[chunk + 1];
    double sum = 0;
    for (; i + batch <= end; i += batch) {
      double values[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        values[k] = numbers[runs.order[i + k] * stride];
      }
      for (const double value : values) {
        sum += value;
      }
    }
    for (; i < end; ++i) {
      sum += numbers[runs.order[i] * stride];
    }
    to[chunk * columns() + column] = sum;
  }
};

// Over columns, where a chunk is a class's run: table[class * cols + column] += the run's chunks, one after
// another, and its rows times the mean.
struct ClassRunSums {
  ClassRuns runs;
  const double* chunk_sums;  // [chunks, cols]
  std::size_t cols;
  const double* mean;  // [mean_cols] or null: what the rows are less than what is to be summed
  std::size_t mean_cols;
  double* table;  // [classes, cols]

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return runs.runs; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of((runs.chunks + runs.runs) * cols, runs.runs * cols);
  }

  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t run) const {
    const std::size_t begin = runs.run_begin[run];
    const std::size_t end = runs.run_begin[run + 1];
    double sum = 0;
    for (std::size_t chunk = begin; chunk < end; ++chunk) {
      sum += chunk_sums[chunk * cols + column];
    }
    if (mean != nullptr && column < mean_cols) {
      const std::size_t rows = runs.chunk_begin[end] - runs.chunk_begin[begin];
      sum += static_cast<double>(rows) * mean[column];
    }
    table[runs.run_class[run] * cols + column] += sum;
  }
};

// Over rows: to = from less the mean of the row's class, and its squared length. Either may be left out.
struct ClassRests {
  DeviceMatrix from;
  const double* numbers;  // [rows], of the classes
  const double* means;    // [classes, cols]; null: nothing is subtracted
  double* to;             // as `from` lies, which it may be; null: not wanted
  double* square;         // of row i at i * square_stride
  std::size_t square_stride;

  struct Partial {
    double square;
  };

  COLLAPSCOPE_HOST_DEVICE static Partial combine(const Partial& a, const Partial& b) {
    return {a.square + b.square};
  }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return from.rows; }
  [[nodiscard]] Traffic traffic() const {
    const std::size_t all = from.rows * from.cols;
    return traffic_of(all + from.rows + (means == nullptr ? 0 : all), from.rows + (to == nullptr ? 0 : all));
  }

  COLLAPSCOPE_HOST_DEVICE Partial slice(std::size_t row, std::size_t lane, std::size_t lanes) const {
    constexpr std::size_t batch = 4;
    const double* numbers_of_row = from.data + row * from.stride;
    const double* mean =
        means == nullptr ? nullptr : means + static_cast<std::size_t>(numbers[row]) * from.cols;
    Partial total{0};
    for (std::size_t first = lane; first < from.cols; first += batch * lanes) {
      double values[batch];
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t column = first + k * lanes;
        values[k] = column < from.cols ? numbers_of_row[column] : 0;
      }
      for (std::size_t k = 0; k < batch; ++k) {
        const std::size_t column = first + k * lanes;
        if (column < from.cols) {
          const double rest = mean == nullptr ? values[k] : values[k] - mean[column];
          total.square += rest * rest;
          if (to != nullptr) {
            to[row * from.stride + column] = rest;
          }
        }
      }
    }
    return total;
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Partial& total) const {
    square[row * square_stride] = total.square;
  }
};

// Over rows in steps: goes on looking for the best of some vectors, of which a block is scored. What rounding
// of the scores could decide, `value` decides: of distances, or of a classifier's scores of the row as it is
// stored. Of equally good ones the first counts.
template <bool by_distance>
struct BestVectors {
  BestSearch search;
  StoredNumbers stored;
  std::size_t row_count;

  struct First {
    double score;
  };
  // The best of those near the top; index: of all vectors, or `none`.
  struct Second {
    double value;
    std::uint64_t index;
    double tie;  // times a distance: squares of distances that differ by no more are the same
  };
  struct Third {
    std::uint64_t nothing;
  };
  struct Found {
    double top;    // of this block and those before it
    double least;  // that a score must have
  };
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  COLLAPSCOPE_HOST_DEVICE static First combine(const First& a, const First& b) {
    return {a.score < b.score ? b.score : a.score};
  }
  COLLAPSCOPE_HOST_DEVICE static Second combine(const Second& a, const Second& b) {
    if (a.index == none || b.index == none) {
      return a.index == none ? b : a;
    }
    const double larger = a.value < b.value ? b.value : a.value;
    const double apart = by_distance ? a.tie * sqrt(larger) : 0;
    const bool first = a.value < b.value - apart || (!(b.value < a.value - apart) && a.index < b.index);
    return first ? a : b;
  }
  COLLAPSCOPE_HOST_DEVICE static Third combine(const Third& a, const Third& /*b*/) { return a; }

  COLLAPSCOPE_HOST_DEVICE std::size_t rows() const { return row_count; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of(row_count * (search.scores.cols + search.cols + 4), 3 * row_count);
  }

  COLLAPSCOPE_HOST_DEVICE First first(std::size_t row, std::size_t lane, std::size_t lanes) const {
    First best{lane_score(row, lane)};
    for (std::size_t j = lane + lanes; j < search.scores.cols; j += lanes) {
      const double score = lane_score(row, j);
      best.score = best.score < score ? score : best.score;
    }
    return best;
  }

  COLLAPSCOPE_HOST_DEVICE Found found(std::size_t row, const First& best) const {
    const double before = search.first == 0 ? best.score : search.best_score[row];
    const double top = before < best.score ? best.score : before;
    const double slack = 4 * (search.rounding * search.norm[row] + search.offset_error);
    return {top, top - slack};
  }

  COLLAPSCOPE_HOST_DEVICE Second second(std::size_t row, std::size_t lane, std::size_t lanes,
                                        const Found& found) const {
    const double tie = tie_of(row);
    Second best{0, none, tie};
    for (std::size_t j = lane; j < search.scores.cols; j += lanes) {
      if (!(lane_score(row, j) < found.least)) {
        best = combine(best, Second{value(row, j), search.first + j, tie});
      }
    }
    return best;
  }

  COLLAPSCOPE_HOST_DEVICE Third third(std::size_t /*row*/, std::size_t /*lane*/, std::size_t /*lanes*/,
                                      const Found& /*found*/, const Second& /*best*/) const {
    return {0};
  }

  COLLAPSCOPE_HOST_DEVICE void finish(std::size_t row, const Found& found, const Second& best,
                                      const Third& /*nothing*/) const {
    if (search.first > 0 && !(search.best_score[row] < found.least)) {
      const Second before{search.best_value[row], static_cast<std::uint64_t>(search.best[row]), tie_of(row)};
      put(row, found, combine(before, best));
    } else {
      put(row, found, best);
    }
  }

 private:
  COLLAPSCOPE_HOST_DEVICE double tie_of(std::size_t row) const {
    return search.tie * (search.norm[row] + search.longest);
  }

  COLLAPSCOPE_HOST_DEVICE double lane_score(std::size_t row, std::size_t j) const {
    return j < search.scores.cols
               ? search.scores.data[row * search.scores.stride + j] + search.offsets[search.first + j]
               : -1.7976931348623157e308;
  }

  COLLAPSCOPE_HOST_DEVICE double value(std::size_t row, std::size_t j) const {
    const double* vector = search.vectors + (search.first + j) * search.cols;
    double sum = 0;
    for (std::size_t column = 0; column < search.cols; ++column) {
      if (by_distance) {
        const double rest = search.x[row * search.x_stride + column] - vector[column];
        sum += rest * rest;
      } else {
        sum += vector[column] * stored.number(row * search.cols + column);
      }
    }
    return by_distance ? sum : -(sum + search.biases[search.first + j]);
  }

  COLLAPSCOPE_HOST_DEVICE void put(std::size_t row, const Found& found, const Second& best) const {
    search.best_score[row] = found.top;
    search.best_value[row] = best.value;
    search.best[row] = static_cast<double>(best.index);
  }
};

// Over items, which are rows: whether its own class's mean is the nearest, and whether the classifier chooses
// another row than the nearest mean's.
struct CountNearest {
  const double* numbers;
  const double* nearest;
  const double* chosen;       // rows of W; null: there is no classifier
  const double* weight_rows;  // of the classes
  std::size_t rows;
  double* own;
  double* unlike;
  std::size_t stride;

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return rows; }
  [[nodiscard]] Traffic traffic() const { return traffic_of((chosen == nullptr ? 2 : 4) * rows, 2 * rows); }

  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t row) const {
    own[row * stride] = nearest[row] == numbers[row] ? 1 : 0;
    unlike[row * stride] =
        chosen != nullptr && weight_rows[static_cast<std::size_t>(nearest[row])] != chosen[row] ? 1 : 0;
  }
};

}  // namespace collapscope::kernels
