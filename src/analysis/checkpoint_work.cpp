#include "analysis/checkpoint_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "analysis/plan_memory.hpp"
#include "analysis/remarks.hpp"
#include "collapscope/core/error.hpp"
#include "results/run_key.hpp"

namespace collapscope {

namespace {

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

// Where no CPU takes over.
constexpr const char* advice = "; with --device auto the CPU would go on";

std::size_t components(const DatasetIndex& targets) {
  return targets.shape.size() > 1 ? targets.shape[1] : 1;
}

// Whoever waits goes on when this ends, however it ends.
class CountsDown {
 public:
  explicit CountsDown(std::latch& latch) : latch_(latch) {}
  ~CountsDown() { latch_.count_down(); }
  CountsDown(const CountsDown&) = delete;
  CountsDown& operator=(const CountsDown&) = delete;
  CountsDown(CountsDown&&) = delete;
  CountsDown& operator=(CountsDown&&) = delete;

 private:
  std::latch& latch_;
};

}  // namespace

CheckpointWork::CheckpointWork(const Checkpoint& checkpoint, const std::vector<const LayerIndex*>& layers,
                               const AnalysisOptions& options, Journal& journal)
    : checkpoint_(checkpoint), options_(options), journal_(journal), layers_left_(layers.size()) {
  for (const LayerIndex* layer : layers) {
    layers_.push_back({layer, {}, {}, {}});
  }
}

// Of a layer of the first shard.
std::vector<LayerIndex> CheckpointWork::shards_of(const LayerIndex& layer) const {
  const auto place = static_cast<std::size_t>(&layer - first().layers.data());
  return layer_shards(checkpoint_, layer.name, place);
}

LayerPlan CheckpointWork::plan(std::size_t layer, Backend& backend, std::uint64_t memory) const {
  LayerPlan plan =
      plan_layer(shards_of(*layers_[layer].index), components(first().targets), options_, memory, backend);
  plan.least_memory = std::max(plan.least_memory, targets_memory(checkpoint_));
  return plan;
}

FoldSpec CheckpointWork::fold_spec(const LayerPlan& plan) const {
  return {plan.format,
          components(first().targets),
          plan.rows,
          plan.normalized_scatter,
          plan.looks == 2 ? plan.rows : 0,
          options_.precision};
}

void CheckpointWork::measure_targets(Desk& desk, std::uint64_t keep_bytes) {
  const CountsDown done(targets_done_);
  try {
    require_targets_fit(checkpoint_, desk.memory);
    read_targets(*desk.backend, keep_bytes, desk.memory);
  } catch (const std::exception&) {
    targets_.reset();
    failure_ = journal_.failed(current_failure(first().path, first().id));
  }
}

void CheckpointWork::read_targets(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory) {
  if (first().task != "regression") {
    throw InputError(first().path, first().id,
                     fmt::format("found task '{}'; this version measures 'regression' only", first().task));
  }
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint_.shards) {
    shards.push_back(part.targets);
  }
  targets_ = std::make_unique<TargetRows>(shards, keep_bytes, backend.threads(), target_cache(memory));
  remark(first().targets, bits_remark(first().targets));
  if (first().predictions) {
    remark(*first().predictions, bits_remark(*first().predictions));
  }
  // Few numbers: not worth a device's while.
  Backend* const cpu = backend.host();
  Backend& by = cpu != nullptr ? *cpu : backend;
  summary_ = collapscope::measure_targets(checkpoint_, *targets_, by, memory);
  try {
    summary_.model = measure_model(checkpoint_, *targets_, by, memory);
  } catch (const InputError&) {  // costs what needs predictions
    summary_.no_model = "predictions cannot be used";
    model_failure_ = journal_.failed(current_failure(first().path, "predictions"));
  }
  if (layers_.empty()) {
    throw InputError(first().path, first().id, "no layer is selected by --layers");
  }
  result_ = CheckpointResult{first().path,
                             first().id,
                             first().run,
                             first().step,
                             first().task,
                             targets_->samples(),
                             first().attributes,
                             target_metrics(summary_),
                             {}};
}

void CheckpointWork::measure_layer(std::size_t layer, Desk& desk, LayerQueue& queue) {
  targets_done_.wait();
  Layer& here = layers_[layer];
  if (result_) {
    journal_.working_on(first().path + ": " + here.index->name);
    try {
      measure(here, desk, queue);
    } catch (const std::exception&) {
      here.failure = journal_.failed(current_failure(first().path, here.index->name));
    }
  }
  if (--layers_left_ == 0) {
    targets_.reset();
  }
}

