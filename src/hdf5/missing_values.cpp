#include "hdf5/missing_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

// Has no twin: all rows pass through one reader, in order, so that the first such row is found first.
class CheckingReader final : public RowReader {
 public:
  CheckingReader(std::unique_ptr<RowReader> reader, DatasetIndex dataset)
      : reader_(std::move(reader)), dataset_(std::move(dataset)) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    reader_->read(first, count, out);
    if (count == 0) {
      return;
    }
    const std::size_t sample_bytes = out.size() / count;
    numbers_.resize(sample_bytes / dataset_.element.size());
    for (std::uint64_t i = 0; i < count; ++i) {
      decode_elements(out.subspan(i * sample_bytes, sample_bytes), dataset_.element, numbers_);
      for (const MissingValue& missing : dataset_.missing) {
        check_row(missing, first + i);
      }
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return reader_->preferred_samples(); }
  void expect(std::uint64_t first, std::uint64_t count) override { reader_->expect(first, count); }

 private:
  // Compared to the precision of the stored type: the attribute may be of another.
  void check_row(const MissingValue& missing, std::uint64_t row) const {
    const double off = dataset_.element.unit_roundoff() * std::abs(missing.value);
    const bool found =
        std::ranges::any_of(numbers_, [&](double number) { return std::abs(number - missing.value) <= off; });
    if (found) {
      throw InputError(dataset_.file, dataset_.object,
                       fmt::format("found {} in row {}, which stands for a missing value (attribute '{}'); "
                                   "expected numbers",
                                   missing.value, row, missing.attribute));
    }
  }

  std::unique_ptr<RowReader> reader_;
  DatasetIndex dataset_;
  std::vector<double> numbers_;
};

}  // namespace

std::unique_ptr<RowReader> refuse_missing(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset) {
  return dataset.missing.empty() ? std::move(reader)
                                 : std::make_unique<CheckingReader>(std::move(reader), dataset);
}

}  // namespace collapscope::hdf5
