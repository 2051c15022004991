#include "hdf5/contiguous_reader.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "collapscope/error.hpp"
#include "core/workers.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

namespace {

class ContiguousReader final : public RowReader {
 public:
  ContiguousReader(std::unique_ptr<OpenDataset> dataset, StoredFile file, std::uint64_t address,
                   std::size_t threads)
      : dataset_(std::move(dataset)), file_(std::move(file)), address_(address), team_(threads) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    dataset_->require_samples(first, count, out);
    file_.read({{address_ + first * dataset_->sample_bytes(), out}}, team_);
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

 private:
  std::unique_ptr<OpenDataset> dataset_;
  StoredFile file_;
  std::uint64_t address_;
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
  return std::make_unique<ContiguousReader>(std::move(dataset), std::move(*file), address, options.threads);
}

}  // namespace collapscope::hdf5
