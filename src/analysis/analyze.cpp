#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <limits>
#include <numeric>

#include "analysis/checkpoint_work.hpp"
#include "analysis/schedule.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

bool selected(const std::string& layer, const std::vector<std::string>& globs) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [&](const std::string& glob) { return glob_match(glob, layer); });
}

// As their bytes lie in the file, so that a disk or a file system that reads ahead is read through once.
// Where that is not known: at the end, as they come.
std::vector<const LayerIndex*> in_file_order(std::vector<const LayerIndex*> layers) {
  const auto place = [](const LayerIndex* layer) {
    return std::make_pair(layer->activations.address.value_or(std::numeric_limits<std::uint64_t>::max()),
                          layer);
  };
  std::sort(layers.begin(), layers.end(),
            [&](const LayerIndex* a, const LayerIndex* b) { return place(a) < place(b); });
  return layers;
}

std::vector<const LayerIndex*> selected_layers(const CheckpointIndex& checkpoint,
                                               const std::vector<std::string>& globs) {
  std::vector<const LayerIndex*> layers;
  for (const LayerIndex& layer : checkpoint.layers) {
    if (selected(layer.name, globs)) {
      layers.push_back(&layer);
    }
  }
  return layers;
}

// Which layers should go side by side, and how many of them at a time.
struct LayersBeside {
  std::vector<std::vector<bool>> suits;  // [checkpoint][layer]
  std::size_t most = std::numeric_limits<std::size_t>::max();
};

class Analyzer {
 public:
  Analyzer(Backend& backend, const AnalysisOptions& options, const AnalysisContext& context)
      : backend_(backend),
        options_(options),
        context_(context),
        memory_(options.memory != 0 ? options.memory : default_memory()),
        journal_(context.progress, results_.provenance),
        record_(context.states, context.stop,
                [this](const std::string& line) { journal_.tell(line); }) {}

  Results run(const std::vector<Checkpoint>& checkpoints) {
    const auto begin = std::chrono::steady_clock::now();
    results_.provenance.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    results_.provenance.device = backend_.describe();
    results_.provenance.precision = precision_name(options_.precision);
    results_.provenance.threads = backend_.threads();
    for (const Checkpoint& checkpoint : checkpoints) {
      works_.emplace_back(works_.size(), checkpoint, in_file_order(selected_layers(checkpoint.front(), options_.layers)),
                          options_, journal_, record_);
    }
    record_.expect(std::accumulate(
        works_.begin(), works_.end(), std::size_t{0},
        [](std::size_t sum, const CheckpointWork& work) { return sum + work.layers(); }));
    measure();
    record_.save();
    if (record_.keeps()) {
      record_.check();
    } else if (context_.stop != nullptr && context_.stop->wanted()) {
      journal_.tell(fmt::format("stopped by {}; what was measured is in the results", context_.stop->by_whom()));
    }
    std::vector<RunMember> members;
    for (CheckpointWork& work : works_) {
      work.take(results_, members);
    }
    add_final_gamma(results_.checkpoints, members);
    for (CheckpointResult& checkpoint : results_.checkpoints) {
      options_.metrics.filter(checkpoint.targets);
      for (LayerResult& layer : checkpoint.layers) {
        options_.metrics.filter(layer.metrics);
      }
    }
    context_.progress.finish();
    results_.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(results_);
  }

 private:
  void measure() {
    const LayersBeside layers = layers_beside();
    const std::size_t least = backend_.least_layer_workers();
    LayerQueue queue(backend_, memory_, std::min(layers.most, most_workers(layers.suits, least)));
    const std::vector<Step> steps = schedule(layers.suits, queue.workers(), least);
    context_.progress.start(bytes_to_read(steps, queue));
    std::vector<LayerTask> tasks;
    tasks.reserve(steps.size());
    for (const Step& step : steps) {
      tasks.push_back({step.beside, [this, &queue, step](Desk& desk) { take(step, desk, queue); }});
    }
    queue.run(tasks);
  }

  void take(const Step& step, Desk& desk, LayerQueue& queue) {
    CheckpointWork& work = works_[step.checkpoint];
    if (step.layer) {
      work.measure_layer(*step.layer, desk, queue);
    } else {
      // Side by side, the targets of some checkpoints are in memory at the same time.
      work.measure_targets(desk, desk.memory / (step.beside ? 16 : 8));
    }
  }

  [[nodiscard]] LayersBeside layers_beside() const {
    LayersBeside found;
    for (const CheckpointWork& work : works_) {
      std::vector<bool>& suits = found.suits.emplace_back();
      for (std::size_t layer = 0; layer < work.layers(); ++layer) {
        const std::size_t workers = workers_for(work, layer);
        suits.push_back(workers >= backend_.least_layer_workers());
        found.most = suits.back() ? std::min(found.most, workers) : found.most;
      }
    }
    return found;
  }

  // How many workers may measure such layers at a time, each with its share of the memory, also when it falls
  // back. What fails for other reasons than memory fails anywhere, and soon.
  [[nodiscard]] std::size_t workers_for(const CheckpointWork& work, std::size_t layer) const {
    try {
      const LayerPlan plan = work.plan(layer, backend_, memory_);
      std::uint64_t least = plan.least_memory;
      if (Backend* const fallback = backend_.fallback()) {
        least = std::max(least, work.plan(layer, *fallback, memory_).least_memory);
      }
      return std::min<std::uint64_t>(backend_.layer_workers_for(work.fold_spec(plan)), memory_ / least);
    } catch (const UsageError&) {
      return 0;
    } catch (const Error&) {
      return std::numeric_limits<std::size_t>::max();
    }
  }

  [[nodiscard]] std::uint64_t bytes_to_read(const std::vector<Step>& steps, const LayerQueue& queue) const {
    std::uint64_t bytes = 0;
    for (const Step& step : steps) {
      try {
        if (step.layer) {
          const Desk& desk = queue.desk(step.beside);
          const LayerPlan plan = works_[step.checkpoint].plan(*step.layer, *desk.backend, desk.memory);
          bytes += plan.bytes * static_cast<unsigned>(plan.passes());
        }
      } catch (const Error&) {
        // Reported when its turn comes.
      }
    }
    return bytes;
  }

  Backend& backend_;
  const AnalysisOptions& options_;
  AnalysisContext context_;
  std::uint64_t memory_;
  Results results_;
  Journal journal_;
  WorkRecord record_;
  std::deque<CheckpointWork> works_;
};

}  // namespace

std::string precision_name(Precision precision) { return precision == Precision::fast ? "fast" : "float64"; }

Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend, const AnalysisOptions& options,
                const AnalysisContext& context) {
  AnalysisOptions mine = options;
  mine.keeps_states = context.states != nullptr;
  return Analyzer(backend, mine, context).run(checkpoints);
}

Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend, const AnalysisOptions& options,
                Progress& progress) {
  return analyze(checkpoints, backend, options, {progress, nullptr, nullptr});
}

}  // namespace collapscope
