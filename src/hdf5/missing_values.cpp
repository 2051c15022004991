#include "hdf5/missing_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "hdf5/checked_rows.hpp"

namespace collapscope::hdf5 {

namespace {

// Compared to the precision of the stored type: the attribute may be of another.
void check_row(const DatasetIndex& dataset, const MissingValue& missing, std::span<const double> numbers,
               std::uint64_t row) {
  const double off = dataset.element.unit_roundoff() * std::abs(missing.value);
  const bool found =
      std::ranges::any_of(numbers, [&](double number) { return std::abs(number - missing.value) <= off; });
  if (found) {
    throw InputError(dataset.file, dataset.object,
                     fmt::format("found {} in row {}, which stands for a missing value (attribute '{}'); "
                                 "expected numbers",
                                 missing.value, row, missing.attribute));
  }
}

void check_rows(const DatasetIndex& dataset, std::uint64_t first, std::uint64_t count,
                std::span<const std::byte> rows) {
  const std::size_t sample_bytes = count > 0 ? rows.size() / count : 0;
  std::vector<double> numbers(sample_bytes / dataset.element.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    decode_elements(rows.subspan(i * sample_bytes, sample_bytes), dataset.element, numbers);
    for (const MissingValue& missing : dataset.missing) {
      check_row(dataset, missing, numbers, first + i);
    }
  }
}

}  // namespace

std::unique_ptr<RowReader> refuse_missing(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset) {
  if (dataset.missing.empty()) {
    return reader;
  }
  return checked_in_order(std::move(reader), [dataset](std::uint64_t first, std::uint64_t count,
                                                       std::span<const std::byte> rows) {
    check_rows(dataset, first, count, rows);
  });
}

}  // namespace collapscope::hdf5
