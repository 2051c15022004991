#include "analysis/tile_stream.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace collapscope {

TileStream::TileStream(LayerPlan plan, std::size_t tile_rows, std::unique_ptr<RowReader> reader,
                       TargetRows& targets, ReadListener listener, BufferMaker make_buffer)
    : plan_(std::move(plan)),
      tile_rows_(tile_rows),
      reader_(std::move(reader)),
      targets_(targets),
      listener_(std::move(listener)),
      make_buffer_(std::move(make_buffer)) {
  if (plan_.keeps_bytes) {
    kept_ = make_buffer_(plan_.samples * plan_.format.sample_bytes());
  }
}

std::uint64_t TileStream::bands() const {
  return (plan_.samples + plan_.band_samples - 1) / plan_.band_samples;
}

// Where a band's bytes go; its buffer is made on the caller's thread.
std::span<std::byte> TileStream::room(std::uint64_t number) {
  const std::uint64_t first = number * plan_.band_samples;
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  const std::size_t size = std::min(plan_.band_samples, plan_.samples - first) * sample_bytes;
  if (plan_.keeps_bytes) {
    return kept_->bytes().subspan(first * sample_bytes, size);
  }
  std::unique_ptr<HostBuffer>& buffer = buffers_[number % 2];
  if (buffer == nullptr) {
    buffer = make_buffer_(size);  // the first bands are the largest
  }
  return buffer->bytes().first(size);
}

TileStream::Band TileStream::read_band(std::uint64_t number, std::span<std::byte> room) {
  Band band;
  band.first = number * plan_.band_samples;
  band.samples = std::min(plan_.band_samples, plan_.samples - band.first);
  if (!complete_) {
    reader_->read(band.first, band.samples, room);
  }
  band.bytes = room;
  band.targets = targets_.read(band.first, band.samples);
  return band;
}

void TileStream::pass(const Visitor& visit, const Settle& settle) {
  std::future<Band> next;
  for (std::uint64_t number = 0; number < bands(); ++number) {
    const Band band = next.valid() ? next.get() : read_band(number, room(number));
    if (number + 1 < bands()) {
      settle();  // the tiles of the band before this one, whose buffer is filled next
      next = std::async(std::launch::async,
                        [this, number, bytes = room(number + 1)] { return read_band(number + 1, bytes); });
    }
    if (!complete_) {
      listener_(band.bytes.size());
    }
    visit_tiles(band, visit);
  }
  settle();
  complete_ = plan_.keeps_bytes;
}

void TileStream::visit_tiles(const Band& band, const Visitor& visit) const {
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::uint64_t samples_per_tile = std::max<std::uint64_t>(1, tile_rows_ / per_sample);
  for (std::uint64_t sample = 0; sample < band.samples; sample += samples_per_tile) {
    const std::uint64_t samples = std::min(samples_per_tile, band.samples - sample);
    for (std::size_t skip = 0; skip < samples * per_sample; skip += tile_rows_) {
      visit_tile(band, sample, samples, skip, std::min<std::size_t>(tile_rows_, samples * per_sample - skip),
                 visit);
    }
  }
}

void TileStream::visit_tile(const Band& band, std::uint64_t sample, std::uint64_t samples, std::size_t skip,
                            std::size_t rows, const Visitor& visit) const {
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  const RawTile tile{band.bytes.subspan(sample * sample_bytes, samples * sample_bytes), skip, rows,
                     (band.first + sample) * per_sample + skip};
  if (per_sample == 1) {
    visit(tile, band.targets.view().middle_rows(sample, rows));
    return;
  }
  Matrix repeated(rows, band.targets.cols());  // every position repeats its sample's target
  for (std::size_t i = 0; i < rows; ++i) {
    const auto from = band.targets.view().row(sample + (skip + i) / per_sample);
    std::copy(from.begin(), from.end(), repeated.view().row(i).begin());
  }
  visit(tile, repeated.view());
}

}  // namespace collapscope
