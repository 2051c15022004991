#include "hdf5/checked_rows.hpp"

#include <utility>

namespace collapscope::hdf5 {

namespace {

class CheckedReader final : public RowReader {
 public:
  CheckedReader(std::unique_ptr<RowReader> reader, RowCheck check, bool in_order)
      : reader_(std::move(reader)), check_(std::move(check)), in_order_(in_order) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    reader_->read(first, count, out);
    check_(first, count, out);
  }
  [[nodiscard]] std::uint64_t preferred_samples() const override { return reader_->preferred_samples(); }
  void expect(std::uint64_t first, std::uint64_t count) override { reader_->expect(first, count); }
  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    auto other = in_order_ ? nullptr : reader_->twin(threads);
    return other == nullptr ? nullptr : checked_rows(std::move(other), check_);
  }

 private:
  std::unique_ptr<RowReader> reader_;
  RowCheck check_;
  bool in_order_;
};

}  // namespace

std::unique_ptr<RowReader> checked_rows(std::unique_ptr<RowReader> reader, RowCheck check) {
  return std::make_unique<CheckedReader>(std::move(reader), std::move(check), false);
}

std::unique_ptr<RowReader> checked_in_order(std::unique_ptr<RowReader> reader, RowCheck check) {
  return std::make_unique<CheckedReader>(std::move(reader), std::move(check), true);
}

}  // namespace collapscope::hdf5
