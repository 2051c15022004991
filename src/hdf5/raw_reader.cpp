#include "hdf5/raw_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "core/workers.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

namespace {

class RawReader final : public RowReader {
 public:
  RawReader(const DatasetIndex& dataset, std::size_t threads)
      : file_(std::make_shared<const StoredFile>(StoredFile::open(dataset))),
        address_(dataset.address.value()),
        samples_(dataset.samples()),
        sample_bytes_(dataset.bytes() / std::max<std::uint64_t>(dataset.samples(), 1)),
        team_(threads) {
    const std::uint64_t end = file_->size();
    if (address_ > end || dataset.bytes() > end - address_) {
      throw InputError(
          dataset.file, dataset.object,
          fmt::format("its {} bytes lie at byte {}, but the file ends at byte {}: it is truncated, "
                      "or has become shorter",
                      dataset.bytes(), address_, end));
    }
  }

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    if (first > samples_ || count > samples_ - first || out.size() != count * sample_bytes_) {
      throw UsageError(fmt::format("asked for samples {} to {} of {}", first, first + count, samples_));
    }
    file_->read({{address_ + first * sample_bytes_, out}}, team_);
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    auto twin = std::make_unique<RawReader>(*this);
    twin->team_ = Team(threads);
    return twin;
  }

  void expect(std::uint64_t first, std::uint64_t count) override {
    file_->expect(address_ + first * sample_bytes_, count * sample_bytes_);
  }

 private:
  std::shared_ptr<const StoredFile> file_;  // shared by twins
  std::uint64_t address_;
  std::uint64_t samples_;
  std::uint64_t sample_bytes_;
  Team team_;
};

}  // namespace

std::unique_ptr<RowReader> read_raw(const DatasetIndex& dataset, std::size_t threads) {
  return std::make_unique<RawReader>(dataset, threads);
}

}  // namespace collapscope::hdf5
