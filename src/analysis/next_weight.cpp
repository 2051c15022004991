#include "analysis/next_weight.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/plan_memory.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "linalg/coordinates.hpp"

namespace collapscope {

namespace {

constexpr const char* no_next_weight = "the next layer has no weight";

// Of the first shard that has its weight; missing where shards do not agree which one it is.
const NextLayer* next_of(const std::vector<LayerIndex>& shards) {
  static const NextLayer unknown{{}, {}, {}, false, true};
  const auto name = [](const LayerIndex& shard) { return shard.next ? shard.next->name : std::string(); };
  const auto differs = [&](const LayerIndex& shard) { return name(shard) != name(shards.front()); };
  if (std::ranges::any_of(shards, differs)) {
    return &unknown;
  }
  const auto found = std::ranges::find_if(
      shards, [](const LayerIndex& shard) { return shard.next && shard.next->weight.has_value(); });
  return found != shards.end() ? &*found->next : shards.front().next ? &*shards.front().next : nullptr;
}

bool follows_by_index(const LayerIndex& layer, const NextLayer& next) {
  return layer.index && next.index && *next.index == *layer.index + 1;
}

// Why the next layer's weight cannot be compared; empty: it can.
std::string unlike(const LayerWeight& weight, const NextLayer* next) {
  if (!weight.missing.empty() || weight.matrix.empty()) {
    return weight.missing.empty() ? "no weight" : weight.missing;
  }
  if (weight.convolution) {
    return "convolution";
  }
  if (next == nullptr) {
    return "the last layer";
  }
  if (next->is_missing) {
    return "the next layer failed, or --layers leaves it out";
  }
  if (!next->weight) {
    return no_next_weight;
  }
  if (next->weight->shape.size() != 2) {
    return "the next layer is a convolution";
  }
  const std::uint64_t columns = next->weight->shape[next->weight_transposed ? 0 : 1];
  return columns == weight.matrix.rows()
             ? ""
             : fmt::format("the next weight has {} columns, this one {} rows", columns, weight.matrix.rows());
}

}  // namespace

double next_weight_memory(const std::vector<LayerIndex>& shards, const LayerPlan& plan) {
  const NextLayer* const next = next_of(shards);
  const auto own =
      std::ranges::find_if(shards, [](const LayerIndex& shard) { return shard.weight.has_value(); });
  if (next == nullptr || !next->weight || own == shards.end()) {
    return 0;
  }
  const auto numbers = [](const DatasetIndex& dataset) {
    return static_cast<double>(dataset.bytes()) / static_cast<double>(dataset.element.size());
  };
  const double d = static_cast<double>(plan.format.row_length());
  const double blocks = 2 * 256 * numbers(*own->weight) / d;
  return (numbers(*own->weight) + 2 * numbers(*next->weight) + blocks) * sizeof(double) +
         static_cast<double>(next->weight->bytes()) + static_cast<double>(reading_memory(*next->weight));
}

void compare_with_next(LayerWeight& weight, const std::vector<LayerIndex>& shards, const LayerPlan& plan) {
  const NextLayer* const next = next_of(shards);
  weight.no_balance = unlike(weight, next);
  if (weight.no_balance.empty()) {
    weight.no_balance = plan.needs.no_balance;
  }
  if (!weight.no_balance.empty()) {
    return;
  }
  try {
    Matrix stored = read_matrix(*next->weight);
    weight.balance =
        balancedness(weight.matrix, next->weight_transposed ? linalg::transposed(stored) : stored);
  } catch (const InputError&) {  // told of the layer whose weight it is
    weight.no_balance = "the next layer's weight cannot be used";
    return;
  }
  if (shards.front().index && next->index && !follows_by_index(shards.front(), *next)) {
    weight.balance->note = fmt::format("with {}", printable(next->name));
  }
}

void compare_with_next(LayerWeight& weight, const Matrix& next) {
  if (weight.matrix.empty()) {
    weight.no_balance = weight.missing;
  } else if (next.empty()) {
    weight.no_balance = no_next_weight;
  } else if (next.cols() != weight.matrix.rows()) {
    weight.no_balance =
        fmt::format("the next weight has {} columns, this one {} rows", next.cols(), weight.matrix.rows());
  } else {
    weight.balance = balancedness(weight.matrix, next);
  }
}

}  // namespace collapscope
