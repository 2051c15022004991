#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "analysis/fitting.hpp"
#include "analysis/layer_selection.hpp"
#include "analysis/layer_work.hpp"
#include "analysis/outcome.hpp"
#include "analysis/rank_work.hpp"
#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

class Analyzer {
 public:
  Analyzer(Backend& backend, const AnalysisOptions& options, const AnalysisContext& context)
      : backend_(backend),
        options_(options),
        context_(context),
        journal_(context.progress, results_.provenance),
        record_(context.states, context.stop, [this](const std::string& line) { journal_.tell(line); }),
        layers_({backend, options, options.memory, context.progress, journal_, record_}) {}

  Results run(const std::vector<Checkpoint>& checkpoints) {
    const auto begin = std::chrono::steady_clock::now();
    results_.provenance.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    results_.provenance.device = backend_.describe();
    results_.provenance.precision = precision_name(options_.precision);
    results_.provenance.threads = backend_.threads();
    for (const Checkpoint& checkpoint : checkpoints) {
      layers_.add(checkpoint, layers_in_file_order(checkpoint.front(), options_.layers));
    }
    const WorkEnd end = measure();
    if (end.was_stopped && end.is_saved) {
      throw Stopped("stopped by " + reason());
    }
    if (!is_first()) {
      return {};
    }
    finish(end.was_stopped);
    results_.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(results_);
  }

 private:
  [[nodiscard]] bool is_first() const { return context_.ranks == nullptr || context_.ranks->rank() == 0; }
  [[nodiscard]] std::string reason() const {
    const std::string mine = context_.stop != nullptr ? context_.stop->by_whom() : "";
    return mine.empty() ? "another rank" : mine;
  }

  WorkEnd measure() {
    const std::vector<LayersOfCheckpoint> left = layers_.take_finished();
    if (context_.ranks != nullptr) {
      RankWork work(*context_.ranks, layers_);
      work.measure(left);
      record_.save();
      return work.gather(results_.provenance);
    }
    record_.begin_saving([](const LayerPlace& /*place*/) { return true; }, true);
    context_.progress.start(layers_.bytes_to_read(left));
    layers_.measure(left);
    record_.save();
    return {record_.was_stopped(), record_.is_saved()};
  }

  void finish(bool was_stopped) {
    std::vector<RunMember> members;
    for (CheckpointWork& work : layers_.works()) {
      work.take(results_, members);
    }
    if (was_stopped) {
      journal_.tell(fmt::format("stopped by {}; {}", reason(),
                                results_.checkpoints.empty()
                                    ? "nothing was measured, so no results are written"
                                    : "what was measured is in the results"));
    }
    add_final_gamma(results_.checkpoints, members);
    for (CheckpointResult& checkpoint : results_.checkpoints) {
      options_.metrics.filter(checkpoint.targets);
      options_.metrics.filter(checkpoint.depth);
      for (LayerResult& layer : checkpoint.layers) {
        options_.metrics.filter(layer.metrics);
      }
    }
    context_.progress.finish();
  }

  Backend& backend_;
  const AnalysisOptions& options_;
  AnalysisContext context_;
  Results results_;
  Journal journal_;
  WorkRecord record_;
  LayerWork layers_;
};

std::size_t ranks_here(const AnalysisContext& context) {
  return context.ranks == nullptr ? 1 : context.ranks->on_this_machine();
}

}  // namespace

std::string precision_name(Precision precision) {
  switch (precision) {
    case Precision::fast:
      return "fast";
    case Precision::float64_emulated:
      return fmt::format("float64-emulated ({} bits)", emulated_bits);
    case Precision::float64:
      break;
  }
  return "float64";
}

void require_precision(Precision precision, const Backend& backend) {
  if (precision == Precision::float64_emulated && !backend.is_device()) {
    throw UsageError(
        fmt::format("--precision float64-emulated: found {}; expected a GPU, whose cuBLAS emulates (--device "
                    "cuda). A CPU has --precision float64",
                    backend.describe()));
  }
}

Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend, const AnalysisOptions& options,
                const AnalysisContext& context) {
  require_precision(options.precision, backend);
  require_sane(options);
  AnalysisOptions mine = options;
  mine.keeps_states = context.states != nullptr;
  mine.memory = options.memory != 0 ? options.memory : default_memory() / ranks_here(context);
  mine.memory = memory_beside_all_layers(checkpoints, mine, mine.memory);
  return Analyzer(backend, mine, context).run(checkpoints);
}

Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend, const AnalysisOptions& options,
                Progress& progress) {
  return analyze(checkpoints, backend, options, AnalysisContext{progress});
}

}  // namespace collapscope
