// A report for a terminal: every run in a few lines, then the runs side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "collapscope/report/report.hpp"
#include "report/run_words.hpp"
#include "report/table_cells.hpp"
#include "report/table_notes.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t narrowest_report = 40;
constexpr std::size_t label_width = 13;
constexpr std::size_t longest_cell = 24;

class Page {
 public:
  explicit Page(std::size_t width) : width_(std::max(width, narrowest_report)) {}

  void line(std::string_view text) { out_ += std::string(text) + "\n"; }

  void wrapped(const std::vector<std::string>& pieces, std::string_view separator, std::size_t indent) {
    for (const std::string& text : wrap(pieces, separator, width_, indent)) line(text);
  }

  // "  label      text that goes on below itself"
  void labelled(std::string_view label, const std::string& text) {
    if (text.empty()) return;
    const std::vector<std::string> lines = wrap(words(text), " ", width_ - label_width - 2, 0);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      line("  " + pad_right(i == 0 ? label : "", label_width) + lines[i]);
    }
  }

  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  std::size_t width_;
  std::string out_;
};

using Attribute = Attributes::value_type;

bool contains(const Attributes& attributes, const Attribute& wanted) {
  return std::ranges::find(attributes, wanted) != attributes.end();
}

std::string fact(const Attribute& attribute) {
  return name_text(attribute.first) + " " + attribute_text(attribute.second);
}

// What all runs have in common; nothing for a single run.
Attributes shared_attributes(const std::vector<Run>& runs) {
  Attributes shared;
  if (runs.size() < 2) return shared;
  for (const Attribute& attribute : runs.front().attributes) {
    if (std::ranges::all_of(runs, [&](const Run& run) { return contains(run.attributes, attribute); })) {
      shared.push_back(attribute);
    }
  }
  return shared;
}

std::string dimension_text(const CheckpointResult& last) {
  const std::optional<IntrinsicDimension> dimension = intrinsic_dimension(last);
  if (!dimension) return "";
  const std::optional<double> classes = last.targets.number("classes");
  const std::string targets = dimension->targets_rank
                                  ? fmt::format("; the targets have rank {}", *dimension->targets_rank)
                              : classes ? fmt::format("; there are {:.0f} classes", *classes)
                                        : std::string();
  return fmt::format("{} {} 99 % of the variance of {}{}",
                     counted(static_cast<std::size_t>(dimension->learned), "component"),
                     dimension->learned == 1 ? "holds" : "hold", name_text(dimension->layer), targets);
}

std::string ufm_text(const CheckpointResult& last) {
  const std::optional<UfmDistance> distance = ufm_distance(last);
  if (!distance) {
    const Metric* c = last.targets.find("ufm_c");
    return c == nullptr || c->note.empty() ? "" : fmt::format("not known ({})", name_text(c->note));
  }
  std::string text;
  for (const auto& [name, value] : distance->values) {
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, short_number(*value));
  }
  return name_text(distance->layer) + ": " + text;
}

std::string model_text(const CheckpointResult& last) {
  std::string text;
  for (const std::string_view name : {"model_mse", "model_r2", "model_accuracy", "model_cross_entropy"}) {
    const std::optional<double> value = last.targets.number(name);
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, short_number(*value));
  }
  return text;
}

void describe(Page& page, const Results& results, const Run& run, const Attributes& said,
              const Criteria& criteria) {
  const RunCollapse collapse = run_collapse(results, run, criteria);
  const std::size_t count = run.checkpoints.size();
  const CheckpointResult& last = results.checkpoints[run.checkpoints.back()];
  std::vector<std::string> facts = {name_text(run.name) + ": " + counted(count, "checkpoint")};
  if (last.step) {
    facts.push_back(count == 1 ? step_text(results, run, 0)
                               : step_text(results, run, 0) + " to " + step_text(results, run, count - 1));
  }
  for (const auto& attribute : run.attributes) {
    if (!contains(said, attribute)) facts.push_back(fact(attribute));
  }
  page.line("");
  page.wrapped(facts, ", ", 4);
  page.labelled("collapsed", collapse_words(results, run, collapse, criteria));
  if (count > 1) page.labelled("when", since_words(results, run, collapse));
  page.labelled("dimension", dimension_text(last));
  page.labelled("model", model_text(last));
  page.labelled("UFM", ufm_text(last));
}

