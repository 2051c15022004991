// The targets (or predictions) of a checkpoint as float64 rows, in memory when they are few.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "analysis/labels.hpp"
#include "collapscope/backend/backend.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope {

// Whether NaN and Inf are refused as they are read.
enum class NotFinite : bool { refused, passed };

class TargetRows {
 public:
  // What a reader of rows holds on to from call to call.
  struct Room {
    Matrix rows;
    std::vector<std::byte> stored;
  };

  // shards: the dataset in each shard. Kept in memory when all of it takes at most `keep_bytes`. threads,
  // cache_bytes: as of ReadOptions. classes: of labels, which are then read as the numbers of their classes.
  TargetRows(std::vector<DatasetIndex> shards, std::uint64_t keep_bytes, std::size_t threads = 0,
             std::uint64_t cache_bytes = std::uint64_t{1} << 24U,
             std::shared_ptr<const ClassLabels> classes = nullptr, NotFinite not_finite = NotFinite::refused);

  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] std::size_t components() const { return components_; }
  // Whether some samples or positions are left out, those whose target is ClassLabels::left_out.
  [[nodiscard]] bool leaves_out() const { return classes_ != nullptr && classes_->ignored() > 0; }
  // Different from that of any other; 0: where some are left out, they are not read row by row.
  [[nodiscard]] std::uint64_t number() const { return leaves_out() ? 0 : number_; }
  // Whether a sample has a label for each of its positions.
  [[nodiscard]] bool has_positions() const { return classes_ != nullptr && classes_->positions() > 1; }
  // Samples [first, first + count) as [count, n], valid until `room` is used again. Any number of threads may
  // read, each with a room of its own. Throws InputError, for NaN and Inf with the first such sample.
  [[nodiscard]] MatrixView<const double> read(std::uint64_t first, std::uint64_t count, Room& room);
  // Throws InputError: the sample has NaN or Inf.
  [[noreturn]] void refuse(std::uint64_t sample) const;

 private:
  void keep_all(std::size_t threads);
  // The same in one go, for chunks of so many samples that reading block by block would decode them over and
  // over.
  void keep_at_once();
  [[nodiscard]] bool has_long_chunks(std::uint64_t cache_bytes) const;
  [[nodiscard]] std::size_t sample_bytes() const { return columns_ * shards_.front().element.size(); }
  void decode(RowReader& reader, std::uint64_t first, MatrixView<double> out,
              std::vector<std::byte>& room) const;
  // Of stored samples from `first` on.
  void take(std::span<const std::byte> stored, std::uint64_t first, MatrixView<double> out) const;

  std::uint64_t number_;
  std::vector<DatasetIndex> shards_;
  std::uint64_t samples_ = 0;
  std::size_t components_ = 1;
  std::shared_ptr<const ClassLabels> classes_;
  NotFinite not_finite_;
  std::size_t columns_ = 1;  // as stored
  std::mutex reading_;       // of reader_
  std::unique_ptr<RowReader> reader_;
  std::unique_ptr<HostBuffer> buffer_;  // of all_
  std::optional<MatrixView<double>> all_;
};

}  // namespace collapscope
