// Parts of an analysis put together.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "analysis/failures.hpp"
#include "analysis/journal.hpp"
#include "analysis/layer_passes.hpp"
#include "analysis/layer_places.hpp"
#include "analysis/layer_selection.hpp"
#include "analysis/measure.hpp"
#include "analysis/part_fields.hpp"
#include "analysis/run_metrics.hpp"
#include "collapscope/analysis/parts.hpp"
#include "collapscope/core/error.hpp"
#include "results/run_key.hpp"

namespace collapscope {

namespace {

constexpr const char* no_second_look = "needs a second look at the rows: collapscope merge --dumps";

class Merger {
 public:
  Merger(PartSource& parts, const std::vector<Checkpoint>& checkpoints, Backend& backend,
         const MergeOptions& merge, Progress& progress)
      : parts_(parts),
        checkpoints_(checkpoints),
        backend_(backend),
        merge_(merge),
        progress_(progress),
        journal_(progress, results_.provenance) {
    const std::vector<PartBytes> inputs = parts.inputs();
    PartInput input = unpacked<PartInput>(inputs.front());
    for (const PartBytes& bytes : inputs) {
      PartInput its = unpacked<PartInput>(bytes);
      devices_.insert(std::move(its.device));
      for (Failure& failure : its.failures) {  // of a dump that another part did not see
        if (std::ranges::none_of(not_opened_,
                                 [&](const Failure& known) { return is_same(known, failure); })) {
          not_opened_.push_back(std::move(failure));
        }
      }
    }
    options_ = std::move(input.options);
    options_.metrics = MetricChoice(input.metrics);
    options_.memory = merge.memory != 0 ? merge.memory : default_memory();
  }

