#include "hdf5/chunk_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "core/workers.hpp"
#include "hdf5/chunk_layout.hpp"
#include "hdf5/chunk_pipeline.hpp"
#include "hdf5/chunk_source.hpp"
#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

namespace {

// Of the chunks that one task decodes: enough to hide what a task and a system call cost.
constexpr std::size_t task_bytes = std::size_t{1} << 20;
constexpr std::size_t tasks_per_thread = 8;
constexpr std::uint64_t samples_at_hand = 256;
constexpr std::uint64_t largest_gap = 4096;  // between neighbours in the file, read and thrown away
// Less is decoded, or copied, sooner than another thread wakes up.
constexpr std::size_t least_shared_bytes = std::size_t{128} << 10;
constexpr std::size_t least_shared_copy = std::size_t{4} << 20;
// Located at a time.
constexpr std::uint64_t most_items = 65536;

// Some consecutive samples and where they go.
struct Piece {
  std::uint64_t first;
  std::uint64_t count;
  std::span<std::byte> out;
};

struct Item {
  StoredChunk chunk;
  const Piece* piece;
};

class ChunkReader final : public RowReader {
 public:
  // What twins share.
  struct Stored {
    std::unique_ptr<ReadDataset> dataset;
    ChunkPipeline pipeline;
    std::unique_ptr<ChunkSource> source;  // reads through dataset
  };

  ChunkReader(std::shared_ptr<const Stored> stored, const ReadOptions& options)
      : stored_(std::move(stored)),
        dataset_(stored_->dataset.get()),
        index_(dataset_->index()),
        grid_(index_.shape, index_.chunk),
        layout_(index_),
        pipeline_(stored_->pipeline),
        source_(stored_->source.get()),
        options_(options),
        team_(std::clamp<std::size_t>(options.buffer_bytes / buffer_bytes(), 1, options.threads)),
        tools_(team_.threads()),
        most_kept_(options.cache_bytes / dataset_->sample_bytes()),
        keeps_rows_(std::min(index_.chunk[0], index_.shape[0]) <= most_kept_) {}

  void read(std::uint64_t first, std::uint64_t count, std::span<std::byte> out) override {
    dataset_->require_samples(first, count, out);
    Piece rest{first, count, out};
    take_kept(rest);
    if (rest.count == 0) {
      return;
    }
    const std::uint64_t end = rest.first + rest.count;
    const std::uint64_t last_row = (end - 1) / index_.chunk[0];
    const std::uint64_t begin = std::max(row_begin(last_row), rest.first);
    if (end == row_end(last_row) || (!keeps_rows_ && end - begin > most_kept_ / 2)) {
      decode({rest});
      return;
    }
    const Piece body = take_front(rest, begin - rest.first);
    // As much of the row as may be kept: the rest of it is decoded once more.
    const std::uint64_t keep_from = keeps_rows_ ? row_begin(last_row) : begin;
    decode_and_keep(body, keep_from,
                    keeps_rows_ ? row_end(last_row) : std::min(row_end(last_row), begin + most_kept_));
    take_kept(rest);
  }

  [[nodiscard]] std::uint64_t preferred_samples() const override { return index_.chunk[0]; }

  [[nodiscard]] std::unique_ptr<RowReader> twin(std::size_t threads) override {
    if (!pipeline_.empty() || source_->file() == nullptr) {
      return nullptr;
    }
    ReadOptions options = options_;
    options.threads = threads;
    return std::make_unique<ChunkReader>(stored_, options);
  }

 private:
  // What a thread needs for itself.
  struct Tools {
    explicit Tools(const ChunkPipeline& pipeline) : decoder(pipeline) {}
    ChunkDecoder decoder;
    Buffer stored;
    Buffer decoded;  // chunks that are put together
  };

  // Of one thread.
  [[nodiscard]] std::size_t buffer_bytes() const {
    const std::size_t task = std::max(pipeline_.chunk_bytes(), task_bytes);
    return task + pipeline_.decoder_buffers() * pipeline_.chunk_bytes() +
           (layout_.holds_whole_samples() ? 0 : task);
  }

