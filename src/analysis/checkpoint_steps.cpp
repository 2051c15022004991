// A layer measured in steps, and what has come of a checkpoint, for analyses by several ranks.
#include <utility>

#include "analysis/checkpoint_work.hpp"
#include "analysis/extremes.hpp"
#include "analysis/failures.hpp"
#include "analysis/remarks.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

LayerAccess CheckpointWork::access(std::size_t layer, const Worker& worker) {
  if (targets_ == nullptr) {
    throw UsageError("the targets could not be measured");
  }
  LayerAccess access = access_to(*layers_[layer].index, *worker.backend, worker.memory, false);
  access.plan.keeps_bytes = false;  // between the looks other layers have the memory
  access.plan.backend_keeps = false;
  return access;
}

void CheckpointWork::remark_on(std::size_t layer) {
  const DatasetIndex& rows = layers_[layer].index->activations;
  remark(rows, bits_remark(rows));
  remark(rows, loss_remark(rows));
}

void CheckpointWork::conclude(std::size_t layer, const LayerSummary& summary) {
  remark_on(layer);
  try {
    conclude(layers_[layer], summary);
  } catch (const std::exception&) {
    layers_[layer].failure = journal_.failed(current_failure(layer));
  }
  done_with_one();
}

void CheckpointWork::fail(std::size_t layer, Failure failure, bool quietly) {
  if (result_) {
    layers_[layer].failure = quietly ? std::move(failure) : journal_.failed(std::move(failure));
  }
  done_with_one();
}

void CheckpointWork::leave(std::size_t layer) {
  record_.drop(place(layer));
  done_with_one();
}

Failure CheckpointWork::current_failure(std::size_t layer) const {
  const LayerIndex& index = *layers_[layer].index;
  try {
    throw;
  } catch (const NumericalError&) {
    try {
      for (const LayerIndex& shard : shards_of(index)) {
        refuse_extremes(shard.activations);
      }
    } catch (const InputError&) {  // which is more than the error says
      return failure_in_flight(first().path, index.name);
    }
  } catch (...) {
    // It says enough.
  }
  return failure_in_flight(first().path, index.name);
}

CheckpointOutcome CheckpointWork::outcome() const {
  CheckpointOutcome outcome;
  if (result_) {
    outcome.samples = result_->samples;
    outcome.targets = result_->targets;
    outcome.classes = result_->classes;
  }
  outcome.failure = failure_;
  outcome.model_failure = model_failure_;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    if (layer.result || layer.failure) {
      outcome.layers.push_back({i, layer.result ? std::optional(layer.result->metrics) : std::nullopt,
                                layer.result ? layer.result->classes : std::nullopt, layer.nrc3,
                                layer.failure});
    }
  }
  return outcome;
}

void CheckpointWork::absorb(CheckpointOutcome outcome) {
  if (outcome.samples && !result_) {
    result_ = checkpoint_result(*outcome.samples, std::move(outcome.targets));
    result_->classes = std::move(outcome.classes);
  }
  failure_ = failure_ ? failure_ : std::move(outcome.failure);
  model_failure_ = model_failure_ ? model_failure_ : std::move(outcome.model_failure);
  for (LayerOutcome& found : outcome.layers) {
    Layer& layer = layers_.at(found.layer);
    if (found.metrics) {
      layer.result = LayerResult{layer.index->name, layer.index->index, layer.index->kind,
                                 *std::move(found.metrics), std::move(found.classes)};
    }
    layer.nrc3 = std::move(found.nrc3);
    layer.failure = std::move(found.failure);
  }
}

}  // namespace collapscope