  Results run() {
    const auto begin = std::chrono::steady_clock::now();
    results_.provenance.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    results_.provenance.device = device_text();
    results_.provenance.precision = precision_name(options_.precision);
    results_.provenance.threads = backend_.threads();
    progress_.start(0);
    for (const Failure& failure : not_opened_) {
      results_.failures.push_back(journal_.failed(failure));
    }
    for (std::size_t number = 0; number < checkpoints_.size(); ++number) {
      take_checkpoint(number);
    }
    add_final_gamma(results_.checkpoints, members_);
    for (CheckpointResult& checkpoint : results_.checkpoints) {
      options_.metrics.filter(checkpoint.targets);
      options_.metrics.filter(checkpoint.depth);
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
  struct Found {
    CheckpointResult result;
    RunMember member;
  };

  static bool is_same(const Failure& a, const Failure& b) {
    return std::tie(a.path, a.object, a.message) == std::tie(b.path, b.object, b.message);
  }

  // What decides digits: neither a device's number, nor in brackets who chose its code.
  static std::string kind_of(std::string device) {
    for (std::size_t at = 0; (at = device.find(" (", at)) != std::string::npos;) {
      const std::size_t end = device.find(')', at);
      device.erase(at, end == std::string::npos ? end : end - at + 1);
    }
    for (std::size_t at = 0; (at = device.find("cuda:", at)) != std::string::npos;) {
      at += 4;
      device.erase(at, std::min(device.find_first_not_of("0123456789", at + 1), device.size()) - at);
    }
    return device;
  }

  // Of the parts, too, where another one folded them.
  [[nodiscard]] std::string device_text() {
    std::string here = backend_.describe();
    devices_.erase("");  // of an accumulator
    std::set<std::string> kinds;
    std::ranges::transform(devices_, std::inserter(kinds, kinds.end()), kind_of);
    if (kinds.empty() || kinds == std::set{kind_of(here)}) {
      return here;
    }
    const std::string theirs = fmt::format("{}", fmt::join(devices_, " and "));
    if (kinds.size() > 1) {
      progress_.message(fmt::format(
          "parts were folded on {}: last digits may be others than those of one process", theirs));
    }
    return fmt::format("{}; parts folded on {}", here, theirs);
  }

  void fail(const CheckpointIndex& checkpoint, Failure failure) {
    failure.run = checkpoint.run;
    failure.step = checkpoint.step;
    failure.split = split_of(checkpoint.attributes);
    results_.failures.push_back(journal_.failed(std::move(failure)));
  }

  void take_checkpoint(std::size_t number) {
    const CheckpointIndex& first = checkpoints_[number].front();
    const std::optional<PartBytes> bytes = parts_.checkpoint(number);
    if (!bytes) {
      throw Error(fmt::format("no part has the targets of {}", first.path));
    }
    const PartTargets targets = unpacked<PartTargets>(*bytes);
    if (targets.failure) {
      fail(first, *targets.failure);
      return;
    }
    if (targets.model_failure) {
      fail(first, *targets.model_failure);
    }
    Found found{{first.path,
                 first.id,
                 first.run,
                 first.step,
                 first.task,
                 targets.summary.samples,
                 checkpoints_[number].attributes(),
                 target_metrics(targets.summary),
                 {}},
                {run_key(first), {}}};
    if (targets.summary.classes && options_.per_class) {
      found.result.classes = checkpoint_classes(*targets.summary.classes, first.class_names);
    }
    std::vector<const LayerIndex*> layers = layers_in_file_order(first, options_.layers);
    std::sort(layers.begin(), layers.end());  // as the index has them
    std::vector<LayerEnd> ends;
    for (const LayerIndex* layer : layers) {
      LayerEnd& end = ends.emplace_back(LayerEnd{layer, std::nullopt});
      try {
        end.result = take_layer(number, *layer, targets.summary, found.member);
      } catch (const std::exception&) {
        fail(first, failure_in_flight(first.path, layer->name));
      }
    }
    put_layers(found.result, checkpoints_[number], std::move(ends));
    if (!found.result.layers.empty()) {
      results_.checkpoints.push_back(std::move(found.result));
      members_.push_back(std::move(found.member));
    }
  }

  // nullopt: its failure is told.
  std::optional<LayerResult> take_layer(std::size_t number, const LayerIndex& index,
                                        const TargetSummary& targets, RunMember& member) {
    const Checkpoint& checkpoint = checkpoints_[number];
    const auto place = static_cast<std::size_t>(&index - checkpoint.front().layers.data());
    journal_.working_on(checkpoint.front().path + ": " + index.name);
    const std::vector<LayerOfPart> parts = parts_.layer({number, place});
    LayerWeight weight;
    if (const std::optional<Failure> failure = put_together(parts, weight)) {
      fail(checkpoint.front(), *failure);
      return std::nullopt;
    }
    Moments moments = sums_of({number, place}, parts);
    const std::vector<LayerIndex> shards = layer_shards(checkpoint, index.name, place);
    const std::size_t n = moments.targets();
    const std::size_t classes = targets.classes ? targets.classes->labels.size() : 0;
    const LayerPlan plan = plan_layer(shards, n, options_, options_.memory, backend_, classes);
    DecomposedLayer decomposed = decompose_layer(shards, weight_facts(weight, n, plan.needs), targets,
                                                 std::move(moments), plan, options_, backend_);
    const bool lacks_look = decomposed.look && !merge_.dumps && !merge_.look;
    if (decomposed.look && merge_.look) {
      decomposed.summary.residuals = merge_.look({number, place}, *decomposed.look);
    } else if (decomposed.look && merge_.dumps) {
      decomposed.summary.residuals = looked_at(checkpoint, shards, plan, *std::move(decomposed.look));
    }
    if (lacks_look && classes == 0) {
      decomposed.summary.residuals = ResidualSums{};  // what would come of them is forgotten below
    }
    LayerResult result{index.name, index.index, index.kind,
                       layer_metrics(decomposed.summary, targets, options_.top)};
    if (lacks_look) {
      forget_second_look(result.metrics, decomposed.summary, no_second_look);
    }
    if (decomposed.summary.classes && targets.classes && options_.per_class) {
      result.classes = layer_classes(decomposed.summary, *targets.classes);
    }
    if (auto inputs = nrc3_inputs(result, decomposed.summary, targets)) {
      member.layers.push_back(*std::move(inputs));
    }
    return result;
  }

  // The failure of the first part that has one, in the order of the rows.
  static std::optional<Failure> put_together(const std::vector<LayerOfPart>& parts, LayerWeight& weight) {
    for (const LayerOfPart& part : parts) {
      if (part.failure) {
        return part.failure;
      }
      if (!part.weight.empty()) {
        weight = unpacked<LayerWeight>(part.weight);
      }
    }
    return std::nullopt;
  }

  Moments sums_of(const LayerPlace& place, const std::vector<LayerOfPart>& parts) {
    for (const LayerOfPart& part : parts) {
      if (part.facts != parts.front().facts) {
        throw Error(
            "the parts were folded in segments of different lengths, or on different kinds of devices");
      }
    }
    SegmentTree<Moments> tree;
    parts_.each_moments(place, [&](const Subtree& subtree, Moments moments) {
      if (outside(subtree.segments(), tree.places()) != std::vector{subtree.segments()}) {
        throw Error("two parts have the same rows");
      }
      tree.put(subtree, std::move(moments));
    });
    const std::uint64_t segments = parts.empty() ? 0 : parts.front().facts.segments;
    if (segments == 0 || !outside({0, segments}, tree.places()).empty()) {
      throw Error("the parts do not have all of its rows");
    }
    return tree.finish();
  }

  ResidualSums looked_at(const Checkpoint& checkpoint, const std::vector<LayerIndex>& shards,
                         const LayerPlan& plan, LookSpec spec) {
    std::vector<DatasetIndex> stored;
    for (const CheckpointIndex& part : checkpoint.shards) {
      stored.push_back(part.targets);
    }
    const auto labels = is_classification(checkpoint.front()) ? labels_of(checkpoint, options_) : nullptr;
    TargetRows targets(stored, 0, backend_.threads(), target_cache(options_.memory), labels);
    LayerSums sums;
    const LayerListener listener{[this](std::uint64_t bytes) { journal_.advance(bytes); }, [] {}, [] {}};
    LayerPlan once = plan;
    once.keeps_bytes = false;
    once.backend_keeps = false;
    LayerPasses passes(shards, targets, once, options_.precision, backend_, sums, listener);
    passes.look(std::move(spec), {{0, plan.segments()}});
    return sums.residuals.finish();
  }

  PartSource& parts_;
  const std::vector<Checkpoint>& checkpoints_;
  Backend& backend_;
  MergeOptions merge_;
  Progress& progress_;
  AnalysisOptions options_;
  std::vector<Failure> not_opened_;
  std::set<std::string> devices_;  // that folded the parts
  Results results_;
  Journal journal_;
  std::vector<RunMember> members_;
};

}  // namespace

bool have_same_options(const PartBytes& a, const PartBytes& b) {
  const auto options_of = [](const PartBytes& input) {
    const auto part = unpacked<PartInput>(input);
    return std::pair(packed(part.options), part.metrics);
  };
  return options_of(a) == options_of(b);
}

std::vector<Checkpoint> checkpoints_of(PartSource& parts) {
  return unpacked<PartInput>(parts.inputs().front()).checkpoints;
}

Results merge_parts(PartSource& parts, const std::vector<Checkpoint>& checkpoints, Backend& backend,
                    const MergeOptions& options, Progress& progress) {
  return Merger(parts, checkpoints, backend, options, progress).run();
}

}  // namespace collapscope
