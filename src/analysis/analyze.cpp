#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <filesystem>
#include <limits>
#include <map>
#include <new>
#include <system_error>

#include "analysis/measure.hpp"
#include "analysis/run_key.hpp"
#include "analysis/run_metrics.hpp"
#include "collapscope/analysis.hpp"
#include "collapscope/error.hpp"
#include "collapscope/text.hpp"

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

// The failure that the exception in flight stands for.
Failure current_failure(const std::string& path, const std::string& object) {
  try {
    throw;
  } catch (const InputError& error) {
    std::error_code ignored;
    const bool same = std::filesystem::equivalent(error.file(), path, ignored);
    return {same ? path : error.file(), error.object().empty() ? object : error.object(), error.message()};
  } catch (const std::bad_alloc&) {
    return {path, object, "out of memory"};
  } catch (const std::exception& error) {
    return {path, object, error.what()};
  }
}

class Analyzer {
 public:
  Analyzer(Backend& backend, const AnalysisOptions& options, Progress& progress)
      : backend_(&backend),
        options_(options),
        progress_(progress),
        memory_(options.memory != 0 ? options.memory : default_memory()) {}

  Results run(const std::vector<Checkpoint>& checkpoints) {
    const auto begin = std::chrono::steady_clock::now();
    results_.provenance.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    results_.provenance.device = backend_->describe();
    results_.provenance.precision = precision_name(options_.precision);
    results_.provenance.threads = backend_->threads();
    progress_.start(bytes_to_read(checkpoints));
    for (const Checkpoint& checkpoint : checkpoints) {
      try {
        analyze_checkpoint(checkpoint);
      } catch (const std::exception&) {
        fail(current_failure(checkpoint.front().path, checkpoint.front().id));
      }
    }
    add_final_gamma(results_.checkpoints, members_);
    for (CheckpointResult& checkpoint : results_.checkpoints) {
      options_.metrics.filter(checkpoint.targets);
      for (LayerResult& layer : checkpoint.layers) {
        options_.metrics.filter(layer.metrics);
      }
    }
    progress_.finish();
    results_.provenance.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(results_);
  }

 private:
  void fail(Failure failure) {
    const std::string object = failure.object.empty() ? "" : printable(failure.object) + ": ";
    progress_.message(fmt::format("{}: {}{}", printable(failure.path), object, printable(failure.message)));
    results_.failures.push_back(std::move(failure));
  }

  [[nodiscard]] LayerPlan plan(const std::vector<LayerIndex>& shards, std::size_t targets) const {
    return plan_layer(shards, targets, options_, memory_, *backend_);
  }

  // Runs `work` with the backend in use; when a device fails, again from the start with its fallback, which
  // stays in use unless the device merely had too little memory.
  template <class Work>
  auto on_backend(const Work& work) {
    try {
      return work(*backend_);
    } catch (const DeviceError& error) {
      Backend* const fallback = backend_->fallback();
      if (fallback == nullptr) {
        throw;
      }
      const bool too_small = dynamic_cast<const DeviceMemoryError*>(&error) != nullptr;
      progress_.message(
          fmt::format("{}; {} goes on on the CPU", error.what(), too_small ? "this layer" : "the analysis"));
      if (!fell_back_) {
        results_.provenance.device += fmt::format("; in part {} ({})", fallback->describe(), error.what());
        fell_back_ = true;
      }
      if (!too_small) {
        backend_ = fallback;
      }
      return work(*fallback);
    }
  }

  [[nodiscard]] std::uint64_t bytes_to_read(const std::vector<Checkpoint>& checkpoints) const {
    std::uint64_t bytes = 0;
    for (const Checkpoint& checkpoint : checkpoints) {
      const CheckpointIndex& first = checkpoint.front();
      for (const LayerIndex* layer : selected_layers(first)) {
        try {
          const LayerPlan layer_plan = plan(layer_shards(checkpoint, layer->name), components(first.targets));
          bytes += layer_plan.bytes * static_cast<unsigned>(layer_plan.passes());
        } catch (const Error&) {
          // Reported when its turn comes.
        }
      }
    }
    return bytes;
  }

