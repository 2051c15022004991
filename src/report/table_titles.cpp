// Titles from run, step, file name, attributes and target metrics.
#include "report/table_titles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "report/table_cells.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t longest_title = 200;  // columns; texts come from files

std::string shown_title(std::string_view text) { return shown_text(text, longest_title); }

const AttributeValue* attribute(const CheckpointResult& checkpoint, std::string_view name) {
  const auto found =
      std::ranges::find(checkpoint.attributes, name, [](const auto& pair) { return pair.first; });
  return found == checkpoint.attributes.end() ? nullptr : &found->second;
}

struct AttributeText {
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t count) const { return fmt::to_string(count); }
  std::string operator()(std::uint64_t count) const { return fmt::to_string(count); }
  std::string operator()(double number) const { return fmt::format("{:g}", number); }
  std::string operator()(const std::string& text) const { return shown_title(text); }
};

std::optional<std::string> attribute_text(const CheckpointResult& checkpoint, std::string_view name) {
  const AttributeValue* value = attribute(checkpoint, name);
  return value == nullptr ? std::nullopt : std::optional(std::visit(AttributeText{}, *value));
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string value_text(const Metric& metric) {
  const auto* count = std::get_if<std::int64_t>(&metric.value);
  return count != nullptr ? fmt::to_string(*count) : short_number(*metric.number());
}

// The targets' metrics that were asked for: "target_rank 2", "model_mse, model_r2 undefined (no
// predictions)".
std::vector<std::string> wanted_facts(const CheckpointResult& checkpoint, const MetricChoice& metrics) {
  std::vector<std::string> facts;
  std::vector<std::pair<std::string, std::string>> undefined;  // the reason, and of which metrics
  for (const MetricInfo& info : metric_catalogue()) {
    const bool over_depth = info.scope == MetricScope::depth;
    if ((info.scope != MetricScope::targets && !over_depth) || !metrics.shows(info.name)) continue;
    const Metric* metric = (over_depth ? checkpoint.depth : checkpoint.targets).find(info.name);
    // A glob means the layers' metrics; what it takes along from depth is told where there is something.
    if (over_depth && !metrics.names(info.name) && (metric == nullptr || !metric->number())) continue;
    if (metric != nullptr && metric->number()) {
      if (info.name != "target_dim" && info.name != "classes")
        facts.push_back(fmt::format("{} {}", info.name, value_text(*metric)));
      continue;
    }
    const std::string why = metric == nullptr ? "" : metric->note;
    const auto known = std::ranges::find(undefined, why, [](const auto& entry) { return entry.first; });
    if (known == undefined.end()) {
      undefined.emplace_back(why, info.name);
    } else {
      known->second += fmt::format(", {}", info.name);
    }
  }
  for (const auto& [why, names] : undefined) {
    facts.push_back(names + " undefined" + (why.empty() ? "" : fmt::format(" ({})", shown_title(why))));
  }
  return facts;
}

// What often is the same for a whole run.
std::vector<std::string> common_facts(const CheckpointResult& checkpoint, const MetricChoice& metrics) {
  std::vector<std::string> facts = {plural(checkpoint.samples, "sample")};
  const Metric* dims = checkpoint.targets.find("target_dim");
  if (dims != nullptr && dims->number()) {
    facts.push_back(plural(static_cast<std::uint64_t>(std::max(*dims->number(), 0.0)), "target"));
  }
  const Metric* classes = checkpoint.targets.find("classes");
  if (classes != nullptr && classes->number()) {
    const auto count = static_cast<std::uint64_t>(std::max(*classes->number(), 0.0));
    facts.push_back(count == 1 ? "1 class" : fmt::format("{} classes", count));
  }
  if (const auto decay = attribute_text(checkpoint, "weight_decay"))
    facts.push_back("weight_decay " + *decay);
  if (!metrics.all()) {
    for (std::string& fact : wanted_facts(checkpoint, metrics)) facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<std::string> own_facts(const CheckpointResult& checkpoint) {
  std::vector<std::string> facts;
  for (const std::string_view name : {"model_mse", "model_r2", "model_accuracy", "model_cross_entropy"}) {
    const Metric* metric = checkpoint.targets.find(name);
    if (metric == nullptr || !metric->number()) continue;
    facts.push_back(fmt::format("{} {}", name, short_number(*metric->number())));
  }
  return facts;
}

std::string step_text(const CheckpointResult& checkpoint) {
  if (!checkpoint.step) return "";
  const std::string unit = attribute_text(checkpoint, "step_unit").value_or("step");
  return fmt::format("{} {:.10g}", unit.empty() ? "step" : unit, *checkpoint.step);
}

// With a run the file's name is enough; without one the path is what tells checkpoints apart.
std::string file_text(const CheckpointResult& checkpoint) {
  const std::string& path = checkpoint.path;
  const std::string file = checkpoint.run.empty() ? path : path.substr(path.find_last_of('/') + 1);
  return shown_title(checkpoint.id.empty() ? file : file + ":" + checkpoint.id);
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  }
  return text;
}

}  // namespace

std::vector<std::span<const CheckpointResult>> runs_of(const Results& results) {
  std::vector<std::span<const CheckpointResult>> runs;
  const std::span<const CheckpointResult> all = results.checkpoints;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin + 1;
    while (end < all.size() && !all[begin].run.empty() && all[end].run == all[begin].run) ++end;
    runs.push_back(all.subspan(begin, end - begin));
    begin = end;
  }
  return runs;
}

RunTitles titles_of(std::span<const CheckpointResult> run, const MetricChoice& metrics) {
  RunTitles titles;
  const bool several = run.size() > 1;
  for (const CheckpointResult& checkpoint : run) {
    const std::string name = several ? "" : shown_title(checkpoint.run);
    titles.checkpoints.push_back(
        {join({name, step_text(checkpoint), file_text(checkpoint)}), common_facts(checkpoint, metrics)});
  }
  if (several) {
    titles.run.name = "run " + shown_title(run.front().run);
    for (const std::string& fact : common_facts(run.front(), metrics)) {
      const auto has = [&](const Title& title) {
        return std::ranges::find(title.facts, fact) != title.facts.end();
      };
      if (!std::ranges::all_of(titles.checkpoints, has)) continue;
      titles.run.facts.push_back(fact);
      for (Title& title : titles.checkpoints) std::erase(title.facts, fact);
    }
  }
  for (std::size_t i = 0; metrics.all() && i < run.size(); ++i) {
    const std::vector<std::string> own = own_facts(run[i]);
    titles.checkpoints[i].facts.insert(titles.checkpoints[i].facts.end(), own.begin(), own.end());
  }
  return titles;
}

}  // namespace collapscope
