// The usual columns, and those for what was asked for.
#include "report/table_columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace collapscope {
namespace {

struct UsualColumn {
  std::string_view metric;
  std::string_view label;
  int importance;
};

constexpr std::array<UsualColumn, 16> usual_columns = {{
    {"features", "d", 5},
    {"feature_stable_rank", "srank", 2},
    {"nrc1", "nrc1", 10},
    {"nrc2", "nrc2", 7},
    {"nrc3", "nrc3", 4},
    {"nc1", "nc1", 10},
    {"nc2_equiangular", "nc2", 8},
    {"nc2_etf", "nc2_etf", 6},
    {"nc3_self_duality", "nc3", 7},
    {"nc4_disagreement", "nc4", 5},
    {"ncc_accuracy", "ncc", 6},
    {"deep_nrc1", "deep_nrc1", 9},
    {"deep_nrc2", "deep_nrc2", 8},
    {"deep_nrc3", "deep_nrc3", 6},
    {"deep_nrc4", "deep_nrc4", 1},
    {"linear_mse", "linear_mse", 3},
}};

constexpr int usual_weight = 1000;          // a usual metric comes before any other,
constexpr int named_weight = 100'000;       // and one asked for by its name before what a glob selects
constexpr std::size_t narrowest_entry = 7;  // columns that "evr[1]" and its gap take

Column column_of(const MetricInfo& info, const MetricChoice& metrics) {
  Column column{std::string(info.name), std::string(info.name)};
  const auto* usual = std::ranges::find(usual_columns, info.name, &UsualColumn::metric);
  if (usual != usual_columns.end()) {
    column.label = usual->label;
    column.importance = usual_weight * usual->importance;
  } else {
    column.importance = static_cast<int>(metric_catalogue().data() + metric_catalogue().size() - &info);
  }
  if (metrics.names(info.name)) column.importance += named_weight;
  return column;
}

std::size_t longest_list(const Results& results, std::string_view name) {
  std::size_t longest = 0;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) {
      const Metric* metric = layer.metrics.find(name);
      const auto* list = metric == nullptr ? nullptr : std::get_if<std::vector<double>>(&metric->value);
      if (list != nullptr) longest = std::max(longest, list->size());
    }
  }
  return longest;
}

// A column for each entry. The first is as important as the list, all others less than any other column.
void add_entries(std::vector<Column>& columns, Column column, std::size_t width) {
  const std::size_t count = std::min(column.entries, width / narrowest_entry + 1);
  for (column.entry = 1; column.entry <= count; ++column.entry) {
    column.label = fmt::format("{}[{}]", column.metric, column.entry);
    if (column.entry > 1) column.importance = -static_cast<int>(column.entry);
    columns.push_back(column);
  }
}

}  // namespace

std::vector<Column> table_columns(const Results& results, const MetricChoice& metrics, std::size_t width) {
  std::vector<Column> columns;
  if (metrics.all()) {
    for (const UsualColumn& usual : usual_columns) {
      columns.push_back({std::string(usual.metric), std::string(usual.label), usual.importance});
    }
  } else {
    for (const MetricInfo& info : metric_catalogue()) {
      if (info.scope != MetricScope::layer && info.scope != MetricScope::run) continue;
      if (!metrics.shows(info.name)) continue;
      Column column = column_of(info, metrics);
      if (info.list) column.entries = longest_list(results, info.name);
      if (column.entries > 0) {
        add_entries(columns, std::move(column), width);
      } else {
        columns.push_back(std::move(column));
      }
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i].place = i;
  return columns;
}

}  // namespace collapscope