  [[nodiscard]] std::vector<const LayerIndex*> selected_layers(const CheckpointIndex& checkpoint) const {
    std::vector<const LayerIndex*> layers;
    for (const LayerIndex& layer : checkpoint.layers) {
      if (selected(layer.name, options_.layers)) {
        layers.push_back(&layer);
      }
    }
    return layers;
  }

  static std::size_t components(const DatasetIndex& targets) {
    return targets.shape.size() > 1 ? targets.shape[1] : 1;
  }

  void analyze_checkpoint(const Checkpoint& checkpoint) {
    const CheckpointIndex& first = checkpoint.front();
    if (first.task != "regression") {
      throw InputError(first.path, first.id,
                       fmt::format("found task '{}'; this version measures 'regression' only", first.task));
    }
    std::vector<DatasetIndex> target_shards;
    for (const CheckpointIndex& part : checkpoint.shards) {
      target_shards.push_back(part.targets);
    }
    TargetRows targets(target_shards, memory_ / 8, backend_->threads());
    // Few numbers: not worth a device's while.
    Backend* const cpu = backend_->fallback();
    const TargetSummary summary = measure_targets(checkpoint, targets, cpu != nullptr ? *cpu : *backend_);

    CheckpointResult result{first.path, first.id,          first.run,        first.step,
                            first.task, targets.samples(), first.attributes, target_metrics(summary),
                            {}};
    RunMember member{run_key(first), {}};
    const std::size_t failures = results_.failures.size();
    std::map<const LayerIndex*, LayerResult> measured;
    for (const LayerIndex* layer : in_file_order(selected_layers(first))) {
      progress_.working_on(first.path + ": " + layer->name);
      try {
        measured.emplace(layer, analyze_layer(checkpoint, *layer, targets, summary, member));
      } catch (const std::exception&) {
        fail(current_failure(first.path, layer->name));
      }
    }
    for (auto& [layer, found] : measured) {  // in the order of their place in first.layers
      result.layers.push_back(std::move(found));
    }
    if (!result.layers.empty()) {
      results_.checkpoints.push_back(std::move(result));
      members_.push_back(std::move(member));
    } else if (results_.failures.size() == failures) {
      throw InputError(first.path, first.id, "no layer is selected by --layers");
    }
  }

  LayerResult analyze_layer(const Checkpoint& checkpoint, const LayerIndex& layer, TargetRows& targets,
                            const TargetSummary& summary, RunMember& member) {
    const std::vector<LayerIndex> shards = layer_shards(checkpoint, layer.name);
    const LayerSummary measured = on_backend([&](Backend& backend) {
      const LayerPlan layer_plan = plan_layer(shards, targets.components(), options_, memory_, backend);
      return measure_layer(shards, targets, summary, layer_plan, options_, backend,
                           [this](std::uint64_t bytes) {
                             results_.provenance.bytes_read += bytes;
                             progress_.advance(bytes);
                           });
    });
    LayerResult result{layer.name, layer.index, layer.kind, layer_metrics(measured, summary, options_.top)};
    if (const Metric* metric = result.metrics.find("nrc3"); metric != nullptr && metric->defined()) {
      member.layers.push_back({layer.name, measured.weight->gram, summary.root, summary.lambda_min()});
    }
    return result;
  }

  Backend* backend_;  // in use
  bool fell_back_ = false;
  const AnalysisOptions& options_;
  Progress& progress_;
  std::uint64_t memory_;
  Results results_;
  std::vector<RunMember> members_;
};

}  // namespace

std::string precision_name(Precision precision) { return precision == Precision::fast ? "fast" : "float64"; }

Results analyze(const std::vector<Checkpoint>& checkpoints, Backend& backend, const AnalysisOptions& options,
                Progress& progress) {
  return Analyzer(backend, options, progress).run(checkpoints);
}

}  // namespace collapscope
