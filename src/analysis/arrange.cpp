// Which indexed files are one checkpoint, and in which order checkpoints are reported.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <system_error>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "results/run_key.hpp"

namespace collapscope {

namespace {

// By path, and by what the file system says: links and other spellings of a path.
bool same_file(const CheckpointIndex& a, const CheckpointIndex& b) {
  std::error_code ignored;
  return a.path == b.path || std::filesystem::equivalent(a.path, b.path, ignored);
}

// Samples that are counted twice would go unnoticed.
void require_new_file(const Checkpoint& checkpoint, const CheckpointIndex& shard) {
  for (const CheckpointIndex& other : checkpoint.shards) {
    if (same_file(other, shard)) {
      throw UsageError(fmt::format("--shards: {} and {} are the same file; expected each shard once",
                                   printable(other.path), printable(shard.path)));
    }
  }
}

std::vector<Checkpoint> joined(std::vector<CheckpointIndex> indexes) {
  std::vector<Checkpoint> checkpoints;
  for (CheckpointIndex& index : indexes) {
    const auto same = std::find_if(checkpoints.begin(), checkpoints.end(), [&](const Checkpoint& checkpoint) {
      const CheckpointIndex& first = checkpoint.front();
      return first.run == index.run && first.step == index.step && first.id == index.id;
    });
    if (same == checkpoints.end()) {
      checkpoints.emplace_back().shards.push_back(std::move(index));
    } else {
      require_new_file(*same, index);
      same->shards.push_back(std::move(index));
    }
  }
  return checkpoints;
}

// As the recorder numbers them: a copy of a shard counts its samples twice.
void require_each_shard_once(const Checkpoint& checkpoint) {
  std::map<double, std::string> seen;
  std::set<std::pair<std::string, std::string>> places;
  for (const CheckpointIndex& shard : checkpoint.shards) {
    if (!places.emplace(shard.path, shard.id).second) {
      throw InputError(shard.path, shard.id, "found this shard twice; expected each shard once");
    }
    const std::optional<double> number = shard.number("shard");
    if (!number) {
      continue;
    }
    const auto [other, is_new] = seen.try_emplace(*number, shard.path);
    if (!is_new) {
      throw InputError(shard.path, shard.id,
                       fmt::format("found shard {} once more; {} is that, too; expected each shard once",
                                   *number, printable(other->second)));
    }
  }
}

std::vector<LayerIndex>::const_iterator layer_named(const std::vector<LayerIndex>& layers,
                                                    const std::string& name, std::size_t guess) {
  if (guess < layers.size() && layers[guess].name == name) {
    return layers.begin() + static_cast<std::ptrdiff_t>(guess);
  }
  return std::ranges::find(layers, name, &LayerIndex::name);
}

bool has_failed(const CheckpointIndex& shard, const std::string& layer) {
  return std::ranges::find(shard.failed_layers, layer, &FailedLayer::name) != shard.failed_layers.end();
}

}  // namespace

const CheckpointIndex& Checkpoint::front() const {
  if (shards.empty()) {
    throw UsageError("found a checkpoint without shards; expected one at least");
  }
  return shards.front();
}

std::vector<std::pair<std::string, AttributeValue>> Checkpoint::attributes() const {
  auto attributes = front().attributes;
  if (shards.size() > 1) {
    std::erase_if(attributes, [](const auto& attribute) { return attribute.first == "shard"; });
    attributes.emplace_back("shards_joined", static_cast<std::int64_t>(shards.size()));
    std::ranges::sort(attributes, {}, &std::pair<std::string, AttributeValue>::first);
  }
  return attributes;
}

std::vector<Checkpoint> arrange_checkpoints(std::vector<CheckpointIndex> indexes, bool join_shards) {
  std::vector<Checkpoint> checkpoints;
  if (join_shards) {
    checkpoints = joined(std::move(indexes));
  } else {
    for (CheckpointIndex& index : indexes) {
      checkpoints.emplace_back().shards.push_back(std::move(index));
    }
  }
  // A run stands where its first checkpoint stood; what belongs to no run stays where it is.
  std::map<std::string, std::size_t> first_seen;
  std::vector<std::pair<std::size_t, Checkpoint>> placed;
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    const std::string key = run_key(checkpoints[i].front());
    const std::size_t place = key.empty() ? i : first_seen.try_emplace(key, i).first->second;
    placed.emplace_back(place, std::move(checkpoints[i]));
  }
  std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) {
    constexpr double last = std::numeric_limits<double>::infinity();
    return a.first != b.first ? a.first < b.first
                              : a.second.front().step.value_or(last) < b.second.front().step.value_or(last);
  });
  std::vector<Checkpoint> ordered;
  for (auto& [place, checkpoint] : placed) {
    ordered.push_back(std::move(checkpoint));
  }
  return ordered;
}

