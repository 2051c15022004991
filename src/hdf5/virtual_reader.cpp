#include "hdf5/virtual_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"

namespace collapscope::hdf5 {

namespace {

class VirtualReader final : public RowReader {
 public:
  VirtualReader(const DatasetIndex& dataset, const ReadOptions& options)
      : sources_(dataset.sources),
        samples_(dataset.samples()),
        sample_bytes_(dataset.bytes() / dataset.samples()),
        options_(options) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    if (first > samples_ || count > samples_ - first || out.size() != count * sample_bytes_) {
      throw UsageError(fmt::format("asked for samples {} to {} of {}", first, first + count, samples_));
    }
    const std::vector<SampleRange>& ranges = sources_->ranges;
    auto range = std::ranges::upper_bound(ranges, first, {}, &SampleRange::first) - 1;
    for (; count > 0; ++range) {
      const std::uint64_t skip = first - range->first;
      const std::uint64_t here = std::min(count, range->count - skip);
      source(range->source).read(range->source_first + skip, here, out.first(here * sample_bytes_));
      out = out.subspan(here * sample_bytes_);
      first += here;
      count -= here;
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return 1; }

 private:
  // One is open at a time.
  RowReader& source(std::size_t number) {
    if (number != open_) {
      reader_.reset();
      reader_ = open_rows(sources_->sources[number], options_);
      open_ = number;
    }
    return *reader_;
  }

  std::shared_ptr<const VirtualSamples> sources_;
  std::uint64_t samples_;
  std::uint64_t sample_bytes_;
  ReadOptions options_;
  std::size_t open_ = std::numeric_limits<std::size_t>::max();
  std::unique_ptr<RowReader> reader_;
};

}  // namespace

std::unique_ptr<RowReader> read_sources(const DatasetIndex& dataset, const ReadOptions& options) {
  return std::make_unique<VirtualReader>(dataset, options);
}

}  // namespace collapscope::hdf5