  [[nodiscard]] std::uint64_t row_begin(std::uint64_t row) const { return row * index_.chunk[0]; }
  [[nodiscard]] std::uint64_t row_end(std::uint64_t row) const {
    return std::min(row_begin(row) + index_.chunk[0], index_.shape[0]);
  }

  // Splits the first `count` samples off.
  Piece take_front(Piece& piece, std::uint64_t count) const {
    const std::size_t bytes = count * dataset_->sample_bytes();
    const Piece front{piece.first, count, piece.out.first(bytes)};
    piece = {piece.first + count, piece.count - count, piece.out.subspan(bytes)};
    return front;
  }

  // Copies what is kept of the front of `piece`, which then begins behind it.
  void take_kept(Piece& piece) {
    if (piece.count == 0 || piece.first < kept_begin_ || piece.first >= kept_end_) {
      return;
    }
    const std::uint64_t skip = piece.first - kept_begin_;
    const Piece here = take_front(piece, std::min(piece.count, kept_end_ - piece.first));
    const std::byte* from = kept_.data() + skip * dataset_->sample_bytes();
    const std::size_t parts = here.out.size() < least_shared_copy ? 1 : here.out.size() / task_bytes;
    team_.run(parts, [&](std::size_t part, std::size_t) {
      const std::size_t begin = here.out.size() / parts * part;
      const std::size_t end = part + 1 == parts ? here.out.size() : begin + here.out.size() / parts;
      std::memcpy(here.out.data() + begin, from + begin, end - begin);
    });
  }

  // Decodes `body` and samples from `begin` to `end`, which are then kept.
  void decode_and_keep(const Piece& body, std::uint64_t begin, std::uint64_t end) {
    kept_begin_ = kept_end_ = 0;
    kept_.resize((end - begin) * dataset_->sample_bytes());
    decode({body, {begin, end - begin, kept_}});
    kept_begin_ = begin;
    kept_end_ = end;
  }

  void decode(const std::vector<Piece>& pieces) {
    const std::uint64_t rows_at_once = std::max<std::uint64_t>(1, most_items / grid_.per_row());
    std::vector<Item> items;
    for (const Piece& piece : pieces) {
      const std::uint64_t end_row =
          piece.count == 0 ? 0 : (piece.first + piece.count - 1) / index_.chunk[0] + 1;
      for (std::uint64_t row = piece.first / index_.chunk[0]; row < end_row; row += rows_at_once) {
        const std::uint64_t last_row = std::min(row + rows_at_once, end_row);
        for (const StoredChunk& chunk :
             source_->locate(row * grid_.per_row(), last_row * grid_.per_row() - 1)) {
          items.push_back({chunk, &piece});
        }
        if (items.size() >= most_items) {
          decode_items(items);
          items.clear();
        }
      }
    }
    decode_items(items);
  }

