#include "hdf5/reversed_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::uint64_t block_bytes = std::uint64_t{4} << 20;

// The index as the file has it.
DatasetIndex as_stored(DatasetIndex index) {
  std::ranges::reverse(index.shape);
  std::ranges::reverse(index.chunk);
  return index;
}

// Where in a sample the elements go, in the order in which they are stored.
std::vector<std::size_t> places_in_sample(const std::vector<std::uint64_t>& shape) {
  std::vector<std::size_t> places{0};
  std::size_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 1;) {  // the last axis is the first one stored
    std::vector<std::size_t> more;
    for (const std::size_t place : places) {
      for (std::uint64_t i = 0; i < shape[axis]; ++i) {
        more.push_back(place + i * stride);
      }
    }
    places = std::move(more);
    stride *= shape[axis];
  }
  return places;
}

class ReversedReader final : public RowReader {
 public:
  explicit ReversedReader(std::unique_ptr<OpenDataset> dataset)
      : dataset_(std::move(dataset)),
        stored_(as_stored(dataset_->index())),
        places_(places_in_sample(dataset_->index().shape)),
        type_(own(H5Dget_type(dataset_->id()), H5Tclose, dataset_->place(), "read the type")) {
    if (!stored_.filters.empty()) {
      const ChunkGrid grid(stored_.shape, stored_.chunk);
      require_sane_chunks(dataset_->id(), stored_, grid, 0, grid.rows() - 1, dataset_->place());
    }
  }

  ReversedReader(const ReversedReader&) = delete;
  ReversedReader& operator=(const ReversedReader&) = delete;
  ReversedReader(ReversedReader&&) = delete;
  ReversedReader& operator=(ReversedReader&&) = delete;

  ~ReversedReader() override {
    const Session session;
    type_ = Handle();
  }

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    dataset_->require_samples(first, count, out);
    const std::size_t sample_bytes = dataset_->sample_bytes();
    const std::uint64_t step = samples_at_once();
    for (std::uint64_t done = 0; done < count; done += step) {
      const std::uint64_t samples = std::min(step, count - done);
      read_block(first + done, samples);
      turn(samples, out.subspan(done * sample_bytes, samples * sample_bytes));
    }
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return samples_at_once(); }

 private:
  // Whole chunks where they are smaller than a block.
  [[nodiscard]] std::uint64_t samples_at_once() const {
    const std::uint64_t samples =
        std::clamp<std::uint64_t>(block_bytes / dataset_->sample_bytes(), 1, stored_.shape.back());
    const std::uint64_t chunk = stored_.chunk.empty() ? 1 : stored_.chunk.back();
    return std::max<std::uint64_t>(1, samples / chunk) * chunk;
  }

  void read_block(std::uint64_t first, std::uint64_t count) {
    const Session session;
    std::vector<hsize_t> start(stored_.shape.size(), 0);
    std::vector<hsize_t> extent(stored_.shape.begin(), stored_.shape.end());
    start.back() = first;
    extent.back() = count;
    block_.resize(count * dataset_->sample_bytes());
    const Place& place = dataset_->place();
    const Handle space = own(H5Dget_space(dataset_->id()), H5Sclose, place, "read the shape");
    check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr),
          place, "select samples");
    const Handle memory = own(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                              H5Sclose, place, "select samples");
    check(H5Dread(dataset_->id(), type_.get(), memory.get(), space.get(), H5P_DEFAULT, block_.data()), place,
          fmt::format("read samples {} to {}", first, first + count - 1));
  }

  void turn(std::uint64_t count, std::span<std::byte> out) const {
    const std::size_t size = stored_.element.size();
    for (std::size_t element = 0; element < places_.size(); ++element) {
      const std::byte* from = block_.data() + element * count * size;
      std::byte* to = out.data() + places_[element] * size;
      for (std::uint64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * dataset_->sample_bytes(), from + i * size, size);
      }
    }
  }

  std::unique_ptr<OpenDataset> dataset_;
  DatasetIndex stored_;
  std::vector<std::size_t> places_;
  Handle type_;
  std::vector<std::byte> block_;
};

}  // namespace

std::unique_ptr<RowReader> read_reversed(std::unique_ptr<OpenDataset> dataset) {
  const Session session;
  return std::make_unique<ReversedReader>(std::move(dataset));
}

}  // namespace collapscope::hdf5
