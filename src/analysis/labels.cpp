#include "analysis/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "analysis/joined_reader.hpp"
#include "analysis/layer_format.hpp"
#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

// A sample that has no label, and what it has.
struct NoLabel {
  std::size_t sample = 0;
  std::string found;
  std::string expected;
};

constexpr const char* whole_numbers = "whole numbers as class labels";
constexpr const char* one_hot = "one-hot rows, a single 1 among zeros, or labels of shape [N]";

template <class T>
std::int64_t label_of(T value, std::size_t sample) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!(std::abs(value) < 0x1p63) || value != std::floor(value)) {
      throw NoLabel{sample, fmt::format("{}", value), whole_numbers};
    }
  } else if constexpr (std::is_same_v<T, std::uint64_t>) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      throw NoLabel{sample, fmt::format("{}", value), "labels below 2^63"};
    }
  }
  return static_cast<std::int64_t>(value);
}

template <class T>
void read_integers(std::span<const std::byte> stored, bool big_endian, std::span<std::int64_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::byte bytes[sizeof(T)];
    std::memcpy(bytes, stored.data() + i * sizeof(T), sizeof(T));
    if (big_endian) {
      std::reverse(std::begin(bytes), std::end(bytes));
    }
    out[i] = label_of(std::bit_cast<T>(bytes), i);
  }
}

void read_floats(std::span<const std::byte> stored, const ElementType& element, std::span<std::int64_t> out) {
  std::vector<double> values(out.size());
  decode_elements(stored.first(out.size() * element.size()), element, values);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = label_of(values[i], i);
  }
}

void read_one_hot(std::span<const std::byte> stored, const ElementType& element, std::size_t columns,
                  std::span<std::int64_t> out) {
  std::vector<double> row(columns);
  const std::size_t row_bytes = columns * element.size();
  for (std::size_t i = 0; i < out.size(); ++i) {
    decode_elements(stored.subspan(i * row_bytes, row_bytes), element, row);
    std::optional<std::size_t> one;
    for (std::size_t j = 0; j < columns; ++j) {
      if (row[j] == 1 && !one) {
        one = j;
      } else if (row[j] != 0) {
        throw NoLabel{i,
                      row[j] == 1 ? fmt::format("two ones, in columns {} and {}", *one, j)
                                  : fmt::format("{} in column {}", row[j], j),
                      one_hot};
      }
    }
    if (!one) {
      throw NoLabel{i, "no 1", one_hot};
    }
    out[i] = static_cast<std::int64_t>(*one);
  }
}

// The labels of stored samples. Throws NoLabel.
void read_labels(std::span<const std::byte> stored, const ElementType& element, std::size_t columns,
                 std::span<std::int64_t> out) {
  if (columns > 1) {
    read_one_hot(stored, element, columns, out);
    return;
  }
  switch (element.kind) {
    case ElementKind::int8:
      return read_integers<std::int8_t>(stored, element.big_endian, out);
    case ElementKind::int16:
      return read_integers<std::int16_t>(stored, element.big_endian, out);
    case ElementKind::int32:
      return read_integers<std::int32_t>(stored, element.big_endian, out);
    case ElementKind::int64:
      return read_integers<std::int64_t>(stored, element.big_endian, out);
    case ElementKind::uint8:
      return read_integers<std::uint8_t>(stored, element.big_endian, out);
    case ElementKind::uint16:
      return read_integers<std::uint16_t>(stored, element.big_endian, out);
    case ElementKind::uint32:
      return read_integers<std::uint32_t>(stored, element.big_endian, out);
    case ElementKind::uint64:
      return read_integers<std::uint64_t>(stored, element.big_endian, out);
    case ElementKind::float16:
    case ElementKind::bfloat16:
    case ElementKind::float32:
    case ElementKind::float64:
      return read_floats(stored, element, out);
  }
}

[[noreturn]] void refuse_label(const std::vector<DatasetIndex>& shards, std::uint64_t sample,
                               const NoLabel& problem, const std::string& of_positions) {
  const ShardSample at = locate(shards, sample);
  const std::string more = problem.expected == one_hot ? of_positions : "";
  throw InputError(shards[at.shard].file, shards[at.shard].object,
                   fmt::format("found {}, first in row {}; expected {}{}", problem.found, at.sample,
                               problem.expected, more));
}

// What is said beside one-hot rows.
std::string positions_text(const CheckpointIndex& checkpoint, std::optional<Pool> pool) {
  const auto found = std::ranges::find_if(checkpoint.layers, [&](const LayerIndex& layer) {
    return layer_format(layer, pool).rows_per_sample() > 1;
  });
  if (found == checkpoint.layers.end()) {
    return "; labels of positions, [N, T], take --pool none";
  }
  return fmt::format("; labels of positions are integers of shape [N, {}] here, as layer {} has positions",
                     layer_format(*found, pool).rows_per_sample(), printable(found->name));
}

bool is_one_hot(std::span<const std::int64_t> row) {
  return std::ranges::count(row, 1) == 1 &&
         std::ranges::count(row, 0) == static_cast<std::ptrdiff_t>(row.size()) - 1;
}

}  // namespace