  // In the order of their bytes in the file.
  void decode_items(std::vector<Item>& items) {
    std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      return a.chunk.address != b.chunk.address ? a.chunk.address < b.chunk.address
                                                : a.chunk.position < b.chunk.position;
    });
    if (pipeline_.empty() && source_->file() != nullptr && layout_.holds_whole_samples()) {
      read_plain(items);
    } else {
      share_out(items);
    }
  }

  // Chunks without filters whose samples need no rearrangement.
  void read_plain(const std::vector<Item>& items) {
    std::vector<Slice> slices;
    for (const auto& [chunk, piece] : items) {
      require_plain_size(chunk);
      const std::uint64_t begin = std::max(piece->first, row_begin(chunk.position));
      const std::uint64_t end = std::min(piece->first + piece->count, row_end(chunk.position));
      const std::uint64_t address =
          chunk.address + (begin - row_begin(chunk.position)) * dataset_->sample_bytes();
      const auto out = piece->out.subspan((begin - piece->first) * dataset_->sample_bytes(),
                                          (end - begin) * dataset_->sample_bytes());
      if (!slices.empty() && slices.back().address + slices.back().out.size() == address &&
          slices.back().out.data() + slices.back().out.size() == out.data()) {
        slices.back().out = {slices.back().out.data(), slices.back().out.size() + out.size()};
      } else {
        slices.push_back({address, out});
      }
    }
    source_->file()->read(slices, team_);
  }

  void require_plain_size(const StoredChunk& chunk) const {
    if (chunk.bytes != pipeline_.chunk_bytes()) {
      refuse(chunk, fmt::format("found {} bytes, expected {}", chunk.bytes, pipeline_.chunk_bytes()));
    }
  }

  void share_out(std::vector<Item>& items) {
    const std::size_t bytes = items.size() * pipeline_.chunk_bytes();
    const std::size_t threads = bytes < least_shared_bytes ? 1 : team_.threads();
    const std::vector<std::span<Item>> tasks =
        tasks_of(items, std::min(task_bytes, bytes / (threads * tasks_per_thread)));
    team_.run(threads, tasks.size(),
              [&](std::size_t task, std::size_t slot) { decode_task(tasks[task], tools_for(slot)); });
  }

  Tools& tools_for(std::size_t slot) {
    if (!tools_[slot]) {
      tools_[slot] = std::make_unique<Tools>(pipeline_);
    }
    return *tools_[slot];
  }

  // Puts chunks that are neighbours in the file together, up to `most` decoded bytes.
  [[nodiscard]] std::vector<std::span<Item>> tasks_of(std::span<Item> items, std::size_t most) const {
    std::vector<std::span<Item>> tasks;
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= items.size(); ++i) {
      if (i == items.size() || (i - begin + 1) * pipeline_.chunk_bytes() > most ||
          !joins(items[begin].chunk, items[i - 1].chunk, items[i].chunk)) {
        tasks.push_back(items.subspan(begin, i - begin));
        begin = i;
      }
    }
    return tasks;
  }

  // Whether `next` can be read together with the chunks from `first` to `last`.
  [[nodiscard]] bool joins(const StoredChunk& first, const StoredChunk& last, const StoredChunk& next) const {
    const std::uint64_t end = last.address + last.bytes;
    return source_->file() != nullptr && next.address >= end && next.address - end <= largest_gap &&
           next.address + next.bytes - first.address <= task_bytes;
  }

  void decode_task(std::span<Item> items, Tools& tools) const {
    std::vector<StoredChunk> chunks;
    for (const Item& item : items) {
      chunks.push_back(item.chunk);
    }
    const std::span<const std::byte> stored = source_->fetch(chunks, tools.stored);
    // Of chunks[i], into `target` where there is room. Only fetch() may know which filters were skipped.
    const auto decoded_chunk = [&](std::size_t i, std::span<std::byte> target) {
      const auto bytes = stored.subspan(chunks[i].address - chunks.front().address, chunks[i].bytes);
      return decoded(chunks[i], bytes, target, tools.decoder);
    };
    if (layout_.holds_whole_samples() || items.size() == 1) {
      for (std::size_t i = 0; i < items.size(); ++i) {
        const std::span<std::byte> target = target_of(chunks[i], *items[i].piece);
        const auto bytes = decoded_chunk(i, target);
        if (target.empty()) {
          copy(items[i], bytes, items[i].piece->first, items[i].piece->count);
        }
      }
      return;
    }
    std::vector<std::span<const std::byte>> pieces;
    const std::size_t size = pipeline_.chunk_bytes();
    const std::span<std::byte> room = tools.decoded.room(pipeline_.empty() ? 0 : items.size() * size);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::span<std::byte> target = pipeline_.empty() ? room : room.subspan(i * size, size);
      const auto bytes = decoded_chunk(i, target);
      pieces.push_back(target.empty() ? bytes : target);
    }
    put_together(items, pieces);
  }

  [[nodiscard]] std::span<const std::byte> decoded(const StoredChunk& chunk,
                                                   std::span<const std::byte> stored,
                                                   std::span<std::byte> target, ChunkDecoder& decoder) const {
    try {
      return decoder.decode(stored, chunk.skipped, target);
    } catch (const DamagedChunk& damage) {
      refuse(chunk, damage.what());
    }
  }

  // Of what a chunk has, samples [first, first + count) go to their place.
  void copy(const Item& item, std::span<const std::byte> bytes, std::uint64_t first,
            std::uint64_t count) const {
    const std::size_t sample = dataset_->sample_bytes();
    layout_.copy(bytes, item.chunk.position, first, count,
                 item.piece->out.subspan((first - item.piece->first) * sample, count * sample));
  }

  // Chunks that split the samples: some samples at a time from all of them, so that neighbours in a cache
  // line are written while it is at hand.
  void put_together(std::span<const Item> items,
                    const std::vector<std::span<const std::byte>>& chunks) const {
    std::size_t begin = 0;
    while (begin < items.size()) {
      const Piece& piece = *items[begin].piece;
      const std::uint64_t row = items[begin].chunk.position / grid_.per_row();
      std::size_t end = begin + 1;
      while (end < items.size() && items[end].piece == &piece &&
             items[end].chunk.position / grid_.per_row() == row) {
        ++end;
      }
      const std::uint64_t last = std::min(row_end(row), piece.first + piece.count);
      for (std::uint64_t first = std::max(row_begin(row), piece.first); first < last;
           first += samples_at_hand) {
        const std::uint64_t count = std::min(samples_at_hand, last - first);
        for (std::size_t i = begin; i < end; ++i) {
          copy(items[i], chunks[i], first, count);
        }
      }
      begin = end;
    }
  }

  // Where the chunk goes as it is; empty when it does not.
  [[nodiscard]] std::span<std::byte> target_of(const StoredChunk& chunk, const Piece& piece) const {
    if (!layout_.holds_whole_samples()) {
      return {};
    }
    const std::uint64_t begin = row_begin(chunk.position);
    if (begin < piece.first || begin + index_.chunk[0] > piece.first + piece.count) {
      return {};
    }
    return piece.out.subspan((begin - piece.first) * dataset_->sample_bytes(), pipeline_.chunk_bytes());
  }

  [[noreturn]] void refuse(const StoredChunk& chunk, const std::string& why) const {
    throw InputError(dataset_->place().file, dataset_->place().object,
                     fmt::format("{} is damaged: {}", chunk_text(index_, grid_.offset(chunk.position)), why));
  }

  std::shared_ptr<const Stored> stored_;
  const ReadDataset* dataset_;  // this and what follows in stored_
  const DatasetIndex& index_;
  ChunkGrid grid_;
  ChunkLayout layout_;
  const ChunkPipeline& pipeline_;
  const ChunkSource* source_;
  ReadOptions options_;
  Team team_;
  std::vector<std::unique_ptr<Tools>> tools_;  // by slot, made when first used
  std::uint64_t most_kept_;                    // samples
  bool keeps_rows_;                            // whether the samples of a row of chunks are no more
  std::uint64_t kept_begin_ = 0;
  std::uint64_t kept_end_ = 0;
  std::vector<std::byte> kept_;  // the samples between these
};

}  // namespace

