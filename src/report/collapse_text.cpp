// The lines that `analyze` adds on where collapse begins.
#include <fmt/format.h>

#include <algorithm>

#include "collapscope/report/report.hpp"
#include "report/run_words.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

// For a task that the results have.
bool was_computed(const Results& results, const Criterion& criterion, std::string_view task) {
  return std::ranges::any_of(results.checkpoints, [&](const CheckpointResult& checkpoint) {
    return (checkpoint.task == "classification") == (task == "classification") &&
           std::ranges::any_of(checkpoint.layers, [&](const LayerResult& layer) {
             const Metric* metric = layer.metrics.find(criterion.metric);
             return metric != nullptr && metric->defined();
           });
  });
}

}  // namespace

std::string collapse_text(const Results& results, const TaskCriteria& criteria, std::size_t width, bool cut) {
  const std::size_t longest = cut ? longest_shown_name : uncut_name;
  for (const std::string& task : tasks_told_apart(criteria, results)) {
    const auto computed = [&](const Criterion& criterion) { return was_computed(results, criterion, task); };
    if (!std::ranges::all_of(task == "regression" ? criteria.regression : criteria.classification, computed))
      return "";
  }
  std::string text;
  const auto add = [&](std::size_t indent, const std::string& line) {
    std::vector<std::string> pieces = words(line);
    pieces.front().insert(0, indent, ' ');
    for (const std::string& piece : wrap(pieces, " ", std::max<std::size_t>(width, 20), 4)) {
      text += piece + "\n";
    }
  };
  for (const Run& run : group_runs(results)) {
    if (run.checkpoints.size() < 2) continue;
    const Criteria& asked = criteria.of(results.checkpoints[run.checkpoints.back()]);
    const RunCollapse collapse = run_collapse(results, run, asked);
    if (text.empty()) add(0, fmt::format("where collapse begins ({}):", criteria_text(criteria, results)));
    if (run.death) {
      add(2, fmt::format("{}: {}", name_text(run.name, longest), death_words(run, longest)));
      continue;
    }
    const std::string since = since_words(results, run, collapse, longest);
    add(2, fmt::format("{}, {}: {}{}", name_text(run.name, longest),
                       step_text(results, run, run.checkpoints.size() - 1, longest),
                       collapse_words(results, run, collapse, asked, longest),
                       since.empty() ? "" : " (" + since + ")"));
  }
  return text;
}

}  // namespace collapscope
