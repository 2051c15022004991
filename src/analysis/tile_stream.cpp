#include "analysis/tile_stream.hpp"

#include <algorithm>
#include <future>
#include <system_error>
#include <utility>

#include "analysis/segment_queue.hpp"
#include "core/workers.hpp"

namespace collapscope {

namespace {

// On a thread of its own, or when asked for where the system gives none.
template <class Read>
auto ahead(const Read& read) {
  try {
    return std::async(std::launch::async, read);
  } catch (const std::system_error&) {
    return std::async(std::launch::deferred, read);
  }
}

}  // namespace

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

std::span<std::byte> TileStream::kept_room(std::uint64_t first, std::uint64_t samples) const {
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  return kept_->bytes().subspan(first * sample_bytes, samples * sample_bytes);
}

// Where a band's bytes go; its buffer is made on the caller's thread.
std::span<std::byte> TileStream::room(std::uint64_t number) {
  const std::uint64_t first = number * plan_.band_samples;
  const std::uint64_t samples = std::min(plan_.band_samples, plan_.samples - first);
  if (plan_.keeps_bytes) {
    return kept_room(first, samples);
  }
  const std::size_t size = samples * plan_.format.sample_bytes();
  std::unique_ptr<HostBuffer>& buffer = buffers_[number % 2];
  if (buffer == nullptr) {
    buffer = make_buffer_(size);  // the first bands are the largest
  }
  return buffer->bytes().first(size);
}

TileStream::Band TileStream::read_band(std::uint64_t first, std::uint64_t samples, RowReader* reader,
                                       std::span<std::byte> room, TargetRows::Room& target_room) {
  if (!complete_) {
    reader->read(first, samples, room);
  }
  return {first, samples, room, targets_.read(first, samples, target_room)};
}

void TileStream::pass(const Visitor& visit, const Settle& settle) {
  const auto read = [this](std::uint64_t number, std::span<std::byte> bytes) {
    const std::uint64_t first = number * plan_.band_samples;
    return read_band(first, std::min(plan_.band_samples, plan_.samples - first), reader_.get(), bytes,
                     target_rooms_[number % 2]);
  };
  std::future<Band> next;
  for (std::uint64_t number = 0; number < bands(); ++number) {
    const Band band = next.valid() ? next.get() : read(number, room(number));
    if (number + 1 < bands()) {
      settle();  // the tiles of the band before this one, whose buffer is filled next
      next = ahead([&read, number, bytes = room(number + 1)] { return read(number + 1, bytes); });
    }
    if (!complete_) {
      listener_(band.bytes.size());
    }
    visit_tiles(band, visit);
  }
  settle();
  complete_ = plan_.keeps_bytes;
}

std::size_t TileStream::lanes() {
  if (plan_.lanes < 2 || !(complete_ || plan_.lanes_read)) {
    return 1;
  }
  while (!complete_ && lanes_.size() < plan_.lanes) {
    auto reader = reader_->twin();
    if (reader == nullptr) {
      plan_.lanes_read = false;
      return 1;
    }
    lanes_.push_back({std::move(reader), nullptr, {}});
  }
  return plan_.lanes;
}

void TileStream::pass_in_lanes(const LaneVisitor& visitor) {
  lanes_.resize(lanes());
  for (Lane& lane : lanes_) {
    if (kept_ == nullptr && lane.buffer == nullptr) {
      lane.buffer = make_buffer_(plan_.lane_band_samples * plan_.format.sample_bytes());
    }
  }
  const std::uint64_t segments = (plan_.samples + plan_.segment_samples - 1) / plan_.segment_samples;
  SegmentQueue queue(segments, plan_.segment_run, lanes_.size());
  const Team team(lanes_.size());
  team.run(lanes_.size(), [&](std::size_t lane, std::size_t) {
    while (const auto segment = queue.next(lane)) {
      try {
        visit_segment(lane, *segment, visitor);
      } catch (...) {
        queue.fail(*segment);
      }
    }
  });
  queue.rethrow();
  complete_ = plan_.keeps_bytes;
}

void TileStream::visit_segment(std::size_t number, std::uint64_t segment, const LaneVisitor& visitor) {
  Lane& lane = lanes_[number];
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  std::uint64_t first = segment * plan_.segment_samples;
  const std::uint64_t end = std::min(first + plan_.segment_samples, plan_.samples);
  while (first < end) {
    const std::uint64_t samples = std::min(plan_.lane_band_samples, end - first);
    const std::span<std::byte> room =
        kept_ != nullptr ? kept_room(first, samples) : lane.buffer->bytes().first(samples * sample_bytes);
    const Band band = read_band(first, samples, lane.reader.get(), room, lane.targets);
    first += samples;
    if (!complete_) {
      lane.reader->expect(first, std::min(plan_.lane_band_samples, plan_.samples - first));
      const std::lock_guard lock(listening_);
      listener_(room.size());
    }
    visit_tiles(band, [&](const RawTile& tile, MatrixView<const double> targets) {
      visitor.visit(number, tile, targets);
    });
  }
  visitor.finish(number, segment);
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
    visit(tile, band.targets.middle_rows(sample, rows));
    return;
  }
  Matrix repeated(rows, band.targets.cols());  // every position repeats its sample's target
  for (std::size_t i = 0; i < rows; ++i) {
    const auto from = band.targets.row(sample + (skip + i) / per_sample);
    std::copy(from.begin(), from.end(), repeated.view().row(i).begin());
  }
  visit(tile, repeated.view());
}

}  // namespace collapscope
