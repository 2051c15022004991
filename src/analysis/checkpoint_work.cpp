#include "analysis/checkpoint_work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "analysis/extremes.hpp"
#include "analysis/failures.hpp"
#include "analysis/fitting.hpp"
#include "analysis/layer_places.hpp"
#include "analysis/plan_memory.hpp"
#include "analysis/remarks.hpp"
#include "collapscope/core/error.hpp"
#include "results/run_key.hpp"

namespace collapscope {

namespace {

// Where no CPU takes over.
constexpr const char* advice = "; with --device auto the CPU would go on";

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

CheckpointWork::CheckpointWork(std::size_t number, const Checkpoint& checkpoint,
                               const std::vector<const LayerIndex*>& layers, const AnalysisOptions& options,
                               Journal& journal, WorkRecord& record)
    : number_(number),
      checkpoint_(checkpoint),
      options_(options),
      journal_(journal),
      record_(record),
      layers_left_(layers.size()) {
  for (const LayerIndex* layer : layers) {
    layers_.push_back({layer, {}, {}, {}});
  }
}

// Of a layer of the first shard.
std::vector<LayerIndex> CheckpointWork::shards_of(const LayerIndex& layer) const {
  return layer_shards(checkpoint_, layer.name, place_of(layer).layer);
}

LayerPlan CheckpointWork::plan(std::size_t layer, Backend& backend, std::uint64_t memory) const {
  LayerPlan plan = plan_of(shards_of(*layers_[layer].index), backend, memory);
  plan.least_memory = std::max(plan.least_memory, targets_memory(checkpoint_));
  return plan;
}

std::shared_ptr<const ClassLabels> CheckpointWork::labels() const {
  if (!is_classification(first())) {
    return nullptr;
  }
  const std::lock_guard lock(reading_labels_);
  if (labels_ == nullptr) {
    labels_ = labels_of(checkpoint_, options_);
  }
  return labels_;
}

LayerPlan CheckpointWork::plan_of(const std::vector<LayerIndex>& shards, Backend& backend,
                                  std::uint64_t memory) const {
  const auto classes = labels();
  if (classes == nullptr) {
    return plan_layer(shards, columns_of(first().targets), options_, memory, backend);
  }
  LayerPlan plan = plan_layer(shards, 0, options_, memory, backend, classes->size());
  if (classes->positions() > 1) {
    require_positions(shards.front().activations, plan.format, classes->positions());
  }
  return plan;
}

FoldSpec CheckpointWork::fold_spec(const LayerPlan& plan) const {
  return {plan.format,
          plan.classes > 0 ? 0 : columns_of(first().targets),
          plan.rows,
          plan.normalized_scatter,
          plan.looks == 2 ? plan.rows : 0,
          options_.precision,
          plan.classes,
          plan.unit_classes,
          {},
          {},
          plan.few_rows ? RowKeeping::all : RowKeeping::none};
}

void CheckpointWork::measure_targets(Worker& worker, std::uint64_t keep_bytes) {
  const CountsDown done(targets_done_);
  try {
    record_.check();
    require_targets_fit(checkpoint_, worker.memory);
    read_targets(*worker.backend, keep_bytes, worker.memory);
  } catch (const Stopped&) {
    targets_.reset();
    result_.reset();
    failure_ = failure_in_flight(first().path, first().id);
  } catch (const std::exception&) {
    targets_.reset();
    result_.reset();
    failure_ = journal_.failed(failure_in_flight(first().path, first().id));
  }
}

void CheckpointWork::open_target_rows(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory) {
  std::vector<DatasetIndex> shards;
  for (const CheckpointIndex& part : checkpoint_.shards) {
    shards.push_back(part.targets);
  }
  targets_ =
      std::make_unique<TargetRows>(shards, keep_bytes, backend.threads(), target_cache(memory), labels());
}

void CheckpointWork::open_targets(const Worker& worker) {
  require_targets_fit(checkpoint_, worker.memory);
  open_target_rows(*worker.backend, 0, worker.memory);
}

void CheckpointWork::read_targets(Backend& backend, std::uint64_t keep_bytes, std::uint64_t memory) {
  require_one_task(checkpoint_);
  open_target_rows(backend, keep_bytes, memory);
  remark_on_targets();
  if (first().predictions) {
    remark(*first().predictions, bits_remark(*first().predictions));
  }
  // Few numbers: not worth a device's while.
  Backend* const cpu = backend.host();
  Backend& by = cpu != nullptr ? *cpu : backend;
  const auto classes = labels();
  try {
    summary_ = classes != nullptr ? measure_class_targets(*classes)
                                  : collapscope::measure_targets(checkpoint_, *targets_, by, memory);
  } catch (const NumericalError&) {
    for (const CheckpointIndex& part : checkpoint_.shards) {
      refuse_extremes(part.targets);
    }
    throw;
  }
  if (!first().refused_predictions.empty()) {
    refuse_predictions(first().refused_predictions);
  }
  try {
    if (classes != nullptr && wants_class_model(options_)) {
      measure_class_model(*summary_.classes, checkpoint_, *targets_, by, memory);
    } else if (classes == nullptr) {
      summary_.model = measure_model(checkpoint_, *targets_, by, memory);
    }
  } catch (const InputError&) {  // costs what needs predictions
    model_failure_ = journal_.failed(failure_in_flight(first().path, "predictions"));
    refuse_predictions(fmt::format("{}: {}", model_failure_->object, model_failure_->message));
  }
  for (const CheckpointIndex& part : checkpoint_.shards) {
    require_unchanged(part.targets);
  }
  if (layers_.empty()) {
    throw InputError(first().path, first().id, "no layer is selected by --layers");
  }
  result_ = checkpoint_result(summary_.samples, target_metrics(summary_));
  if (summary_.classes && options_.per_class) {
    result_->classes = checkpoint_classes(*summary_.classes, first().class_names);
  }
  record_.add(number_, {*result_, model_failure_});
}

void CheckpointWork::refuse_predictions(const std::string& reason) {
  summary_.no_model = "predictions refused: " + reason;
  if (summary_.classes) {
    summary_.classes->no_model = summary_.no_model;
  }
}

void CheckpointWork::remark_on_targets() {
  const DatasetIndex& targets = first().targets;
  if (const auto classes = labels()) {
    const bool one_hot = columns_of(targets) != classes->positions();
    const std::string unwritten =
        one_hot ? "" : unwritten_remark(targets, classes->labels(), classes->counts());
    if (!unwritten.empty()) {
      remark(targets, unwritten);
    } else if (classes->ignored() == 0) {  // also where --ignore-label names a label that never occurs
      remark(targets, padding_remark(classes->labels(), classes->counts()));
    }
    return;
  }
  remark(targets, bits_remark(targets));
  remark(targets, task_remark(first()));
}

CheckpointResult CheckpointWork::checkpoint_result(std::uint64_t samples, MetricSet targets) const {
  return {first().path,
          first().id,
          first().run,
          first().step,
          first().task,
          samples,
          checkpoint_.attributes(),
          std::move(targets),
          {}};
}

LayerPlace CheckpointWork::place_of(const LayerIndex& layer) const {
  return {number_, static_cast<std::size_t>(&layer - first().layers.data())};
}

std::vector<std::size_t> CheckpointWork::take_finished() {
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    if (auto found = record_.finished(place(i))) {
      layer.result = LayerResult{layer.index->name, layer.index->index, layer.index->kind,
                                 std::move(found->result.metrics), std::move(found->result.classes)};
      layer.nrc3 = std::move(found->nrc3);
      if (layer.nrc3) {
        layer.nrc3->layer = layer.index->name;
      }
    } else {
      left.push_back(i);
    }
  }
  if (auto found = record_.checkpoint(number_)) {
    result_ = checkpoint_result(found->result.samples, std::move(found->result.targets));
    result_->classes = std::move(found->result.classes);
    if (found->model_failure && left.empty()) {  // else it is found again
      model_failure_ = journal_.failed(*std::move(found->model_failure));
    }
  }
  layers_left_ = left.size();
  return left;
}

void CheckpointWork::measure_layer(std::size_t layer, Worker& worker) {
  targets_done_.wait();
  Layer& here = layers_[layer];
  if (targets_) {
    journal_.working_on(first().path + ": " + here.index->name);
    try {
      measure(here, worker);
    } catch (const Stopped&) {
      here.failure = failure_in_flight(first().path, here.index->name);
    } catch (const std::exception&) {
      here.failure = journal_.failed(current_failure(layer));
    }
  }
  done_with_one();
}

void CheckpointWork::done_with_one() {
  if (--layers_left_ == 0) {
    targets_.reset();
  }
}

// With the worker's backend. When its device has too little memory, again with smaller tiles; when that does
// not help, or the device fails, again from the start with its fallback, which stays in use if the device
// failed.
LayerSummary CheckpointWork::measured_whatever_fails(const LayerIndex& layer, Worker& worker) {
  while (!worker.backend->works()) {  // another worker may have lost the device just now
    const std::string loss = worker.backend->loss();
    if (worker.backend->fallback() == nullptr) {
      throw DeviceError(fmt::format("not measured, because the GPU was lost: {}{}", loss, advice));
    }
    worker.give_up(loss);
  }
  Backend* backend = worker.backend;
  std::string reason = worker.lost;
  for (bool again = false;; again = true) {
    try {
      LayerSummary found = measured(layer, *backend, worker, again);
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
        journal_.fell_back(error, *fallback, worker.is_alone ? "the analysis" : "its share of the layers");
        worker.give_up(error.what());
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

// Of what takes long.
void CheckpointWork::remark_on_pairs(const std::string& layer, const LayerPlan& plan) {
  constexpr std::uint64_t many_classes = 32768;
  if (plan.class_pairs && plan.classes > many_classes) {
    journal_.remark(first().path, layer,
                    fmt::format("goes through all pairs of {} classes, which takes long; --metrics without "
                                "nc1_cdnv, nc2_max_angle and nc2_weight_max_angle spares it",
                                plan.classes));
  }
}

void CheckpointWork::measure(Layer& layer, Worker& worker) {
  remark_on(static_cast<std::size_t>(&layer - layers_.data()));
  conclude(layer, measured_whatever_fails(*layer.index, worker));
}

void CheckpointWork::conclude(Layer& layer, const LayerSummary& found) {
  for (const LayerIndex& shard : shards_of(*layer.index)) {
    require_unchanged(shard.activations);
  }
  for (const LayerIndex& shard : shards_of(*layer.index)) {
    if (!first().is_complete && found.zero_rows > 0) {
      remark(shard.activations, tail_remark(shard.activations));
    }
  }
  remark(layer.index->activations,
         subnormal_remark(layer.index->activations,
                          std::sqrt(found.mean_square / static_cast<double>(found.features()))));
  layer.result = LayerResult{layer.index->name, layer.index->index, layer.index->kind,
                             layer_metrics(found, summary_, options_.top)};
  if (found.classes && summary_.classes && options_.per_class) {
    layer.result->classes = layer_classes(found, *summary_.classes, options_.class_cosines);
  }
  layer.nrc3 = nrc3_inputs(*layer.result, found, summary_);
  record_.finish({place_of(*layer.index), *layer.result, layer.nrc3});
}

LayerFacts CheckpointWork::facts(const LayerIndex& layer, const LayerPlan& plan, Backend& backend) const {
  return {place_of(layer), first().path + ": " + layer.name, plan.segments(), plan.segment_samples,
          backend.is_device() ? "gpu" : "cpu"};
}

LayerAccess CheckpointWork::access_to(const LayerIndex& layer, Backend& backend, std::uint64_t memory,
                                      bool again) {
  LayerAccess access;
  access.shards = shards_of(layer);
  access.plan = plan_of(access.shards, backend, memory);
  access.targets = targets_.get();
  const LayerFacts about = facts(layer, access.plan, backend);
  access.sums = again ? &record_.begin_again(about) : &record_.begin(about);
  access.listener = {[this](std::uint64_t bytes) { journal_.advance(bytes); }, [this] { record_.advanced(); },
                     [this] { record_.check(); }};
  access.precision = options_.precision;
  return access;
}

LayerSummary CheckpointWork::measured(const LayerIndex& layer, Backend& backend, const Worker& worker,
                                      bool again) {
  LayerAccess access = access_to(layer, backend, worker.memory, again);
  access.turns = &backend == worker.backend ? worker.turns : nullptr;
  remark_on_pairs(layer.name, access.plan);
  const auto tell_fallbacks = [&] {
    journal_.done_elsewhere(backend.take_fallbacks(), first().path, layer.name);
  };
  LayerSummary found;
  try {
    found = measured(access, backend);
  } catch (...) {
    tell_fallbacks();
    throw;
  }
  tell_fallbacks();
  if (!found.residuals && access.plan.passes() == 2) {
    journal_.spared(access.plan.bytes);
  }
  return found;
}

LayerSummary CheckpointWork::measured(LayerAccess& access, Backend& backend) {
  const SegmentRange all{0, access.plan.segments()};
  WeightFacts weight =
      weight_facts(read_weight(access.shards, access.plan),
                   access.plan.classes > 0 ? 0 : access.targets->components(), access.plan.needs);
  LayerPasses passes = access.passes(backend);
  passes.fold(access.targets->components(), outside(all, access.sums->moments.places()));
  DecomposedLayer decomposed =
      decompose(access, std::move(weight), backend, {passes.take_scatter(), &passes.computing()});
  if (decomposed.look) {
    passes.look(*std::move(decomposed.look), outside(all, access.sums->residuals.places()));
    decomposed.summary.residuals = access.sums->residuals.finish();
  }
  return std::move(decomposed.summary);
}

// The sums of the first look stay in the tree where they may have to be saved.
DecomposedLayer CheckpointWork::decompose(LayerAccess& access, WeightFacts weight, Backend& backend,
                                          OfDevice device) {
  Moments moments = access.sums->moments.finish();
  if (record_.keeps() && access.plan.looks == 2) {
    access.sums->moments.put(whole_tree(access.plan.segments()), moments);
  }
  return decompose_layer(access.shards, std::move(weight), summary_, std::move(moments), access.plan,
                         options_, backend, std::move(device));
}

void CheckpointWork::take(Results& results, std::vector<RunMember>& members) {
  const auto fail = [&](std::optional<Failure>& failure) {
    if (failure) {
      failure->run = first().run;
      failure->step = first().step;
      failure->split = split_of(first().attributes);
      results.failures.push_back(*std::move(failure));
    }
  };
  fail(failure_);
  fail(model_failure_);
  RunMember member{run_key(first()), {}};
  for (Layer& layer : layers_) {
    fail(layer.failure);
    if (layer.nrc3) {
      member.layers.push_back(*std::move(layer.nrc3));
    }
  }
  if (result_) {
    std::vector<LayerEnd> ends;
    for (Layer& layer : layers_) {
      ends.push_back({layer.index, std::move(layer.result)});
    }
    put_layers(*result_, checkpoint_, std::move(ends));
  }
  if (result_ && !result_->layers.empty()) {
    results.checkpoints.push_back(*std::move(result_));
    members.push_back(std::move(member));
  }
}

}  // namespace collapscope