// ---- Runs side by side

using Row = std::vector<std::string>;

std::string cell_text(double number) {
  return std::trunc(number) == number && std::abs(number) < 1e5 ? fmt::format("{:.0f}", number)
                                                                : short_number(number);
}

// Mean and spread; their n where not all `runs` have the value.
std::string statistic_text(const std::vector<MetricStatistic>& statistics, std::string_view metric,
                           std::size_t runs) {
  const auto found = std::ranges::find(statistics, metric, &MetricStatistic::metric);
  if (found == statistics.end()) return "-";
  const Statistic& statistic = found->statistic;
  std::string text = cell_text(statistic.mean);
  if (statistic.spread) text += " ± " + cell_text(*statistic.spread);
  if (statistic.count != runs) text += fmt::format(" (n {})", statistic.count);
  return text;
}

// Where collapse begins in the group's runs: "fc4", "fc4 to fc5", "fc4 / none".
std::string from_text(const Results& results, const std::vector<Run>& runs, const RunGroup& group,
                      const Criteria& criteria) {
  std::map<std::size_t, std::string> layers;  // by depth
  std::set<std::string> others;
  for (const std::size_t i : group.runs) {
    const CheckpointResult& last = results.checkpoints[runs[i].checkpoints.back()];
    const CheckpointCollapse collapse = checkpoint_collapse(last, criteria);
    if (collapse.from) {
      layers.emplace(*collapse.from, shorten_middle(name_text(last.layers[*collapse.from].name), 16));
    } else {
      others.insert(!collapse.layers.empty() && !collapse.layers.back() ? "unknown" : "none");
    }
  }
  std::string text = layers.empty() ? "" : layers.begin()->second;
  if (layers.size() > 1) text += " to " + layers.rbegin()->second;
  for (const std::string& other : others) text += (text.empty() ? "" : " / ") + other;
  return text;
}

// What the runs' models are compared by.
std::string_view model_metric(const Results& results) {
  const auto classifies = [](const CheckpointResult& checkpoint) {
    return checkpoint.task == "classification";
  };
  return std::ranges::all_of(results.checkpoints, classifies) ? "model_accuracy" : "model_mse";
}

Row headings(const RunComparison& comparison, const Criteria& criteria, std::string_view model) {
  Row row;
  for (const std::string& name : comparison.by) row.push_back(shorten_middle(name_text(name), longest_cell));
  row.insert(row.end(), {"runs", "from", "layer"});
  for (const Criterion& criterion : criteria) row.push_back(criterion.metric);
  row.insert(row.end(), {"dims_99", std::string(model)});
  return row;
}

Row cells(const Results& results, const std::vector<Run>& runs, const RunComparison& comparison,
          const RunGroup& group, const Criteria& criteria) {
  Row row;
  for (std::size_t i = 0; i < comparison.by.size(); ++i) {
    row.push_back(group.values[i] ? shorten_middle(attribute_text(*group.values[i]), longest_cell) : "-");
  }
  const std::size_t count = group.runs.size();
  row.push_back(fmt::to_string(count));
  row.push_back(from_text(results, runs, group, criteria));
  static const LayerStatistics no_layer;
  const LayerStatistics& last = group.last.empty() ? no_layer : group.last.back();
  row.push_back(shorten_middle(name_text(last.layer), longest_cell));
  for (const Criterion& criterion : criteria)
    row.push_back(statistic_text(last.metrics, criterion.metric, count));
  row.push_back(statistic_text(last.metrics, "feature_dims_99", count));
  row.push_back(statistic_text(group.targets, model_metric(results), count));
  return row;
}

