// Whole small datasets as float64: weights, biases, targets.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/dump/dump.hpp"
#include "hdf5/chunks.hpp"
#include "hdf5/handle.hpp"

namespace collapscope {

namespace {

using hdf5::Place;

constexpr std::uint64_t max_matrix_bytes = std::uint64_t{8} << 30;
constexpr std::uint64_t slab_bytes = std::uint64_t{16} << 20;

void require_finite(std::span<const double> values, std::uint64_t first_row, std::size_t columns,
                    const Place& place) {
  const auto odd =
      std::find_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
  if (odd != values.end()) {
    const auto at = static_cast<std::uint64_t>(odd - values.begin());
    throw InputError(
        place.file, place.object,
        fmt::format("found {} in row {}; expected finite numbers", *odd, first_row + at / columns));
  }
}

}  // namespace

Matrix read_matrix(const DatasetIndex& dataset) {
  const Place place{dataset.file, dataset.object};
  const std::uint64_t elements = hdf5::element_count(dataset.shape);
  const std::uint64_t samples = dataset.samples();
  if (samples == 0 || elements == 0) {
    throw InputError(place.file, place.object,
                     fmt::format("found shape {}; expected at least one sample", shape_text(dataset.shape)));
  }
  if (elements > max_matrix_bytes / sizeof(double)) {
    throw InputError(place.file, place.object,
                     fmt::format("found shape {}, too large to be held in memory (at most {} as float64)",
                                 shape_text(dataset.shape), human_bytes(max_matrix_bytes)));
  }
  const std::unique_ptr<RowReader> rows = open_rows(dataset, {slab_bytes, 0, slab_bytes});
  const std::size_t columns = elements / samples;
  const std::size_t row_bytes = columns * dataset.element.size();
  const std::uint64_t step = std::max(slab_bytes / row_bytes, std::uint64_t{1});
  Matrix matrix(samples, columns);
  std::vector<std::byte> bytes(std::min(step, samples) * row_bytes);
  for (std::uint64_t first = 0; first < samples; first += step) {
    const std::uint64_t count = std::min(step, samples - first);
    const std::span<std::byte> slab = std::span(bytes).first(count * row_bytes);
    rows->read(first, count, slab);
    const std::span<double> values = matrix.values().subspan(first * columns, count * columns);
    decode_elements(slab, dataset.element, values);
    require_finite(values, first, columns, place);
  }
  return matrix;
}

}  // namespace collapscope