std::unique_ptr<RowReader> read_chunks(const DatasetIndex& index, const ReadOptions& options) {
  auto dataset = std::make_unique<ReadDataset>(index);
  auto source = direct_source(*dataset);
  if (!source) {
    return nullptr;
  }
  ChunkPipeline pipeline(dataset->chunk_bytes(), index.chunk_store->filters);
  return std::make_unique<ChunkReader>(std::make_shared<ChunkReader::Stored>(ChunkReader::Stored{
                                           std::move(dataset), std::move(pipeline), std::move(source)}),
                                       options);
}

std::unique_ptr<RowReader> read_chunks(std::unique_ptr<OpenDataset>& dataset, const ReadOptions& options) {
  const Session session;
  const Handle creation =
      own(H5Dget_create_plist(dataset->id()), H5Pclose, dataset->place(), "read the storage");
  std::optional<std::vector<StoredFilter>> filters =
      filters_undone_here(creation.get(), dataset->index(), dataset->place());
  if (!filters || filters->empty()) {
    return nullptr;
  }
  ChunkPipeline pipeline(dataset->chunk_bytes(), *std::move(filters));
  auto source = library_source(*dataset);
  return std::make_unique<ChunkReader>(std::make_shared<ChunkReader::Stored>(ChunkReader::Stored{
                                           std::move(dataset), std::move(pipeline), std::move(source)}),
                                       options);
}

}  // namespace collapscope::hdf5
