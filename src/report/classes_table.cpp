// The table of the classes of a layer that `analyze --per-class` adds below its own.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "collapscope/core/text.hpp"
#include "collapscope/report/report.hpp"
#include "report/table_cells.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {

namespace {

constexpr std::size_t most_rows = 20;
constexpr std::size_t widest_name = 24;

using Row = std::vector<std::string>;

std::string cell_of_class(const ClassColumn& column, std::size_t c) {
  return c < column.size() && column[c] ? short_number(*column[c]) : "-";
}

std::string label_text(const CheckpointClasses& classes, std::size_t c) {
  const std::string label = fmt::to_string(classes.labels[c]);
  return classes.names.empty() || classes.names[c].empty()
             ? label
             : fmt::format("{} {}", label, shown_text(classes.names[c], widest_name));
}

// All of them, or those that a nearest class mean tells worst.
std::vector<std::size_t> shown_classes(const LayerClasses& layer) {
  std::vector<std::size_t> order(layer.rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() <= most_rows) {
    return order;
  }
  const ClassColumn& by = layer.ncc_accuracy;
  std::ranges::stable_sort(order, {}, [&](std::size_t c) { return c < by.size() ? by[c].value_or(1) : 1.0; });
  order.resize(most_rows);
  return order;
}

Row row_of(const CheckpointClasses& classes, const LayerClasses& layer, std::size_t c) {
  std::string nearest = "-";
  if (c < layer.nearest.size() && layer.nearest[c]) {
    const auto found = std::ranges::lower_bound(classes.labels, *layer.nearest[c]);
    nearest = found == classes.labels.end()
                  ? fmt::to_string(*layer.nearest[c])
                  : label_text(classes, static_cast<std::size_t>(found - classes.labels.begin()));
  }
  return {label_text(classes, c),
          fmt::to_string(layer.rows[c]),
          cell_of_class(layer.mean_norm, c),
          cell_of_class(layer.within_variance, c),
          cell_of_class(layer.weight_cosine, c),
          nearest,
          cell_of_class(layer.nearest_cosine, c),
          cell_of_class(layer.ncc_accuracy, c),
          cell_of_class(classes.model_accuracy, c)};
}

std::string lines_of(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool is_text = i == 0 || i == 5;  // labels
      line += "  " + (is_text ? pad_right(row[i], widths[i]) : pad_left(row[i], widths[i]));
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace

std::string classes_table(const Results& results) {
  const auto last = std::find_if(
      results.checkpoints.rbegin(), results.checkpoints.rend(), [](const CheckpointResult& checkpoint) {
        return checkpoint.classes && checkpoint.last_layer() != nullptr && checkpoint.last_layer()->classes;
      });
  if (last == results.checkpoints.rend()) {
    return "";
  }
  const CheckpointResult& checkpoint = *last;
  const LayerResult& layer = *checkpoint.last_layer();
  std::vector<Row> rows{{"class", "rows", "|m|", "within", "cos w", "nearest", "cos", "NCC", "model"}};
  const std::vector<std::size_t> shown = shown_classes(*layer.classes);
  for (const std::size_t c : shown) {
    rows.push_back(row_of(*checkpoint.classes, *layer.classes, c));
  }
  const std::size_t left = layer.classes->rows.size() - shown.size();
  const std::string more =
      left == 0 ? ""
                : fmt::format("the {} of lowest ncc_accuracy; {} more and all layers: -o FILE.csv\n",
                              shown.size(), left);
  return fmt::format("classes of {} ({}):\n{}{}", printable(layer.name), printable(checkpoint.path),
                     lines_of(rows), more);
}

}  // namespace collapscope
