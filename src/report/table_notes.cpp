// Footnotes, built from the notes of the metrics that are shown.
#include "report/table_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t most_reasons = 12;
constexpr std::size_t most_layers = 4;  // named in a footnote
constexpr std::size_t most_failures = 20;
constexpr std::size_t longest_text = 1000;  // columns; texts come from files

using Lines = std::vector<std::string>;

std::string shown(std::string_view text) { return shown_text(text, longest_text); }

void append_wrapped(Lines& lines, std::string_view text, std::size_t width, std::size_t indent) {
  const Lines more = wrap(words(text), " ", width, indent);
  lines.insert(lines.end(), more.begin(), more.end());
}

// The layers of one reason, each once, in the order they were met.
struct Layers {
  Lines names;
  std::set<std::string> known;

  void add(const std::string& name) {
    if (known.insert(name).second) names.push_back(name);
  }
};

// Reason and column -> the layers it holds for; columns in table order.
class Reasons {
 public:
  void add(const std::string& note, std::string_view column, const std::string& layer) {
    const auto [at, inserted] = layers_.try_emplace({note, std::string(column)});
    if (inserted) order_.push_back(at->first);
    at->second.add(layer);
  }

  // "no weight: nrc2, nrc3 of fc_in", columns that hold for the same layers together.
  [[nodiscard]] Lines lines(const Layers& all) const {
    Lines out;
    std::set<Key> done;
    for (const Key& key : order_) {
      if (done.contains(key)) continue;
      const Lines& names = layers_.at(key).names;
      std::string columns;
      for (const Key& other : order_) {
        if (other.first != key.first || layers_.at(other).names != names) continue;
        columns += (columns.empty() ? "" : ", ") + other.second;
        done.insert(other);
      }
      out.push_back(fmt::format("{}: {} of {}", key.first, columns, layers_text(layers_.at(key), all)));
    }
    return out;
  }

 private:
  using Key = std::pair<std::string, std::string>;

  static std::string listed(const Lines& names) {
    const std::size_t named = names.size() <= most_layers + 1 ? names.size() : most_layers;
    const auto end = names.begin() + static_cast<std::ptrdiff_t>(named);
    const std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
    return named == names.size() ? text : fmt::format("{} and {} more", text, names.size() - named);
  }

  // "fc1, fc2", "all layers", "all layers but head"
  static std::string layers_text(const Layers& some, const Layers& all) {
    if (all.names.size() == 1 || some.names.size() <= 2) return listed(some.names);
    Lines others;
    std::ranges::copy_if(all.names, std::back_inserter(others),
                         [&](const std::string& name) { return !some.known.contains(name); });
    if (others.empty()) return "all layers";
    return others.size() < some.names.size() ? "all layers but " + listed(others) : listed(some.names);
  }

  std::map<Key, Layers> layers_;
  std::vector<Key> order_;
};

// What the cells of the shown columns leave to explain.
struct Findings {
  Reasons undefined;
  Reasons marked;
  bool floors = false;
  Layers layers;
};

Findings findings_of(const Results& results, const TableLayout& layout) {
  Findings found;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) found.layers.add(shown(layer.name));
  }
  for (const ShownColumn& column : layout.columns) {
    for (const CheckpointResult& checkpoint : results.checkpoints) {
      for (const LayerResult& layer : checkpoint.layers) {
        const Metric* metric = layer.metrics.find(column.column.metric);
        if (metric == nullptr) continue;
        const Cell cell = cell_of(metric, column.column);
        found.floors = found.floors || cell.text.starts_with('<');
        if (metric->note.empty()) continue;
        (metric->defined() ? found.marked : found.undefined)
            .add(shown(metric->note), column.column.entry > 0 ? column.column.metric : column.column.label,
                 shown(layer.name));
      }
    }
  }
  return found;
}

void append_reasons(Lines& lines, std::string_view sign, const Lines& reasons, std::size_t width) {
  const std::size_t count = std::min(reasons.size(), most_reasons);
  for (std::size_t i = 0; i < count; ++i) {
    append_wrapped(lines, fmt::format("{} {}", sign, reasons[i]), width, table_indent);
  }
  if (count < reasons.size()) {
    append_wrapped(lines, fmt::format("{} {} more reasons: see the JSON", sign, reasons.size() - count),
                   width, table_indent);
  }
}

// Why a column that was asked for has no value anywhere: the first note there is.
std::string why_undefined(const Results& results, std::string_view metric_name) {
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) {
      const Metric* metric = layer.metrics.find(metric_name);
      if (metric != nullptr && !metric->note.empty()) return shown(metric->note);
    }
  }
  return "";
}

