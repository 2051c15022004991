#include "hdf5/contiguous_reader.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/workers.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

namespace {

class ContiguousReader final : public RowReader {
 public:
  // What twins share.
  struct Stored {
    std::unique_ptr<OpenDataset> dataset;
    StoredFile file;
    std::uint64_t address;
  };

  ContiguousReader(std::shared_ptr<const Stored> stored, std::size_t threads)
      : stored_(std::move(stored)), team_(threads) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    stored_->dataset->require_samples(first, count, out);
    stored_->file.read({{address_of(first), out}}, team_);
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    return std::make_unique<ContiguousReader>(stored_, threads);
  }

  void expect(std::uint64_t first, std::uint64_t count) override {
    stored_->file.expect(address_of(first), count * stored_->dataset->sample_bytes());
  }

 private:
  [[nodiscard]] std::uint64_t address_of(std::uint64_t sample) const {
    return stored_->address + sample * stored_->dataset->sample_bytes();
  }

  std::shared_ptr<const Stored> stored_;
  Team team_;
};

}  // namespace

std::unique_ptr<RowReader> read_contiguous(std::unique_ptr<OpenDataset>& dataset,
                                           const ReadOptions& options) {
  const Session session;
  const Place& place = dataset->place();
  std::optional<StoredFile> file = StoredFile::of(dataset->id(), place);
  if (!file) {
    return nullptr;
  }
  const std::uint64_t address = H5Dget_offset(dataset->id());
  const std::uint64_t bytes = dataset->index().bytes();
  const std::uint64_t end = file->size();
  if (address == HADDR_UNDEF || address > end || bytes > end - address) {
    throw InputError(place.file, place.object,
                     fmt::format("its {} bytes lie at byte {}, but the file ends at byte {}: it is damaged "
                                 "or truncated",
                                 bytes, address, end));
  }
  auto stored = std::make_shared<ContiguousReader::Stored>(
      ContiguousReader::Stored{std::move(dataset), std::move(*file), address});
  return std::make_unique<ContiguousReader>(std::move(stored), options.threads);
}

}  // namespace collapscope::hdf5
