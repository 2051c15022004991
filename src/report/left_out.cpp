// What results files have of a checkpoint and the one that is taken has not.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>

#include "collapscope/core/text.hpp"
#include "collapscope/report/report.hpp"

namespace collapscope {
namespace {

struct Measured {
  const ResultsFile* file;
  const CheckpointResult* checkpoint;

  [[nodiscard]] const std::string& started() const { return file->results.provenance.started; }
};

struct MeasuredNames {
  std::set<std::string> layers;
  std::set<std::string> metrics;

  bool operator<(const MeasuredNames& other) const {
    return std::tie(layers, metrics) < std::tie(other.layers, other.metrics);
  }
};

void add_names(MeasuredNames& names, const CheckpointResult& checkpoint) {
  for (const Metric& metric : checkpoint.targets.all()) names.metrics.insert(metric.name);
  for (const LayerResult& layer : checkpoint.layers) {
    names.layers.insert(layer.name);
    for (const Metric& metric : layer.metrics.all()) names.metrics.insert(metric.name);
  }
}

// What all of them have together and the one whose analysis started last has not.
MeasuredNames left_out_of(const std::vector<Measured>& same) {
  MeasuredNames all;
  MeasuredNames taken;
  for (const Measured& one : same) add_names(all, *one.checkpoint);
  add_names(taken, *std::ranges::max_element(same, {}, &Measured::started)->checkpoint);
  for (const std::string& name : taken.layers) all.layers.erase(name);
  for (const std::string& name : taken.metrics) all.metrics.erase(name);
  return all;
}

// "layers fc1, fc2 and 3 more"
std::string listed(std::string_view noun, const std::set<std::string>& names) {
  constexpr std::size_t most_listed = 10;
  std::vector<std::string> ordered(names.begin(), names.end());
  std::ranges::sort(ordered, natural_less);
  std::string text = fmt::format("{}{}", noun, names.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < std::min(ordered.size(), most_listed); ++i) {
    text += (i == 0 ? " " : ", ") + printable(ordered[i]);
  }
  return ordered.size() > most_listed ? text + fmt::format(" and {} more", ordered.size() - most_listed)
                                      : text;
}

}  // namespace

std::vector<std::string> left_out_warnings(const std::vector<ResultsFile>& files) {
  using Key = std::tuple<std::string, std::string, std::string, std::optional<double>>;
  std::map<Key, std::vector<Measured>> same;
  for (const ResultsFile& file : files) {
    for (const CheckpointResult& checkpoint : file.results.checkpoints) {
      const std::string& path = checkpoint.path.empty() ? file.path : checkpoint.path;
      same[{std::filesystem::path(path).lexically_normal().string(), checkpoint.id, checkpoint.run,
            checkpoint.step}]
          .push_back({&file, &checkpoint});
    }
  }
  std::map<MeasuredNames, std::vector<const CheckpointResult*>> lacking;
  for (const auto& [key, measured] : same) {
    if (measured.size() > 1) lacking[left_out_of(measured)].push_back(measured.front().checkpoint);
  }
  lacking.erase(MeasuredNames{});
  std::vector<std::string> warnings;
  for (const auto& [names, checkpoints] : lacking) {
    const CheckpointResult& first = *checkpoints.front();
    const std::size_t more = checkpoints.size() - 1;
    const std::string both = names.layers.empty() || names.metrics.empty() ? "" : ", and ";
    warnings.push_back(
        fmt::format("{}{}: of several results files one is taken; this leaves out {}{}{}, which only others "
                    "have; analyze "
                    "all of them together to have all",
                    printable(first.id.empty() ? first.path : first.path + ":" + first.id),
                    more == 0 ? "" : fmt::format(" and {} more checkpoint{}", more, more == 1 ? "" : "s"),
                    names.layers.empty() ? "" : listed("layer", names.layers), both,
                    names.metrics.empty() ? "" : listed("metric", names.metrics)));
  }
  return warnings;
}

}  // namespace collapscope