// "not defined in any layer: nrc3 (n = 1)"
void append_undefined_columns(Lines& lines, const Results& results, const TableLayout& layout,
                              std::size_t width) {
  std::vector<std::pair<std::string, std::string>> columns_by_reason;
  for (const Column& column : layout.undefined) {
    const std::string why = why_undefined(results, column.metric);
    const auto known =
        std::ranges::find(columns_by_reason, why, [](const auto& entry) { return entry.first; });
    if (known == columns_by_reason.end()) {
      columns_by_reason.emplace_back(why, column.label);
    } else {
      known->second += fmt::format(", {}", column.label);
    }
  }
  std::string text;
  for (const auto& [why, columns] : columns_by_reason) {
    text += (text.empty() ? "" : "; ") + columns + (why.empty() ? "" : " (" + why + ")");
  }
  if (!text.empty()) append_wrapped(lines, "not defined in any layer: " + text, width, table_indent);
}

// "nrc3"; of a list "evr[3] to evr[10]", for its last entries go first
std::string left_out_text(const Column& first) {
  if (first.entry <= 1) return first.metric;
  const std::string last = fmt::format("{}[{}]", first.metric, first.entries);
  return first.entry == first.entries ? last : first.label + " to " + last;
}

void append_left_out(Lines& lines, const TableLayout& layout, std::size_t width) {
  std::vector<Column> left_out = layout.left_out;
  std::ranges::sort(left_out, {}, &Column::place);
  std::string text;
  for (std::size_t i = 0; i < left_out.size(); ++i) {
    if (i > 0 && left_out[i].metric == left_out[i - 1].metric) continue;
    text += (text.empty() ? "" : ", ") + left_out_text(left_out[i]);
  }
  if (!text.empty()) append_wrapped(lines, "left out in this width: " + text, width, table_indent);
}

// Whether there is a column that a criterion is about.
bool can_be_green(const TableLayout& layout, const Criteria& criteria) {
  return std::ranges::any_of(criteria, [&](const Criterion& criterion) {
    return std::ranges::any_of(layout.columns, [&](const ShownColumn& shown_column) {
      return shown_column.column.metric == criterion.metric;
    });
  });
}

// What the abbreviated headings and the colour stand for.
void append_legend(Lines& lines, const Results& results, const TableLayout& layout, const TableStyle& style,
                   std::size_t width) {
  std::string text;
  for (const ShownColumn& shown_column : layout.columns) {
    const Column& column = shown_column.column;
    if (column.metric == column.label || column.entry > 0) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", column.label, column.metric);
  }
  if (style.colour && (can_be_green(layout, style.criteria.regression) ||
                       can_be_green(layout, style.criteria.classification))) {
    text += text.empty() ? "" : "; ";
    text +=
        fmt::format("green: collapsed ({}; a layer where all hold)", criteria_text(style.criteria, results));
  }
  if (!text.empty()) append_wrapped(lines, text, width, table_indent);
}

}  // namespace

std::vector<std::string> table_notes(const Results& results, const TableLayout& layout,
                                     const TableStyle& style, std::size_t width) {
  Lines lines;
  const Findings found = findings_of(results, layout);
  const bool bare = layout.columns.empty() && layout.left_out.empty() && !found.layers.names.empty();
  if (bare && style.metrics.all()) {
    append_wrapped(lines, "no metric of this table was computed: see the JSON or CSV", width, table_indent);
  } else if (bare && layout.undefined.empty()) {
    append_wrapped(lines, "only metrics of the targets were asked for", width, table_indent);
  }
  append_legend(lines, results, layout, style, width);
  if (found.floors) append_wrapped(lines, "< x: below the floor, rounding not collapse", width, table_indent);
  append_reasons(lines, "-", found.undefined.lines(found.layers), width);
  append_reasons(lines, "*", found.marked.lines(found.layers), width);
  append_undefined_columns(lines, results, layout, width);
  append_left_out(lines, layout, width);
  return lines;
}

std::vector<std::string> failure_lines(const std::vector<Failure>& failures, std::size_t width) {
  Lines lines;
  if (failures.empty()) return lines;
  lines.push_back(failures.size() == 1 ? "1 failure:" : fmt::format("{} failures:", failures.size()));
  const std::size_t count = std::min(failures.size(), most_failures);
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = shown(failures[i].path);
    if (!failures[i].object.empty()) text += ": " + shown(failures[i].object);
    text += ": " + shown(failures[i].message);
    for (const std::string& line : wrap(words(text), " ", width - table_indent, table_indent)) {
      lines.push_back(std::string(table_indent, ' ') + line);
    }
  }
  if (count < failures.size()) {
    append_wrapped(lines, fmt::format("  and {} more: see the JSON", failures.size() - count), width,
                   table_indent);
  }
  return lines;
}

}  // namespace collapscope
