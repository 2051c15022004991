#include "hdf5/exact_integers.hpp"

#include <utility>

#include "collapscope/core/error.hpp"
#include "core/exact_integers.hpp"
#include "hdf5/checked_rows.hpp"

namespace collapscope::hdf5 {

std::unique_ptr<RowReader> refuse_inexact(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset) {
  const ElementType element = dataset.element;
  if (dataset.holds_labels || (element.kind != ElementKind::int64 && element.kind != ElementKind::uint64)) {
    return reader;
  }
  return checked_rows(
      std::move(reader), [file = dataset.file, object = dataset.object, element](
                             std::uint64_t first, std::uint64_t count, std::span<const std::byte> rows) {
        if (const auto found = first_rounded(rows, element)) {
          const std::size_t numbers_of_row = rows.size() / element.size() / count;
          throw InputError(file, object, rounded_message(*found, first + found->place / numbers_of_row));
        }
      });
}

}  // namespace collapscope::hdf5
