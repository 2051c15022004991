#include "hdf5/contiguous_reader.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "collapscope/core/error.hpp"
#include "core/workers.hpp"
#include "hdf5/read_dataset.hpp"
#include "hdf5/stored_file.hpp"

namespace collapscope::hdf5 {

namespace {

class ContiguousReader final : public RowReader {
 public:
  // What twins share.
  struct Stored {
    explicit Stored(const DatasetIndex& index)
        : dataset(index), file(StoredFile::open(index)), address(index.address.value()) {}

    ReadDataset dataset;
    StoredFile file;
    std::uint64_t address;
  };

  ContiguousReader(std::shared_ptr<const Stored> stored, std::size_t threads)
      : stored_(std::move(stored)), team_(threads) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    stored_->dataset.require_samples(first, count, out);
    stored_->file.read({{address_of(first), out}}, team_);
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    return std::make_unique<ContiguousReader>(stored_, threads);
  }

  void expect(std::uint64_t first, std::uint64_t count) override {
    stored_->file.expect(address_of(first), count * stored_->dataset.sample_bytes());
  }

 private:
  [[nodiscard]] std::uint64_t address_of(std::uint64_t sample) const {
    return stored_->address + sample * stored_->dataset.sample_bytes();
  }

  std::shared_ptr<const Stored> stored_;
  Team team_;
};

}  // namespace

std::unique_ptr<RowReader> read_contiguous(const DatasetIndex& dataset, const ReadOptions& options) {
  auto stored = std::make_shared<const ContiguousReader::Stored>(dataset);
  const std::uint64_t end = stored->file.size();
  if (stored->address > end || dataset.bytes() > end - stored->address) {
    throw InputError(dataset.file, dataset.object,
                     fmt::format("its {} bytes lie at byte {}, but the file ends at byte {}: it is damaged "
                                 "or truncated",
                                 dataset.bytes(), stored->address, end));
  }
  return std::make_unique<ContiguousReader>(std::move(stored), options.threads);
}

}  // namespace collapscope::hdf5