// Whether a mean that is shown is not of all runs of the group.
bool lacks_values(const RunGroup& group, const Criteria& criteria, std::string_view model) {
  const auto of_fewer = [&](const std::vector<MetricStatistic>& statistics, std::string_view metric) {
    const auto found = std::ranges::find(statistics, metric, &MetricStatistic::metric);
    return found != statistics.end() && found->statistic.count != group.runs.size();
  };
  if (of_fewer(group.targets, model)) return true;
  if (group.last.empty()) return false;
  const std::vector<MetricStatistic>& last = group.last.back().metrics;
  return of_fewer(last, "feature_dims_99") || std::ranges::any_of(criteria, [&](const Criterion& criterion) {
           return of_fewer(last, criterion.metric);
         });
}

void compare(Page& page, const Results& results, const std::vector<Run>& runs,
             const RunComparison& comparison, const Criteria& criteria) {
  const std::string_view model = model_metric(results);
  std::vector<Row> rows = {headings(comparison, criteria, model)};
  for (const RunGroup& group : comparison.groups) {
    rows.push_back(cells(results, runs, comparison, group, criteria));
  }
  const bool partial = std::ranges::any_of(
      comparison.groups, [&](const RunGroup& group) { return lacks_values(group, criteria, model); });
  std::string by;
  for (const std::string& name : comparison.by) by += (by.empty() ? "by " : ", ") + name_text(name);
  page.line("");
  page.wrapped(
      words(fmt::format(
          "last checkpoints {}; mean ± sample standard deviation over runs, of the last layer; from: where "
          "collapse begins{}",
          by.empty() ? "of all runs" : by, partial ? "; n: runs that have the value, where not all do" : "")),
      " ", 4);
  std::vector<std::string> lines(rows.size(), " ");
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    std::size_t width = 0;
    for (const Row& row : rows) width = std::max(width, display_width(row[column]));
    if (column > 0 && display_width(lines[0]) + 1 + width > page.width()) {
      page.wrapped(words("  too narrow for: " +
                         fmt::format("{}", fmt::join(rows[0].begin() + static_cast<std::ptrdiff_t>(column),
                                                     rows[0].end(), ", "))),
                   " ", 4);
      break;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      lines[i] += " " + pad_left(rows[i][column], width) + " ";
    }
  }
  for (const std::string& text : lines) page.line(text.substr(0, text.find_last_not_of(' ') + 1));
}

std::size_t without_run(const Results& results) {
  return static_cast<std::size_t>(std::ranges::count_if(
      results.checkpoints, [](const CheckpointResult& c) { return c.run.empty() && c.id.empty(); }));
}

}  // namespace

std::string report_text(const Results& results, const RunReport& report, std::size_t width) {
  const std::vector<Run> runs = group_runs(results);
  const RunComparison comparison = compare_runs(results, runs, report.by);
  Page page(width);
  page.wrapped(words(shown_text(report_title(report, runs), 400)), " ", 4);
  page.wrapped(words("collapsed means: " + criteria_text(report.criteria)), " ", 4);
  const Attributes shared = shared_attributes(runs);
  if (!shared.empty()) {
    std::vector<std::string> facts;
    for (const Attribute& attribute : shared) facts.push_back(fact(attribute));
    facts.front().insert(0, "all runs: ");
    page.wrapped(facts, ", ", 4);
  }
  for (const RunGroup& group : comparison.groups) {
    for (const std::size_t i : group.runs) describe(page, results, runs[i], shared, report.criteria);
  }
  if (runs.size() > 1) compare(page, results, runs, comparison, report.criteria);
  if (const std::size_t alone = without_run(results); alone > 1) {
    page.line("");
    page.wrapped(words(fmt::format("{} checkpoints name no run and stand alone; the attribute `run` in their "
                                   "dumps makes them a run.",
                                   alone)),
                 " ", 4);
  }
  const std::vector<std::string> failures = failure_lines(results.failures, page.width());
  if (!failures.empty()) page.line("");
  for (const std::string& text : failures) page.line(text);
  return std::move(page).text();
}

}  // namespace collapscope
