// A report for a terminal: every run in a few lines, then the runs side by side.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "collapscope/core/text.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "collapscope/report/report.hpp"
#include "report/run_words.hpp"
#include "report/short_names.hpp"
#include "report/table_cells.hpp"
#include "report/table_notes.hpp"
#include "report/terminal_text.hpp"
#include "runs/attribute_key.hpp"

namespace collapscope {
namespace {

constexpr std::size_t narrowest_report = 40;
constexpr std::size_t label_width = 13;
constexpr std::size_t longest_cell = 24;
constexpr std::size_t longest_name = 16;

class Page {
 public:
  Page(std::size_t width, bool cut) : width_(std::max(width, narrowest_report)), cut_(cut) {}

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
  [[nodiscard]] bool cut() const { return cut_; }
  // Of a name in a sentence.
  [[nodiscard]] std::size_t longest() const { return cut_ ? longest_shown_name : uncut_name; }
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  std::size_t width_;
  bool cut_;
  std::string out_;
};

using Attribute = Attributes::value_type;

bool contains(const Attributes& attributes, const Attribute& wanted) {
  return std::ranges::any_of(attributes, [&](const Attribute& attribute) {
    return attribute.first == wanted.first && same_value(attribute.second, wanted.second);
  });
}

std::string fact(const Attribute& attribute, std::size_t longest) {
  return name_text(attribute.first, longest) + " " + attribute_text(attribute.second, longest);
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

std::string dimension_text(const CheckpointResult& last, std::size_t longest) {
  const std::optional<IntrinsicDimension> dimension = intrinsic_dimension(last);
  if (!dimension) return "";
  const std::optional<double> classes = last.targets.number("classes");
  const std::string targets = dimension->targets_rank
                                  ? fmt::format("; the targets have rank {}", *dimension->targets_rank)
                              : classes ? fmt::format("; there are {:.0f} classes", *classes)
                                        : std::string();
  return fmt::format("{} {} 99 % of the variance of {}{}",
                     counted(static_cast<std::size_t>(dimension->learned), "component"),
                     dimension->learned == 1 ? "holds" : "hold", name_text(dimension->layer, longest),
                     targets);
}

std::string ufm_text(const CheckpointResult& last, std::size_t longest) {
  const std::optional<UfmDistance> distance = ufm_distance(last);
  if (!distance) {
    const Metric* c = last.targets.find("ufm_c");
    return c == nullptr || c->note.empty() ? ""
                                           : fmt::format("not known ({})", reason_text(c->note, longest));
  }
  std::string text;
  for (const auto& [name, value] : distance->values) {
    if (value) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, short_number(*value));
  }
  return name_text(distance->layer, longest) + ": " + text;
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
  std::vector<std::string> facts = {name_text(run.name, page.longest()) + ": " +
                                    counted(count, "checkpoint")};
  if (last.step) {
    facts.push_back(count == 1 ? step_text(results, run, 0, page.longest())
                               : step_text(results, run, 0, page.longest()) + " to " +
                                     step_text(results, run, count - 1, page.longest()));
  }
  for (const auto& attribute : run.attributes) {
    if (!contains(said, attribute)) facts.push_back(fact(attribute, page.longest()));
  }
  page.line("");
  page.wrapped(facts, ", ", 4);
  if (run.death) {
    page.labelled("collapsed", death_words(run, page.longest()) + ": not compared with the others");
    return;
  }
  page.labelled("collapsed", collapse_words(results, run, collapse, criteria, page.longest()));
  if (count > 1) page.labelled("when", since_words(results, run, collapse, page.longest()));
  page.labelled("measured", measured_words(results, run, criteria, page.longest()));
  page.labelled("dimension", dimension_text(last, page.longest()));
  page.labelled("depth", depth_words(last, page.longest()));
  page.labelled("model", model_text(last));
  page.labelled("UFM", ufm_text(last, page.longest()));
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

// What is compared, and how it is written.
struct Comparing {
  const Results& results;
  const std::vector<Run>& runs;
  const TaskCriteria& criteria;
  std::vector<std::string> metrics;  // of the last layer
  std::vector<std::string> models;   // of the targets and the model
  ShortNames names;
  bool cut;

  [[nodiscard]] std::string text(std::string_view raw) const {
    return cut ? shorten_middle(name_text(raw), longest_cell) : printable(raw);
  }
};

bool has_metric(const RunComparison& comparison, std::string_view name) {
  return std::ranges::any_of(comparison.groups, [&](const RunGroup& group) {
    return std::ranges::find(group.deepest, name, &MetricStatistic::metric) != group.deepest.end();
  });
}

// The criteria's metrics and the dimension, as far as the results have them; of results with few others,
// those that were asked for.
std::vector<std::string> metrics_of(const Results& results, const RunComparison& comparison,
                                    const TaskCriteria& criteria) {
  constexpr std::size_t most_others = 6;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const std::string& task : tasks_told_apart(criteria, results)) {
    for (const Criterion& criterion : task == "regression" ? criteria.regression : criteria.classification) {
      add(criterion.metric);
    }
  }
  if (std::ranges::all_of(names, [&](const std::string& name) { return has_metric(comparison, name); })) {
    add("feature_dims_99");
    return names;
  }
  std::erase_if(names, [&](const std::string& name) { return !has_metric(comparison, name); });
  for (const RunGroup& group : comparison.groups) {
    for (const MetricStatistic& one : group.deepest) {
      const MetricInfo* info = find_metric_info(one.metric);
      if (names.size() < most_others && info != nullptr && info->trend != MetricTrend::none) add(one.metric);
    }
  }
  return names;
}

std::vector<std::string> models_of(const Results& results) {
  const auto classifies = [](const CheckpointResult& checkpoint) {
    return checkpoint.task == "classification";
  };
  std::vector<std::string> names;
  if (!std::ranges::all_of(results.checkpoints, classifies)) names.emplace_back("model_mse");
  if (std::ranges::any_of(results.checkpoints, classifies)) names.emplace_back("model_accuracy");
  return names;
}

std::vector<std::string> last_layer_names(const Results& results) {
  std::vector<std::string> names;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    for (const LayerResult& layer : checkpoint.layers) names.push_back(printable(layer.name));
  }
  return names;
}

// Where collapse begins in the group's runs: "fc4", "fc4 to fc5", "fc4 / none".
std::string from_text(const Comparing& comparing, const RunGroup& group) {
  std::map<std::pair<std::size_t, std::string>, std::string> layers;  // by depth and name
  std::set<std::string> others;
  for (const std::size_t i : group.runs) {
    if (comparing.runs[i].death) {
      others.insert("dead");
      continue;
    }
    const CheckpointResult& last = comparing.results.checkpoints[comparing.runs[i].checkpoints.back()];
    const CheckpointCollapse collapse = checkpoint_collapse(last, comparing.criteria.of(last));
    if (collapse.from) {
      const std::string name = printable(last.layers[*collapse.from].name);
      const auto failed = std::ranges::count_if(
          last.failed_layers, [&](const MissingLayer& layer) { return layer.position <= *collapse.from; });
      layers.emplace(std::pair(*collapse.from + static_cast<std::size_t>(failed), name),
                     comparing.names.of(name));
    } else {
      const bool unknown = !last.layers.empty() && (last.last_layer() == nullptr || !collapse.layers.back());
      others.insert(unknown ? "unknown" : "none");
    }
  }
  std::string text = layers.empty() ? "" : layers.begin()->second;
  if (layers.size() > 1) text += " to " + layers.rbegin()->second;
  for (const std::string& other : others) text += (text.empty() ? "" : " / ") + other;
  return text;
}

std::string heading_of(std::string_view metric) {
  return metric == "feature_dims_99" ? "dims_99" : std::string(metric);
}

Row headings(const Comparing& comparing, const RunComparison& comparison) {
  Row row;
  for (const std::string& name : comparison.by) row.push_back(comparing.text(name));
  row.insert(row.end(), {"runs", "from", "layer"});
  for (const std::string& metric : comparing.metrics) row.push_back(heading_of(metric));
  row.insert(row.end(), comparing.models.begin(), comparing.models.end());
  return row;
}

Row cells(const Comparing& comparing, const RunComparison& comparison, const RunGroup& group) {
  Row row;
  for (std::size_t i = 0; i < comparison.by.size(); ++i) {
    row.push_back(group.values[i] ? comparing.text(attribute_text(*group.values[i], uncut_name)) : "-");
  }
  const std::size_t count = group.runs.size() - group.dead.size();
  row.push_back(group.dead.empty() ? fmt::to_string(count)
                                   : fmt::format("{} + {} dead", count, group.dead.size()));
  row.push_back(from_text(comparing, group));
  constexpr std::size_t most_names = 3;
  std::string layers;
  for (std::size_t i = 0; i < std::min(group.deepest_layers.size(), most_names); ++i) {
    layers += (layers.empty() ? "" : " / ") + comparing.names.of(printable(group.deepest_layers[i]));
  }
  if (group.deepest_layers.size() > most_names) {
    layers += fmt::format(" and {} more", group.deepest_layers.size() - most_names);
  }
  row.push_back(layers.empty() ? "-" : layers);
  for (const std::string& metric : comparing.metrics)
    row.push_back(statistic_text(group.deepest, metric, count));
  for (const std::string& model : comparing.models)
    row.push_back(statistic_text(group.targets, model, count));
  return row;
}

// Whether a mean that is shown is not of all runs of the group.
bool lacks_values(const Comparing& comparing, const RunGroup& group) {
  const auto of_fewer = [&](const std::vector<MetricStatistic>& statistics, std::string_view metric) {
    const auto found = std::ranges::find(statistics, metric, &MetricStatistic::metric);
    return found != statistics.end() && found->statistic.count != group.runs.size() - group.dead.size();
  };
  const auto of_targets = [&](const std::string& metric) { return of_fewer(group.targets, metric); };
  if (std::ranges::any_of(comparing.models, of_targets)) return true;
  return std::ranges::any_of(comparing.metrics,
                             [&](const std::string& metric) { return of_fewer(group.deepest, metric); });
}

// Of groups whose runs end at different steps, the first and the last of these; empty: there are none.
std::string mixed_steps(const Comparing& comparing, const RunComparison& comparison) {
  std::optional<std::pair<double, double>> ends;
  std::set<std::string> units;
  for (const RunGroup& group : comparison.groups) {
    std::vector<double> steps;
    for (const std::size_t i : group.runs) {
      const Run& run = comparing.runs[i];
      const std::optional<double> step = comparing.results.checkpoints[run.checkpoints.back()].step;
      if (run.death || !step) continue;
      steps.push_back(*step);
      units.insert(run.step_unit.empty() ? "step" : run.step_unit);
    }
    if (steps.empty()) continue;
    const auto [least, most] = std::ranges::minmax(steps);
    if (least == most) continue;
    ends =
        ends ? std::pair(std::min(ends->first, least), std::max(ends->second, most)) : std::pair(least, most);
  }
  if (!ends) return "";
  return fmt::format("runs that end at {} {:.10g} to {:.10g} are taken together",
                     units.size() == 1 ? comparing.text(*units.begin()) : "step", ends->first, ends->second);
}

std::string comparison_title(const Comparing& comparing, const RunComparison& comparison) {
  std::string by;
  for (const std::string& name : comparison.by)
    by += (by.empty() ? "by " : ", ") + name_text(name, comparing.cut ? longest_shown_name : uncut_name);
  const auto partial = [&](const RunGroup& group) { return lacks_values(comparing, group); };
  const auto has_dead = [](const RunGroup& group) { return !group.dead.empty(); };
  std::string text = fmt::format(
      "last checkpoints {}; mean ± sample standard deviation over runs, of the last layer; from: where "
      "collapse "
      "begins",
      by.empty() ? "of all runs" : by);
  if (const std::string steps = mixed_steps(comparing, comparison); !steps.empty()) text += "; " + steps;
  if (std::ranges::any_of(comparison.groups, has_dead)) text += "; without the dead runs";
  if (std::ranges::any_of(comparison.groups, partial))
    text += "; n: runs that have the value, where not all do";
  if (!comparing.names.left_out().empty()) {
    text += fmt::format("; names of layers without {}", comparing.names.left_out());
  }
  return text;
}

void compare(Page& page, const Results& results, const std::vector<Run>& runs,
             const RunComparison& comparison, const TaskCriteria& criteria) {
  const Comparing comparing{results,
                            runs,
                            criteria,
                            metrics_of(results, comparison, criteria),
                            models_of(results),
                            ShortNames(last_layer_names(results), page.cut() ? longest_name : uncut_name),
                            page.cut()};
  std::vector<Row> rows = {headings(comparing, comparison)};
  for (const RunGroup& group : comparison.groups) rows.push_back(cells(comparing, comparison, group));
  page.line("");
  page.wrapped(words(comparison_title(comparing, comparison)), " ", 4);
  std::vector<std::string> lines(rows.size(), " ");
  for (std::size_t column = 0; column < rows[0].size(); ++column) {
    std::size_t width = 0;
    for (const Row& row : rows) width = std::max(width, display_width(row[column]));
    if (page.cut() && column > 0 && display_width(lines[0]) + 1 + width > page.width()) {
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

std::string report_text(const Results& results, const RunReport& report, std::size_t width, bool cut) {
  const std::vector<Run> runs = group_runs(results);
  const RunComparison comparison = compare_runs(results, runs, report.by);
  Page page(width, cut);
  page.wrapped(words(shown_text(report_title(report, runs), cut ? 400 : uncut_name)), " ", 4);
  page.wrapped(words("collapsed means: " + criteria_text(report.criteria, results)), " ", 4);
  const Attributes shared = shared_attributes(runs);
  if (!shared.empty()) {
    std::vector<std::string> facts;
    for (const Attribute& attribute : shared) facts.push_back(fact(attribute, page.longest()));
    facts.front().insert(0, "all runs: ");
    page.wrapped(facts, ", ", 4);
  }
  for (const RunGroup& group : comparison.groups) {
    for (const std::size_t i : group.runs) {
      describe(page, results, runs[i], shared,
               report.criteria.of(results.checkpoints[runs[i].checkpoints.back()]));
    }
  }
  if (runs.size() > 1) compare(page, results, runs, comparison, report.criteria);
  if (const std::size_t alone = without_run(results); alone > 1) {
    page.line("");
    page.wrapped(words(fmt::format("{} checkpoints name no run and stand alone; the attribute `run` in their "
                                   "dumps makes them a run.",
                                   alone)),
                 " ", 4);
  }
  if (const std::vector<std::string> dead = runs_never_alive(results); !dead.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : dead) names.push_back(name_text(name, page.longest()));
    names.front().insert(0, "dead at every checkpoint, NaN or Inf in all layers: ");
    page.line("");
    page.wrapped(names, ", ", 4);
  }
  const std::vector<std::string> failures = failure_lines(results.failures, page.width());
  if (!failures.empty()) page.line("");
  for (const std::string& text : failures) page.line(text);
  return std::move(page).text();
}

}  // namespace collapscope
