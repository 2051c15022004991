#include "hdf5/exact_integers.hpp"

#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/exact_integers.hpp"

namespace collapscope::hdf5 {

namespace {

class ExactReader final : public RowReader {
 public:
  ExactReader(std::unique_ptr<RowReader> reader, const DatasetIndex& dataset)
      : reader_(std::move(reader)), file_(dataset.file), object_(dataset.object), element_(dataset.element) {}

  ExactReader(std::unique_ptr<RowReader> reader, const ExactReader& like)
      : reader_(std::move(reader)), file_(like.file_), object_(like.object_), element_(like.element_) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    reader_->read(first, count, out);
    if (const auto found = first_rounded(out, element_)) {
      const std::size_t numbers_of_row = out.size() / element_.size() / count;
      throw InputError(file_, object_, rounded_message(*found, first + found->place / numbers_of_row));
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return reader_->preferred_samples(); }
  void expect(std::uint64_t first, std::uint64_t count) override { reader_->expect(first, count); }
  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    auto other = reader_->twin(threads);
    return other == nullptr ? nullptr : std::make_unique<ExactReader>(std::move(other), *this);
  }

 private:
  std::unique_ptr<RowReader> reader_;
  std::string file_;
  std::string object_;
  ElementType element_;
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
