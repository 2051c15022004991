#include "analysis/tile_stream.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "collapscope/core/decode.hpp"
#include "core/made_ahead.hpp"

namespace collapscope {

namespace {

// The target of row `row` of some samples: its own where these have one for each row, else its sample's.
double label_of_row(MatrixView<const double> targets, std::size_t row, std::size_t per_sample) {
  return targets(row / per_sample, targets.cols() > 1 ? row % per_sample : 0);
}

// Which of rows first to first + rows of some samples have a class.
std::vector<std::size_t> kept_rows(MatrixView<const double> targets, std::size_t first, std::size_t rows,
                                   std::size_t per_sample) {
  std::vector<std::size_t> kept;
  for (std::size_t row = first; row < first + rows; ++row) {
    if (label_of_row(targets, row, per_sample) != ClassLabels::left_out) {
      kept.push_back(row);
    }
  }
  return kept;
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

std::size_t TileStream::workers() {
  if (plan_.workers < 2 || !(complete_ || plan_.workers_read)) {
    return 1;
  }
  tools_.resize(plan_.workers);
  for (Tools& tools : tools_) {
    if (!complete_ && tools.twin == nullptr) {
      tools.twin = reader_->twin(plan_.worker_threads);
      if (tools.twin == nullptr) {
        plan_.workers_read = false;
        return 1;
      }
    }
  }
  return plan_.workers;
}

std::vector<TileStream::Run> TileStream::runs_of(const std::vector<SegmentRange>& wanted,
                                                 std::size_t workers) const {
  const Segments segments{plan_.samples, plan_.segment_samples};
  const bool alone = workers == 1;
  std::vector<Run> runs;
  for (const SegmentRange& range : wanted) {
    const std::uint64_t step = alone ? range.size() : plan_.run_segments;
    for (std::uint64_t first = range.first; first < range.last; first += step) {
      runs.push_back({segments.begin(first), segments.end(std::min(first + step, range.last) - 1),
                      alone ? plan_.band_samples : plan_.worker_band_samples,
                      alone || plan_.workers_are_devices});
    }
  }
  return runs;
}

// Buffers are made on the caller's thread.
void TileStream::prepare(std::size_t workers, const std::vector<Run>& runs) {
  std::uint64_t longest = 0;
  for (const Run& run : runs) {
    longest = std::max(longest, run.end - run.begin);
  }
  tools_.resize(workers);
  for (Tools& tools : tools_) {
    tools.reader = workers == 1 ? reader_.get() : tools.twin.get();
    std::uint64_t left = longest;
    for (std::unique_ptr<HostBuffer>& buffer : tools.buffers) {
      const std::uint64_t samples = std::min(runs.front().band_samples, left);
      const std::size_t size = samples * plan_.format.sample_bytes();
      if (kept_ == nullptr && size > 0 && (buffer == nullptr || buffer->bytes().size() < size)) {
        buffer.reset();
        buffer = make_buffer_(size);
      }
      left = runs.front().ahead ? left - samples : 0;
    }
  }
}

std::span<std::byte> TileStream::kept_room(std::uint64_t first, std::uint64_t samples) const {
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  return kept_->bytes().subspan(first * sample_bytes, samples * sample_bytes);
}

void TileStream::pass(const Crew& crew, const std::vector<Visitor>& visitors,
                      const std::vector<SegmentRange>& wanted) {
  const std::vector<Run> runs = runs_of(wanted, crew.size());
  if (runs.empty()) {
    return;
  }
  prepare(crew.size(), runs);
  crew.run(runs.size(), [&](std::size_t run, std::size_t worker) {
    visit_run(tools_[worker], runs[run], visitors[worker]);
  });
  const bool whole = wanted.size() == 1 && wanted.front() == SegmentRange{0, plan_.segments()};
  complete_ = complete_ || (plan_.keeps_bytes && whole);
}

TileStream::Band TileStream::read_band(Tools& tools, std::size_t place, std::uint64_t first,
                                       std::uint64_t samples) {
  const std::span<std::byte> room =
      kept_ != nullptr ? kept_room(first, samples)
                       : tools.buffers[place]->bytes().first(samples * plan_.format.sample_bytes());
  if (!complete_) {
    tools.reader->read(first, samples, room);
  }
  return {first, samples, room, targets_.read(first, samples, tools.targets[place])};
}

void TileStream::listen(std::uint64_t bytes) {
  const std::lock_guard lock(listening_);
  listener_(bytes);
}

void TileStream::visit_run(Tools& tools, const Run& run, const Visitor& visitor) {
  const auto band_of = [&](std::uint64_t number) {
    const std::uint64_t first = run.begin + number * run.band_samples;
    return read_band(tools, run.ahead ? number % 2 : 0, first, std::min(run.band_samples, run.end - first));
  };
  const std::uint64_t bands = (run.end - run.begin + run.band_samples - 1) / run.band_samples;
  std::optional<MadeAhead<Band>> ahead;
  if (run.ahead && bands > 1) {
    ahead.emplace(bands, std::size(tools.buffers), band_of);
  }
  for (std::uint64_t number = 0; number < bands; ++number) {
    const Band band = ahead ? ahead->take() : band_of(number);
    const std::uint64_t following = band.first + band.samples;
    if (!complete_) {
      if (!run.ahead && following < plan_.samples) {
        tools.reader->expect(following, std::min(run.band_samples, plan_.samples - following));
      }
      listen(band.bytes.size());
    }
    visit_tiles(band, visitor);
    visitor.settle();  // before another band is read to where this one is
    if (ahead) {
      ahead->give_back();
    }
  }
}

void TileStream::visit_tiles(const Band& band, const Visitor& visitor) const {
  const Segments segments{plan_.samples, plan_.segment_samples};
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::uint64_t samples_per_tile = std::max<std::uint64_t>(1, tile_rows_ / per_sample);
  for (std::uint64_t sample = 0; sample < band.samples;) {
    const std::uint64_t segment = (band.first + sample) / plan_.segment_samples;
    const std::uint64_t end = std::min(band.samples, segments.end(segment) - band.first);
    const std::uint64_t samples = std::min(samples_per_tile, end - sample);
    for (std::size_t skip = 0; skip < samples * per_sample; skip += tile_rows_) {
      visit_tile(band, sample, samples, skip, std::min<std::size_t>(tile_rows_, samples * per_sample - skip),
                 visitor);
    }
    sample += samples;
    if (band.first + sample == segments.end(segment)) {
      visitor.finish(segment);
    }
  }
}

void TileStream::visit_tile(const Band& band, std::uint64_t sample, std::uint64_t samples, std::size_t skip,
                            std::size_t rows, const Visitor& visitor) const {
  if (targets_.leaves_out()) {
    const std::vector<std::size_t> kept =
        kept_rows(band.targets.middle_rows(sample, samples), skip, rows, plan_.format.rows_per_sample());
    if (kept.empty()) {
      return;
    }
    if (kept.size() < rows) {
      visit_kept(band, sample, kept, visitor);
      return;
    }
  }
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  const RawTile tile{band.bytes.subspan(sample * sample_bytes, samples * sample_bytes), skip, rows,
                     (band.first + sample) * per_sample + skip};
  if (per_sample == 1) {
    visitor.visit(tile, band.targets.middle_rows(sample, rows));
    return;
  }
  if (targets_.has_positions()) {
    Matrix labels(rows, 1);
    for (std::size_t i = 0; i < rows; ++i) {
      labels(i, 0) = label_of_row(band.targets.middle_rows(sample, samples), skip + i, per_sample);
    }
    visitor.visit(tile, labels.view());
    return;
  }
  Matrix repeated(rows, band.targets.cols());  // every position repeats its sample's target
  for (std::size_t i = 0; i < rows; ++i) {
    const auto from = band.targets.row(sample + (skip + i) / per_sample);
    std::copy(from.begin(), from.end(), repeated.view().row(i).begin());
  }
  visitor.visit(tile, repeated.view());
}

// Some rows of the samples from `sample` on, back to back. What is left out are whole samples, or rows that
// lie together.
void TileStream::visit_kept(const Band& band, std::uint64_t sample, const std::vector<std::size_t>& kept,
                            const Visitor& visitor) const {
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::size_t sample_bytes = plan_.format.sample_bytes();
  const std::size_t rows_at_once = this->rows_at_once();
  const std::size_t size = sample_bytes / per_sample * rows_at_once;
  std::vector<std::byte> bytes(kept.size() / rows_at_once * size);
  Matrix targets(kept.size(), 1);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    targets(i, 0) =
        label_of_row(band.targets.middle_rows(sample, band.samples - sample), kept[i], per_sample);
    if (i % rows_at_once == 0) {
      const auto from = band.bytes.subspan(sample * sample_bytes + kept[i] / rows_at_once * size, size);
      std::copy(from.begin(), from.end(),
                bytes.begin() + static_cast<std::ptrdiff_t>(i / rows_at_once * size));
    }
  }
  try {
    visitor.visit({bytes, 0, targets.rows(), 0}, targets.view());
    visitor.settle();  // `bytes` end here
  } catch (const NonFiniteSample& offending) {
    std::size_t at = offending.sample * per_sample;  // of as many kept rows, some of other samples, one
    while (at + 1 < kept.size() && rows_at_once == 1 &&
           is_finite(std::span(bytes).subspan(at * size, size))) {
      ++at;
    }
    throw NonFiniteSample{band.first + sample + kept[at] / per_sample};
  }
}

std::size_t TileStream::rows_at_once() const {
  return targets_.has_positions() ? 1 : plan_.format.rows_per_sample();
}

bool TileStream::is_finite(std::span<const std::byte> stored) const {
  std::vector<double> numbers(stored.size() / plan_.format.element.size());
  decode_elements(stored, plan_.format.element, numbers);
  return std::ranges::all_of(numbers, [](double value) { return std::isfinite(value); });
}

std::optional<std::uint64_t> TileStream::first_not_finite() {
  const std::size_t per_sample = plan_.format.rows_per_sample();
  const std::size_t size = plan_.format.sample_bytes() / per_sample * rows_at_once();
  Tools tools;
  tools.reader = reader_.get();
  tools.buffers[0] =
      kept_ == nullptr ? make_plain_buffer(plan_.band_samples * plan_.format.sample_bytes()) : nullptr;
  for (std::uint64_t first = 0; first < plan_.samples; first += plan_.band_samples) {
    const Band band = read_band(tools, 0, first, std::min(plan_.band_samples, plan_.samples - first));
    for (std::size_t row = 0; row < band.samples * per_sample; row += rows_at_once()) {
      if (label_of_row(band.targets, row, per_sample) != ClassLabels::left_out &&
          !is_finite(band.bytes.subspan(row / rows_at_once() * size, size))) {
        return first + row / per_sample;
      }
    }
  }
  return std::nullopt;
}

}  // namespace collapscope
