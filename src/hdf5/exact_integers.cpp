#include "hdf5/exact_integers.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t integer_bytes = sizeof(std::uint64_t);

std::uint64_t in_own_order(std::uint64_t value, bool reversed) {
  if (!reversed) {
    return value;
  }
  std::uint64_t turned = 0;
  for (std::size_t byte = 0; byte < integer_bytes; ++byte) {
    turned = turned << 8U | (value >> (8 * byte) & 0xffU);
  }
  return turned;
}

std::uint64_t magnitude(std::uint64_t value, bool is_signed) {
  return is_signed && value >> 63U != 0 ? ~value + 1 : value;
}

// Whether float64 holds it: its digits span no more than 53 bits.
bool is_exact(std::uint64_t magnitude) {
  const auto length = static_cast<int>(std::bit_width(magnitude));
  return magnitude == 0 || length - std::countr_zero(magnitude) <= 53;
}

class ExactReader final : public RowReader {
 public:
  ExactReader(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset)
      : reader_(std::move(reader)),
        file_(dataset.file),
        object_(dataset.object),
        element_(dataset.element),
        is_signed_(dataset.element.kind == ElementKind::int64) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    reader_->read(first, count, out);
    if (may_be_inexact(out)) {
      require_exact(first, count, out);
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return reader_->preferred_samples(); }
  void expect(std::uint64_t first, std::uint64_t count) override { reader_->expect(first, count); }
  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    auto other = reader_->twin(threads);
    return other == nullptr ? nullptr : std::make_unique<ExactReader>(std::move(other), *this);
  }

  ExactReader(std::unique_ptr<RowReader> reader, const ExactReader& like)
      : reader_(std::move(reader)),
        file_(like.file_),
        object_(like.object_),
        element_(like.element_),
        is_signed_(like.is_signed_) {}

 private:
  [[nodiscard]] bool is_reversed() const {
    return element_.big_endian != (std::endian::native == std::endian::big);
  }

  [[nodiscard]] std::uint64_t magnitude_at(std::span<const std::byte> stored, std::size_t place) const {
    std::uint64_t value = 0;
    std::memcpy(&value, stored.data() + place * integer_bytes, integer_bytes);
    return magnitude(in_own_order(value, is_reversed()), is_signed_);
  }

  // Whether one is beyond 2^53; without a branch for each.
  [[nodiscard]] bool may_be_inexact(std::span<const std::byte> stored) const {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < stored.size() / integer_bytes; ++i) {
      bits |= magnitude_at(stored, i);
    }
    return bits >> 53U != 0;
  }

  void require_exact(std::uint64_t first, std::uint64_t count, std::span<const std::byte> stored) const {
    const std::size_t numbers = stored.size() / integer_bytes;
    for (std::size_t i = 0; i < numbers; ++i) {
      const std::uint64_t found = magnitude_at(stored, i);
      if (!is_exact(found)) {
        std::uint64_t value = 0;
        std::memcpy(&value, stored.data() + i * integer_bytes, integer_bytes);
        const bool negative = is_signed_ && in_own_order(value, is_reversed()) >> 63U != 0;
        throw InputError(
            file_, object_,
            fmt::format(
                "found {}{} in row {}, which float64 rounds; expected integers that it holds, such as "
                "those up to 2^53: subtract an offset before storing them, or store float64",
                negative ? "-" : "", found, first + i / (numbers / count)));
      }
    }
  }

  std::unique_ptr<RowReader> reader_;
  std::string file_;
  std::string object_;
  ElementType element_;
  bool is_signed_;
};

}  // namespace

std::unique_ptr<RowReader> refuse_inexact(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset) {
  const ElementKind kind = dataset.element.kind;
  if (dataset.holds_labels || (kind != ElementKind::int64 && kind != ElementKind::uint64)) {
    return reader;
  }
  return std::make_unique<ExactReader>(std::move(reader), dataset);
}

}  // namespace collapscope::hdf5