ClassLabels::ClassLabels(const std::vector<DatasetIndex>& shards, std::optional<std::int64_t> ignored,
                         std::size_t positions, const std::string& of_positions)
    : element_(shards.front().element),
      columns_(columns_of(shards.front())),
      positions_(positions),
      ignored_(ignored) {
  bool may_be_one_hot = positions > 1;  // then nobody knows which the labels are
  std::uint64_t samples = 0;
  for (const DatasetIndex& shard : shards) {
    if (columns_of(shard) != columns_ || shard.element != element_) {
      const auto text = [](const DatasetIndex& labels) {
        return fmt::format("{} labels of shape {}", labels.element.name(), shape_text(labels.shape));
      };
      throw InputError(shard.file, shard.object,
                       fmt::format("found {}; expected the type and the columns of the first shard: {} in {}",
                                   text(shard), text(shards.front()), printable(shards.front().file)));
    }
    samples += shard.samples();
  }
  constexpr std::uint64_t cache = std::uint64_t{1} << 24U;
  const std::unique_ptr<RowReader> reader = open_joined(shards, {cache, 1, cache});
  const std::size_t sample_bytes = columns_ * element_.size();
  const std::uint64_t block = std::max<std::uint64_t>(1, (std::uint64_t{1} << 20U) / sample_bytes);
  std::vector<std::byte> stored;
  std::vector<std::int64_t> found;
  std::unordered_map<std::int64_t, std::uint64_t> counts;
  for (std::uint64_t first = 0; first < samples; first += block) {
    const std::uint64_t count = std::min(block, samples - first);
    stored.resize(count * sample_bytes);
    found.resize(count * positions_);
    reader->read(first, count, stored);
    try {
      read_labels(stored, element_, columns_ / positions_, found);
    } catch (const NoLabel& problem) {
      refuse_label(shards, first + problem.sample / positions_, problem, of_positions);
    }
    for (std::size_t i = 0; may_be_one_hot && i < found.size(); i += positions_) {
      may_be_one_hot = is_one_hot(std::span(found).subspan(i, positions_));
    }
    for (const std::int64_t label : found) {
      if (ignored_ == label) {
        ++ignored_samples_;
      } else {
        ++counts[label];
      }
    }
  }
  if (counts.empty()) {
    throw InputError(shards.front().file, shards.front().object,
                     ignored_samples_ > 0 ? fmt::format("every sample has the ignored label {}", *ignored_)
                                          : "found no samples");
  }
  if (may_be_one_hot) {
    throw InputError(
        shards.front().file, shards.front().object,
        fmt::format("found one-hot rows of {} numbers where the samples have {} positions: labels "
                    "of samples or of positions; expected labels of shape [N] for samples",
                    columns_, positions_));
  }
  for (const auto& [label, count] : counts) {
    labels_.push_back(label);
  }
  std::sort(labels_.begin(), labels_.end());
  for (const std::int64_t label : labels_) {
    counts_.push_back(counts.at(label));
  }
}

void ClassLabels::number(std::span<const std::byte> stored, std::span<double> out) const {
  std::vector<std::int64_t> found(out.size());
  try {
    read_labels(stored, element_, columns_ / positions_, found);
  } catch (const NoLabel&) {
    throw Error("the labels have changed since they were read first");
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (ignored_ == found[i]) {
      out[i] = left_out;
      continue;
    }
    const auto place = std::lower_bound(labels_.begin(), labels_.end(), found[i]);
    if (place == labels_.end() || *place != found[i]) {
      throw Error("the labels have changed since they were read first");
    }
    out[i] = static_cast<double>(place - labels_.begin());
  }
}

bool is_classification(const CheckpointIndex& checkpoint) { return checkpoint.task == "classification"; }

std::size_t columns_of(const DatasetIndex& targets) {
  return targets.shape.size() > 1 ? targets.shape[1] : 1;
}

std::size_t label_positions(const CheckpointIndex& checkpoint, std::optional<Pool> pool) {
  const std::size_t columns = columns_of(checkpoint.targets);
  const bool fits = columns > 1 && checkpoint.targets.element.is_integer() &&
                    std::ranges::any_of(checkpoint.layers, [&](const LayerIndex& layer) {
                      return layer_format(layer, pool).rows_per_sample() == columns;
                    });
  return fits ? columns : 1;
}

std::shared_ptr<const ClassLabels> labels_of(const Checkpoint& checkpoint, const AnalysisOptions& options) {
  require_one_task(checkpoint);
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint.shards) {
    shards.push_back(part.targets);
  }
  return std::make_shared<const ClassLabels>(shards, options.ignore_label,
                                             label_positions(checkpoint.front(), options.pool),
                                             positions_text(checkpoint.front(), options.pool));
}

ClassCounts class_counts(const Checkpoint& checkpoint, const AnalysisOptions& options) {
  const auto found = labels_of(checkpoint, options);
  return {found->labels(), found->counts(), found->ignored(), found->positions()};
}

}  // namespace collapscope
