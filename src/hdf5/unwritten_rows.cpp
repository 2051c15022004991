#include "hdf5/unwritten_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "hdf5/checked_rows.hpp"

namespace collapscope::hdf5 {

namespace {

using Fill = std::vector<std::byte>;  // an element as it is stored

Fill fill_bytes(std::uint64_t bits, std::size_t size) {
  Fill fill(size);
  for (std::size_t i = 0; i < size; ++i) {
    fill[i] = static_cast<std::byte>(bits >> (8 * i));
  }
  return fill;
}

// The row is whole elements: it is one over and over if it equals itself an element further on.
bool holds_only(std::span<const std::byte> row, const Fill& fill) {
  return std::ranges::equal(row.first(fill.size()), fill) &&
         std::ranges::equal(row.first(row.size() - fill.size()), row.subspan(fill.size()));
}

class UnwrittenCheck {
 public:
  explicit UnwrittenCheck(const DatasetIndex& dataset)
      : file_(dataset.file), object_(dataset.object), element_(dataset.element) {
    for (const std::uint64_t bits : dataset.fills) {
      fills_.push_back(fill_bytes(bits, element_.size()));
    }
  }

  void operator()(std::uint64_t first, std::uint64_t count, std::span<const std::byte> rows) const {
    const std::size_t row_bytes = count > 0 ? rows.size() / count : 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::span<const std::byte> row = rows.subspan(i * row_bytes, row_bytes);
      for (const Fill& fill : fills_) {
        if (holds_only(row, fill)) {
          refuse(first + i, fill);
        }
      }
    }
  }

 private:
  [[noreturn]] void refuse(std::uint64_t row, const Fill& fill) const {
    double value = 0;
    decode_elements(fill, element_, {&value, 1});
    const bool is_narrow = !element_.is_integer() && element_.size() < sizeof(double);
    throw InputError(
        file_, object_,
        fmt::format("found nothing but {} in row {}, the fill value of the dataset, which HDF5 gives where "
                    "nothing was written; expected rows that were: write the dump again. Where these numbers "
                    "are meant, an attribute complete = true of the checkpoint says so",
                    is_narrow ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value),
                    row));
  }

  std::string file_;
  std::string object_;
  ElementType element_;
  std::vector<Fill> fills_;
};

}  // namespace

std::unique_ptr<RowReader> refuse_unwritten(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset) {
  if (dataset.holds_labels || dataset.fills.empty()) {
    return reader;
  }
  return checked_rows(std::move(reader), UnwrittenCheck(dataset));
}

}  // namespace collapscope::hdf5