void require_one_task(const Checkpoint& checkpoint) {
  const CheckpointIndex& first = checkpoint.front();
  for (const CheckpointIndex& part : checkpoint.shards) {
    if (part.task != first.task) {
      throw InputError(part.path, part.id,
                       fmt::format(R"(found task "{}"; the first shard, {}, has "{}")", part.task,
                                   printable(first.path), first.task));
    }
    if (!part.class_names.empty() && part.class_names != first.class_names) {
      throw InputError(part.path, "class_names",
                       fmt::format("found other names than the first shard, {}, has; expected the same",
                                   printable(first.path)));
    }
    for (const char* attribute : {"lambda_w", "lambda_h"}) {
      const auto heeded = [&](const CheckpointIndex& shard) {
        const auto number = shard.number(attribute);
        return number && std::isfinite(*number) ? number : std::nullopt;
      };
      if (heeded(part) != heeded(first)) {
        const auto text = [&](const CheckpointIndex& shard) {
          const auto number = heeded(shard);
          return number ? fmt::format("{} = {}", attribute, *number) : fmt::format("no {}", attribute);
        };
        throw InputError(part.path, part.id,
                         fmt::format("found {}; the first shard, {}, has {}", text(part),
                                     printable(first.path), text(first)));
      }
    }
  }
  require_each_shard_once(checkpoint);
}

std::vector<Failure> missed_layers(const Checkpoint& checkpoint) {
  const CheckpointIndex& first = checkpoint.front();
  std::set<std::string> known;
  for (const LayerIndex& layer : first.layers) {
    known.insert(layer.name);
  }
  for (const FailedLayer& layer : first.failed_layers) {  // which is told
    known.insert(layer.name);
  }
  std::vector<Failure> missed;
  for (const CheckpointIndex& part : checkpoint.shards) {
    for (const LayerIndex& layer : part.layers) {
      if (known.insert(layer.name).second) {
        missed.push_back(
            {first.path, layer.name,
             fmt::format("this shard lacks the layer, which {} has; expected the same layers in all "
                         "shards",
                         printable(part.path)),
             first.run, first.step});
      }
    }
  }
  return missed;
}

std::vector<LayerIndex> layer_shards(const Checkpoint& checkpoint, const std::string& name,
                                     std::size_t guess) {
  std::vector<LayerIndex> shards;
  for (const CheckpointIndex& part : checkpoint.shards) {
    const auto found = layer_named(part.layers, name, guess);
    if (found == part.layers.end() && has_failed(part, name)) {
      throw InputError(part.path, name, "the layer failed in this shard");
    }
    if (found == part.layers.end()) {
      throw InputError(part.path, name, "this shard lacks the layer; expected the same layers in all shards");
    }
    const auto tail = [](const DatasetIndex& dataset) {
      return std::vector<std::uint64_t>(dataset.shape.begin() + 1, dataset.shape.end());
    };
    if (!shards.empty()) {
      const LayerIndex& first = shards.front();
      if (tail(first.activations) != tail(found->activations) ||
          first.activations.element != found->activations.element || first.layout != found->layout) {
        throw InputError(part.path, name,
                         fmt::format("found {} {}; the first shard has {} {}",
                                     found->activations.element.name(), shape_text(found->activations.shape),
                                     first.activations.element.name(), shape_text(first.activations.shape)));
      }
    }
    if (!shards.empty() && found->index && shards.front().index && found->index != shards.front().index) {
      throw InputError(
          part.path, name,
          fmt::format("attribute 'index': found {}; the first shard, {}, has {}; expected the same "
                      "place in the network",
                      *found->index, printable(checkpoint.front().path), *shards.front().index));
    }
    shards.push_back(*found);
    const auto next = std::next(found);
    const std::size_t next_place = next != part.layers.end() ? next->place : part.places;
    if (next_place > found->place + 1) {
      shards.back().next = NextLayer{};
      shards.back().next->is_missing = true;
    } else if (next != part.layers.end()) {
      shards.back().next = NextLayer{next->name, next->index, next->weight, next->weight_transposed};
    }
  }
  return shards;
}

}  // namespace collapscope
