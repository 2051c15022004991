// The means of parts of rows; from them to the mean of all, and to how far the parts lie from it.
#pragma once

#include <cstddef>

#include "arguments.hpp"
#include "element.hpp"

namespace collapscope::kernels {

// Over items, of which each is a column of x or y: mean[column] = the sum over parts of share * the part's
// mean.
struct PartMeans {
  PartRecords records;
  const double* share;  // [parts]
  double* mean;         // [d + n]

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return records.d + records.n; }
  [[nodiscard]] Traffic traffic() const { return traffic_of((records.parts + 1) * count(), count()); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t column) const {
    double sum = 0;
    for (std::size_t part = 0; part < records.parts; ++part) {
      sum += share[part] * records.mean(part, column);
    }
    mean[column] = sum;
  }
};

// Over columns, a chunk being a part: to[part, column] = weight * (the part's mean - mean); 0 beyond the
// columns of x and y.
struct BetweenParts {
  PartRecords records;
  const double* weight;  // [parts]
  const double* mean;    // [d + n]
  DeviceMatrix to;       // [parts, >= d + n]

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return to.cols; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return records.parts; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of((records.parts + 1) * columns(), records.parts * columns());
  }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t part) const {
    const bool is_mean = column < records.d + records.n;
    to.data[part * to.stride + column] =
        is_mean ? weight[part] * (records.mean(part, column) - mean[column]) : 0;
  }
};

// Over items, which are columns: a part's mean, and its offset from what its rows were centred at.
struct OffsetMeans {
  ColumnSumsOfParts from;
  const double* centre;  // [cols] or null
  double* mean;          // [cols], which may be the centre
  double* offset;        // [cols]

  COLLAPSCOPE_HOST_DEVICE std::size_t count() const { return from.cols; }
  [[nodiscard]] Traffic traffic() const { return traffic_of((from.slices + 2) * count(), 3 * count()); }
  COLLAPSCOPE_HOST_DEVICE void operator()(std::size_t column) const {
    double sum = 0;
    for (std::size_t slice = 0; slice < from.slices; ++slice) {
      sum += from.sums[slice * from.size + column];
    }
    const double away = (sum - (from.at_first ? 0 : from.before[column])) / from.rows;
    from.before[column] = sum;
    mean[column] = (centre == nullptr ? 0 : centre[column]) + away;
    offset[column] = away;
  }
};

// Over columns, a chunk being a part: to[part, column] = weight * the part's offset, which lies behind its
// mean.
struct PartOffsets {
  PartRecords records;
  const double* weight;  // [parts]
  DeviceMatrix to;       // [parts, d]

  COLLAPSCOPE_HOST_DEVICE std::size_t columns() const { return records.d; }
  COLLAPSCOPE_HOST_DEVICE std::size_t chunks() const { return records.parts; }
  [[nodiscard]] Traffic traffic() const {
    return traffic_of((columns() + 1) * records.parts, columns() * records.parts);
  }
  COLLAPSCOPE_HOST_DEVICE void at(std::size_t column, std::size_t part) const {
    to.data[part * to.stride + column] =
        weight[part] * records.data[part * records.size + records.d + column];
  }
};

}  // namespace collapscope::kernels
