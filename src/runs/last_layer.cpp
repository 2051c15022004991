// What the last layer of a checkpoint has learned: how many dimensions, and how near to the UFM's minimum.
#include <algorithm>
#include <array>

#include "collapscope/runs/runs.hpp"

namespace collapscope {
namespace {

std::optional<std::int64_t> count_of(const MetricSet& metrics, std::string_view name) {
  const Metric* metric = metrics.find(name);
  const auto* count = metric == nullptr ? nullptr : std::get_if<std::int64_t>(&metric->value);
  return count == nullptr ? std::nullopt : std::optional(*count);
}

struct UfmValue {
  std::string_view key;
  std::string_view metric;
  bool of_layer;
  bool predicted;  // says something about the UFM by itself
};

constexpr std::array<UfmValue, 8> ufm_values = {{{"gram_error", "ufm_gram_error", true, true},
                                                 {"nrc3", "nrc3_ufm", true, true},
                                                 {"c", "ufm_c", false, true},
                                                 {"rank", "ufm_rank", false, true},
                                                 {"loss", "ufm_loss", false, true},
                                                 {"residual_variance", "ufm_residual_variance", false, true},
                                                 {"model_mse", "model_mse", false, false},
                                                 {"residual_whiteness", "residual_whiteness", false, false}}};

}  // namespace

std::optional<IntrinsicDimension> intrinsic_dimension(const CheckpointResult& checkpoint) {
  if (checkpoint.last_layer() == nullptr) return std::nullopt;
  const LayerResult& last = *checkpoint.last_layer();
  const std::optional<std::int64_t> learned = count_of(last.metrics, "feature_dims_99");
  if (!learned) return std::nullopt;
  return IntrinsicDimension{last.name, *learned, count_of(checkpoint.targets, "target_rank")};
}

std::optional<UfmDistance> ufm_distance(const CheckpointResult& checkpoint) {
  if (checkpoint.last_layer() == nullptr) return std::nullopt;
  const LayerResult& last = *checkpoint.last_layer();
  UfmDistance distance{last.name, {}};
  bool known = false;
  for (const UfmValue& wanted : ufm_values) {
    const std::optional<double> value =
        (wanted.of_layer ? last.metrics : checkpoint.targets).number(wanted.metric);
    known = known || (wanted.predicted && value);
    distance.values.emplace_back(wanted.key, value);
  }
  return known ? std::optional(std::move(distance)) : std::nullopt;
}

}  // namespace collapscope
