#include "analysis/target_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "analysis/fitting.hpp"
#include "analysis/joined_reader.hpp"
#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "core/threads.hpp"
#include "core/workers.hpp"

namespace collapscope {

namespace {

constexpr std::size_t decoded_block = std::size_t{1} << 20U;  // bytes as stored

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

TargetRows::TargetRows(std::vector<DatasetIndex> shards, std::uint64_t keep_bytes, std::size_t threads,
                       std::uint64_t cache_bytes, std::shared_ptr<const ClassLabels> classes,
                       NotFinite not_finite)
    : number_(next_number()),
      shards_(std::move(shards)),
      classes_(std::move(classes)),
      not_finite_(not_finite) {
  columns_ = columns_of(shards_.front());
  components_ = classes_ != nullptr ? classes_->positions() : columns_;
  require_alike(shards_);
  for (const DatasetIndex& shard : shards_) {
    samples_ += shard.samples();
  }
  reader_ = open_joined(shards_, {cache_bytes, threads, cache_bytes});
  if (samples_ * components_ <= keep_bytes / sizeof(double)) {
    buffer_ = make_plain_buffer(samples_ * components_ * sizeof(double));
    // Nothing is there until it is decoded.
    all_.emplace(reinterpret_cast<double*>(buffer_->bytes().data()), samples_, components_);
    if (has_long_chunks(cache_bytes)) {
      keep_at_once();
    } else {
      keep_all(threads);
    }
    reader_.reset();
  }
}

bool TargetRows::has_long_chunks(std::uint64_t cache_bytes) const {
  // A helper would take as much memory for the rows.
  const bool directly =
      std::ranges::all_of(shards_, [](const DatasetIndex& shard) { return shard.through_hdf5.empty(); });
  return directly && sample_bytes() <= components_ * sizeof(double) &&
         std::ranges::any_of(shards_, [&](const DatasetIndex& shard) {
           return !shard.chunk.empty() &&
                  std::min(shard.chunk[0], shard.samples()) > cache_bytes / sample_bytes();
         });
}

// What is stored takes no more room than the numbers of it: it is read to where the last of them will be.
// From the first one on, none then comes to lie on what is still to be decoded.
void TargetRows::keep_at_once() {
  const std::span<std::byte> stored = buffer_->bytes().last(samples_ * sample_bytes());
  reader_->read(0, samples_, stored);
  const std::size_t block = std::max<std::size_t>(decoded_block / sample_bytes(), 1);
  std::vector<std::byte> room;
  for (std::uint64_t first = 0; first < samples_; first += block) {
    const std::uint64_t count = std::min<std::uint64_t>(block, samples_ - first);
    const auto some = stored.subspan(first * sample_bytes(), count * sample_bytes());
    room.assign(some.begin(), some.end());
    take(room, first, all_->middle_rows(first, count));
  }
}

// On several threads where the bytes can be read that way: much of the time is the memory's first touch.
void TargetRows::keep_all(std::size_t threads) {
  constexpr std::uint64_t share = 65536;
  struct Lane {
    std::unique_ptr<RowReader> reader;
    std::vector<std::byte> room;
  };
  const Team team(threads == 0 ? usable_threads() : threads);
  std::vector<Lane> lanes(samples_ > share ? team.threads() : 1);
  for (Lane& lane : lanes) {
    lane.reader = reader_->twin(1);
    if (lane.reader == nullptr) {
      std::vector<std::byte> room;
      decode(*reader_, 0, *all_, room);
      return;
    }
  }
  team.run(lanes.size(), (samples_ + share - 1) / share, [&](std::size_t number, std::size_t slot) {
    const std::uint64_t first = number * share;
    decode(*lanes[slot].reader, first, all_->middle_rows(first, std::min(share, samples_ - first)),
           lanes[slot].room);
  });
}

MatrixView<const double> TargetRows::read(std::uint64_t first, std::uint64_t count, Room& room) {
  if (all_) {
    return all_->middle_rows(first, count);
  }
  if (room.rows.rows() < count) {
    room.rows = Matrix(count, components_);
  }
  const MatrixView<double> rows = room.rows.view().middle_rows(0, count);
  const std::lock_guard lock(reading_);
  decode(*reader_, first, rows, room.stored);
  return rows;
}

// Block by block, so that what is stored passes through the cache.
void TargetRows::decode(RowReader& reader, std::uint64_t first, MatrixView<double> out,
                        std::vector<std::byte>& room) const {
  const std::size_t block = std::max<std::size_t>(decoded_block / sample_bytes(), 1);
  room.resize(std::max(room.size(), std::min(block, out.rows()) * sample_bytes()));
  for (std::size_t done = 0; done < out.rows(); done += block) {
    const std::size_t count = std::min(block, out.rows() - done);
    const std::span<std::byte> stored = std::span(room).first(count * sample_bytes());
    reader.read(first + done, count, stored);
    take(stored, first + done, out.middle_rows(done, count));
  }
}

void TargetRows::take(std::span<const std::byte> stored, std::uint64_t first, MatrixView<double> out) const {
  RowFormat format;
  format.element = shards_.front().element;
  format.channels = columns_;
  const std::span<double> numbers(out.data(), out.rows() * components_);
  if (classes_ != nullptr) {
    classes_->number(stored, numbers);
  } else if (not_finite_ == NotFinite::passed) {
    decode_elements(stored, format.element, numbers);
  } else if (const auto sample = decode_tile({stored, 0, out.rows(), first}, format, out)) {
    refuse(*sample);
  }
}

void TargetRows::refuse(std::uint64_t sample) const {
  const ShardSample at = locate(shards_, sample);
  throw InputError(shards_[at.shard].file, shards_[at.shard].object,
                   fmt::format("found NaN or Inf, first in row {}; expected finite numbers", at.sample));
}

}  // namespace collapscope
