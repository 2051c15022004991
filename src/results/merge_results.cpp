// Several results files as one, independent of their order.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/results/results_file.hpp"
#include "results/run_key.hpp"

namespace collapscope {
namespace {

// A checkpoint and the file it comes from.
struct Entry {
  CheckpointResult checkpoint;
  const ResultsFile* file;

  [[nodiscard]] const std::string& started() const { return file->results.provenance.started; }
};

// What makes two checkpoints the same one.
auto identity(const CheckpointResult& checkpoint) {
  return std::tuple(std::filesystem::path(checkpoint.path).lexically_normal().string(), checkpoint.id,
                    checkpoint.run, checkpoint.step);
}

// Whatever the path is spelled like.
bool is_same(CheckpointResult a, const CheckpointResult& b) {
  a.path = b.path;
  return a == b;
}

std::string name_of(const CheckpointResult& checkpoint) {
  return printable(checkpoint.id.empty() ? checkpoint.path : checkpoint.path + ":" + checkpoint.id);
}

// Natural order made total.
bool before(const std::string& a, const std::string& b) {
  if (natural_less(a, b)) return true;
  return !natural_less(b, a) && a < b;
}

double step_or_last(const CheckpointResult& checkpoint) {
  return checkpoint.step.value_or(std::numeric_limits<double>::infinity());
}

bool reported_before(const Entry& x, const Entry& y) {
  const CheckpointResult& a = x.checkpoint;
  const CheckpointResult& b = y.checkpoint;
  const std::string& run_a = a.run.empty() ? a.path : a.run;
  const std::string& run_b = b.run.empty() ? b.path : b.run;
  if (run_a != run_b) return before(run_a, run_b);
  if (a.run.empty() != b.run.empty()) return b.run.empty();
  if (step_or_last(a) != step_or_last(b)) return step_or_last(a) < step_or_last(b);
  if (a.path != b.path) return before(a.path, b.path);
  return before(a.id, b.id);
}

// The same checkpoint from several places: the one whose analysis started last.
Entry newest(std::vector<Entry>& same, std::vector<std::string>& warnings) {
  const auto last = std::ranges::max_element(same, {}, &Entry::started);
  for (const Entry& other : same) {
    if (is_same(other.checkpoint, last->checkpoint)) continue;
    if (other.started() == last->started()) {
      throw InputError(
          other.file->path, name_of(other.checkpoint),
          fmt::format("found other numbers than in {}, of an analysis that started at the same time; "
                      "expected this checkpoint once",
                      printable(last->file->path)));
    }
    warnings.push_back(
        fmt::format("{}: in several results files; taken from {} (analysed {}), not from {} ({})",
                    name_of(last->checkpoint), printable(last->file->path), printable(last->started()),
                    printable(other.file->path), printable(other.started())));
  }
  return std::move(*last);
}

// In files without the run's last checkpoint this metric refers to another gamma.
void check_final_gamma(std::vector<Entry>& run) {
  for (Entry& entry : run) {
    if (entry.file == run.back().file) continue;
    for (LayerResult& layer : entry.checkpoint.layers) {
      for (Metric& metric : layer.metrics.all()) {
        if (metric.name != "nrc3_final_gamma" || !metric.defined()) continue;
        metric = {metric.name, std::monostate{}, std::nullopt,
                  "analysed without the run's last checkpoint: analyse them together"};
      }
    }
  }
}

void warn_of_equal_steps(const std::vector<Entry>& run, std::vector<std::string>& warnings) {
  for (std::size_t i = 1; i < run.size(); ++i) {
    const CheckpointResult& a = run[i - 1].checkpoint;
    const CheckpointResult& b = run[i].checkpoint;
    if (!a.step || a.step != b.step) continue;
    warnings.push_back(fmt::format("{} and {}: both step {:.10g} of run {}", name_of(a), name_of(b), *a.step,
                                   printable(a.run)));
  }
}

// The first layer that was measured with several signal dimensions: by another --signal-dim, or with other
// targets. Means over runs would compare different numbers.
void warn_of_signal_dims(const std::vector<Entry>& all, std::vector<std::string>& warnings) {
  std::map<std::pair<std::string, std::string>, std::pair<double, const Entry*>> seen;  // by task and layer
  for (const Entry& entry : all) {
    for (const LayerResult& layer : entry.checkpoint.layers) {
      const std::optional<double> k = layer.metrics.number("signal_dim");
      if (!k) continue;
      const auto [first, is_new] = seen.try_emplace({entry.checkpoint.task, layer.name}, *k, &entry);
      if (!is_new && first->second.first != *k) {
        warnings.push_back(fmt::format(
            "layer {}: signal dimension {} in {}, {} in {}; nrc1, deep_nrc1, deep_nrc3 and others of the "
            "signal subspace are no same numbers, nor are means over them",
            printable(layer.name), first->second.first, printable(first->second.second->file->path), *k,
            printable(entry.file->path)));
        return;
      }
    }
  }
}

// What --pool and the like make of the same rows are no same numbers. Files that say nothing of options, of
// early versions or of a Meter, are passed over.
void warn_of_options(const std::vector<ResultsFile>& files, std::vector<std::string>& warnings) {
  const auto value_of = [](const Provenance& provenance, const std::string& name) {
    const auto found =
        std::ranges::find(provenance.options, name, &std::pair<std::string, std::string>::first);
    const std::string value = found == provenance.options.end() ? std::string() : found->second;
    return name == "pool" && value == "mean" ? std::string() : value;  // as where nothing says another
  };
  for (const std::string name : {"pool", "ignore-label", "precision"}) {
    const ResultsFile* first = nullptr;
    for (const ResultsFile& file : files) {
      const Provenance& provenance = file.results.provenance;
      if (provenance.options.empty()) continue;
      first = first == nullptr ? &file : first;
      const std::string then = value_of(first->results.provenance, name);
      const std::string now = value_of(provenance, name);
      if (now == then) continue;
      const auto text = [&](const std::string& value) {
        return value.empty() ? fmt::format("none in") : fmt::format("{} in", printable(value));
      };
      warnings.push_back(
          fmt::format("--{}: found {} {} and {} {}; their numbers are not comparable, nor are "
                      "means over them",
                      name, text(then), printable(first->path), text(now), printable(file.path)));
      break;
    }
  }
}

// Sorted, each once.
std::vector<Failure> tidied(std::vector<Failure> failures) {
  const auto key = [](const Failure& failure) {
    return std::tie(failure.path, failure.object, failure.message);
  };
  std::ranges::sort(failures, {}, key);
  const auto same = [&](const Failure& a, const Failure& b) { return key(a) == key(b); };
  failures.erase(std::unique(failures.begin(), failures.end(), same), failures.end());
  return failures;
}

}  // namespace

MergedResults merge_results(std::vector<ResultsFile> files) {
  MergedResults merged;
  if (files.size() == 1) merged.results.provenance = files[0].results.provenance;
  std::ranges::sort(files, {}, &ResultsFile::path);
  for (std::size_t i = 0; files.size() > 1 && i < files.size(); ++i) {
    merged.results.provenance.fallbacks.add(files[i].results.provenance.fallbacks);
  }
  warn_of_options(files, merged.warnings);
  std::map<decltype(identity({})), std::vector<Entry>> same;
  for (ResultsFile& file : files) {
    for (CheckpointResult& checkpoint : file.results.checkpoints) {
      if (checkpoint.path.empty())
        checkpoint.path = file.path;  // of no dump: those of an Accumulator or a Meter
      const auto key = identity(checkpoint);
      same[key].push_back({std::move(checkpoint), &file});
    }
    std::ranges::move(file.results.failures, std::back_inserter(merged.results.failures));
  }
  merged.results.failures = tidied(std::move(merged.results.failures));

  std::map<std::string, std::vector<Entry>> runs;
  std::vector<Entry> all;
  for (auto& [key, entries] : same) {
    Entry entry = newest(entries, merged.warnings);
    const std::string run = run_key(entry.checkpoint);
    (run.empty() ? all : runs[run]).push_back(std::move(entry));
  }
  for (auto& [key, run] : runs) {
    std::ranges::sort(run, reported_before);
    check_final_gamma(run);
    warn_of_equal_steps(run, merged.warnings);
    std::ranges::move(run, std::back_inserter(all));
  }
  std::ranges::sort(all, reported_before);
  warn_of_signal_dims(all, merged.warnings);
  for (Entry& entry : all) merged.results.checkpoints.push_back(std::move(entry.checkpoint));
  return merged;
}

}  // namespace collapscope
