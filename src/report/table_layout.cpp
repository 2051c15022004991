// Column choice: a loop from "everything fits" to "only the most important column".
#include "report/table_layout.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "report/short_names.hpp"
#include "report/table_columns.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::string_view name_label = "layer";
constexpr std::size_t comfortable_name = 16;  // names are never cut below it while columns could go instead
constexpr std::size_t longest_name = 256;     // more is not looked at

std::string shown_name(std::string_view layer) { return shown_text(layer, longest_name); }

std::vector<std::string> distinct_names(const Results& results) {
  std::set<std::string> names;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) names.insert(shown_name(layer.name));
  }
  return {names.begin(), names.end()};
}

std::size_t longest(const std::vector<std::string>& names) {
  std::size_t width = name_label.size();
  for (const std::string& name : names) width = std::max(width, display_width(name));
  return width;
}

// The smallest width that names may be cut to while columns could be left out instead.
std::size_t smallest_good_width(const std::vector<std::string>& names, std::size_t full, std::size_t room) {
  for (std::size_t width = std::min(full, comfortable_name); width < std::min(full, room); ++width) {
    if (distinct_head(names, width)) return width;
  }
  return full;
}

// Fills a layout with the columns that have a value somewhere.
void choose_columns(const Results& results, const MetricChoice& metrics, std::size_t width,
                    TableLayout& layout) {
  for (const Column& column : table_columns(results, metrics, width)) {
    ShownColumn shown{column, column.label.size(), false};
    std::size_t cells = 0;
    bool asked = false;
    bool defined = false;
    for (const CheckpointResult& checkpoint : results.checkpoints) {
      for (const LayerResult& layer : checkpoint.layers) {
        const Metric* metric = layer.metrics.find(column.metric);
        const Cell cell = cell_of(metric, column);
        asked = asked || metric != nullptr || !metrics.all();
        defined = defined || (metric != nullptr && (metric->number() || column.entry > 0));
        shown.marks = shown.marks || cell.marked;
        cells = std::max(cells, cell.text.size());
      }
    }
    shown.width = std::max(shown.width, cells) + (shown.marks ? 1 : 0);
    if (defined) {
      layout.columns.push_back(shown);
    } else if (asked) {
      layout.undefined.push_back(column);
    }
  }
}

std::size_t columns_width(const TableLayout& layout, std::size_t gap) {
  std::size_t width = table_indent;
  for (const ShownColumn& shown : layout.columns) width += gap + shown.width;
  return width;
}

void leave_out_least_important(TableLayout& layout) {
  const auto least = std::ranges::min_element(
      layout.columns, {}, [](const ShownColumn& shown) { return shown.column.importance; });
  layout.left_out.push_back(std::move(least->column));
  layout.columns.erase(least);
}

}  // namespace

std::string TableLayout::name(std::string_view layer) const {
  return pad_right(shorten(shown_name(layer), name_head, name_width - 1 - name_head), name_width);
}

TableLayout lay_out(const Results& results, const MetricChoice& metrics, std::size_t width) {
  TableLayout layout;
  choose_columns(results, metrics, width, layout);
  const std::vector<std::string> names = distinct_names(results);
  const std::size_t full = longest(names);
  const std::size_t good = smallest_good_width(names, full, width);
  const auto room = [&](std::size_t gap) {
    const std::size_t used = columns_width(layout, gap);
    return used < width ? width - used : 0;
  };
  // The last column stays as long as names keep a few characters.
  while (room(1) < good && !layout.columns.empty() && (layout.columns.size() > 1 || room(1) < 4)) {
    leave_out_least_important(layout);
  }
  layout.gap = room(2) >= full ? 2 : 1;
  layout.name_width = std::min(full, room(layout.gap));
  layout.name_head = distinct_head(names, layout.name_width).value_or(layout.name_width / 2);
  return layout;
}

}  // namespace collapscope