// With the desk's backend. When its device has too little memory, again with smaller tiles; when that does
// not help, or the device fails, again from the start with its fallback, which stays in use if the device
// failed.
LayerSummary CheckpointWork::measured_whatever_fails(const LayerIndex& layer, Desk& desk, LayerQueue& queue) {
  while (!desk.backend->works()) {  // another desk may have lost the device just now
    const std::string loss = desk.backend->loss();
    if (desk.backend->fallback() == nullptr) {
      throw DeviceError(fmt::format("not measured, because the GPU was lost: {}{}", loss, advice));
    }
    queue.give_up(desk, loss);
  }
  Backend* backend = desk.backend;
  std::string reason = desk.lost;
  while (true) {
    try {
      LayerSummary found = measured(layer, *backend, desk.memory);
      if (!reason.empty()) {
        journal_.measured_elsewhere(*backend, reason);
      }
      return found;
    } catch (const DeviceError& error) {
      const bool lacks_memory = dynamic_cast<const DeviceMemoryError*>(&error) != nullptr;
      if (lacks_memory && backend->spare_memory()) {
        journal_.remark(first().path, layer.name, fmt::format("{}; again with less memory", error.what()));
        continue;
      }
      Backend* const fallback = backend->fallback();
      if (fallback == nullptr) {
        throw DeviceError(error.what() + std::string(advice));
      }
      if (lacks_memory) {
        journal_.fell_back(error, *fallback, "this layer");
      } else {
        journal_.fell_back(error, *fallback,
                           queue.is_whole(desk) ? "the analysis" : "its share of the layers");
        queue.give_up(desk, error.what());
      }
      backend = fallback;
      reason = error.what();
    }
  }
}

void CheckpointWork::remark(const DatasetIndex& dataset, const std::string& text) {
  if (!text.empty()) {
    std::error_code ignored;
    const bool same = std::filesystem::equivalent(dataset.file, first().path, ignored);
    journal_.remark(same ? first().path : dataset.file, dataset.object, text);
  }
}

void CheckpointWork::measure(Layer& layer, Desk& desk, LayerQueue& queue) {
  remark(layer.index->activations, bits_remark(layer.index->activations));
  remark(layer.index->activations, loss_remark(layer.index->activations));
  const LayerSummary found = measured_whatever_fails(*layer.index, desk, queue);
  if (found.zero_rows > 0 && !first().is_complete) {
    for (const LayerIndex& shard : shards_of(*layer.index)) {
      remark(shard.activations, tail_remark(shard.activations));
    }
  }
  layer.result = LayerResult{layer.index->name, layer.index->index, layer.index->kind,
                             layer_metrics(found, summary_, options_.top)};
  const Metric* nrc3 = layer.result->metrics.find("nrc3");
  if (nrc3 != nullptr && nrc3->defined()) {
    layer.nrc3 = {layer.index->name, found.weight->gram, summary_.root, summary_.lambda_min()};
  }
}

LayerSummary CheckpointWork::measured(const LayerIndex& layer, Backend& backend, std::uint64_t memory) {
  const std::vector<LayerIndex> shards = shards_of(layer);
  const LayerPlan layer_plan = plan_layer(shards, targets_->components(), options_, memory, backend);
  const auto tell_fallbacks = [&] {
    journal_.done_elsewhere(backend.take_fallbacks(), first().path, layer.name);
  };
  LayerSummary found;
  try {
    found = collapscope::measure_layer(shards, *targets_, summary_, layer_plan, options_, backend,
                                       [this](std::uint64_t bytes) { journal_.advance(bytes); });
  } catch (...) {
    tell_fallbacks();
    throw;
  }
  tell_fallbacks();
  if (!found.residuals && layer_plan.passes() == 2) {
    journal_.spared(layer_plan.bytes);
  }
  return found;
}

void CheckpointWork::take(Results& results, std::vector<RunMember>& members) {
  if (failure_) {
    results.failures.push_back(*std::move(failure_));
  }
  if (model_failure_) {
    results.failures.push_back(*std::move(model_failure_));
  }
  RunMember member{run_key(first()), {}};
  for (Layer& layer : layers_) {
    if (layer.failure) {
      results.failures.push_back(*std::move(layer.failure));
    }
    if (layer.nrc3) {
      member.layers.push_back(*std::move(layer.nrc3));
    }
  }
  std::sort(layers_.begin(), layers_.end(), [](const Layer& a, const Layer& b) { return a.index < b.index; });
  for (Layer& layer : layers_) {
    if (layer.result) {
      result_->layers.push_back(*std::move(layer.result));
    }
  }
  if (result_ && !result_->layers.empty()) {
    results.checkpoints.push_back(*std::move(result_));
    members.push_back(std::move(member));
  }
}

}  // namespace collapscope
