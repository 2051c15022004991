// collapscope inspect: what is in a dump and what analysing it will cost; nothing is computed.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "device.hpp"
#include "dump_options.hpp"
#include "inputs.hpp"
#include "option_notes.hpp"
#include "outputs.hpp"
#include "state_options.hpp"

namespace collapscope::tools {

namespace {

std::string storage_text(const DatasetIndex& dataset) {
  std::string text = dataset.storage == Storage::contiguous        ? "contiguous"
                     : dataset.storage == Storage::compact         ? "compact"
                     : dataset.storage == Storage::virtual_sources ? "virtual"
                                                                   : "chunks " + shape_text(dataset.chunk);
  for (const std::string& filter : dataset.filters) {
    text += " " + printable(filter);
  }
  return text;
}

std::string title(const Checkpoint& checkpoint) {
  const CheckpointIndex& first = checkpoint.front();
  std::string text = printable(first.path);
  if (!first.id.empty()) {
    text += " checkpoint " + printable(first.id);
  }
  if (checkpoint.shards.size() > 1) {
    text += fmt::format(" and {} more shards", checkpoint.shards.size() - 1);
  }
  if (!first.run.empty()) {
    text += ", run " + printable(first.run);
  }
  if (first.step) {
    text += fmt::format(", step {}", *first.step);
  }
  return text;
}

// Sums over everything inspected.
struct Totals {
  std::uint64_t layers = 0;
  std::uint64_t bytes = 0;
  std::uint64_t memory = 0;
};

// What a plan takes of the targets.
struct TargetSize {
  std::size_t components = 0;
  std::uint64_t classes = 0;
  std::size_t positions = 1;
};

// "3", "3 (cat)"
std::string label_text(const CheckpointIndex& checkpoint, std::int64_t label) {
  const auto& names = checkpoint.class_names;
  const bool known = label >= 0 && static_cast<std::uint64_t>(label) < names.size();
  return known ? fmt::format("{} ({})", label, printable(names[static_cast<std::size_t>(label)]))
               : fmt::to_string(label);
}

// Labels are read and told.
TargetSize size_of_targets(const Checkpoint& checkpoint, const AnalysisOptions& options) {
  const CheckpointIndex& first = checkpoint.front();
  if (!is_classification(first)) {
    return {first.targets.shape.size() > 1 ? first.targets.shape[1] : 1, 0, 1};
  }
  const ClassCounts found = class_counts(checkpoint, options);
  const auto [least, most] = std::ranges::minmax(found.counts);
  print(fmt::format("  classes: {}, labels {} to {}, {} to {} samples each{}\n", found.labels.size(),
                    label_text(first, found.labels.front()), label_text(first, found.labels.back()), least,
                    most, found.ignored > 0 ? fmt::format("; {} samples ignored", found.ignored) : ""));
  return {0, found.labels.size(), found.positions};
}

void inspect_layer(const Checkpoint& checkpoint, const LayerIndex& layer, const AnalysisOptions& options,
                   std::uint64_t memory, Backend& backend, const TargetSize& targets, Totals& totals) {
  const auto place = static_cast<std::size_t>(&layer - checkpoint.front().layers.data());
  const std::vector<LayerIndex> shards = layer_shards(checkpoint, layer.name, place);
  const LayerPlan plan = plan_layer(shards, targets.components, options, memory, backend, targets.classes);
  require_layer_fits(shards, plan, targets.positions);
  const auto passes = static_cast<std::uint64_t>(plan.passes());
  const std::string pool =
      layer.layout == Layout::rows
          ? ""
          : fmt::format(", {} pooled by {}", layout_name(layer.layout, layer.activations.shape.size()),
                        pool_name(plan.format.pool));
  print(fmt::format("  {}: {} {}, {}{}, {}\n", printable(layer.name), layer.activations.element.name(),
                    shape_text(layer.activations.shape), storage_text(layer.activations), pool,
                    layer.weight ? "weight " + shape_text(layer.weight->shape) : "no weight"));
  print(fmt::format("      {} rows x {} features; {} to read{}; {} of memory; {}; {}\n", plan.rows,
                    plan.format.row_length(), human_bytes(plan.bytes * passes),
                    passes == 1        ? ""
                    : plan.spares_look ? " in two passes at most"
                                       : " in two passes",
                    human_bytes(plan.memory), plan.reason, plan.needs.reason));
  if (!layer.activations.through_hdf5.empty()) {
    print(fmt::format("      read through HDF5, one thread at a time: {}\n", layer.activations.through_hdf5));
  }
  totals.layers += 1;
  totals.bytes += plan.bytes * passes;
  totals.memory = std::max(totals.memory, plan.memory);
}

struct InspectOptions : DumpOptions, StateOptions {};

int run_inspect(const InspectOptions& options) {
  check_state_options(options);
  AnalysisOptions analysis = analysis_options(options);
  analysis.keeps_states = !options.work.empty();
  isolate_unless_trusted(options);
  const std::vector<std::string> dumps = expand_inputs(options.dumps, dump_files());
  DeviceChoice device(options, dumps);
  DumpIndex index = index_dumps(dumps, index_options(options));
  const std::vector<Checkpoint> checkpoints = arrange(index, options.shards, weights_naming(options), tell);
  std::vector<Failure> failures = std::move(index.failures);
  const ChosenBackend chosen = device.take(checkpoints, analysis);
  tell_idle_options(options, checkpoints, tell);
  if (const std::string note = idle_states_note(options); !note.empty()) {
    tell(note);
  }
  if (!checkpoints.empty()) {
    require_precision(analysis.precision, *chosen.backend);
  }
  const std::uint64_t budget = analysis.memory != 0 ? analysis.memory : default_memory();
  const std::uint64_t memory = memory_beside_all_layers(checkpoints, analysis, budget);
  Totals totals;
  for (const Checkpoint& checkpoint : checkpoints) {
    const CheckpointIndex& first = checkpoint.front();
    print(fmt::format(
        "{}\n  targets: {} {}, {}\n", title(checkpoint), first.targets.element.name(),
        shape_text(first.targets.shape),
        first.predictions ? "predictions " + shape_text(first.predictions->shape) : "no predictions"));
    if (const std::string remark = task_remark(first); !remark.empty()) {
      tell(InputError(first.path, first.targets.object, remark).what());
    }
    TargetSize targets;
    try {
      targets = size_of_targets(checkpoint, analysis);
      require_targets_fit(checkpoint, memory);
      require_targets_agree(checkpoint);
    } catch (const InputError& error) {
      failures.push_back({error.file(), error.object(), error.message()});
      continue;
    }
    try {
      require_predictions_fit(checkpoint, analysis);
    } catch (const InputError& error) {  // the layers can be measured
      failures.push_back({error.file(), error.object(), error.message()});
    }
    std::vector<std::string> names;
    std::ranges::transform(first.layers, std::back_inserter(names), &LayerIndex::name);
    const std::vector<std::string> globs = globs_among(analysis.layers, names);
    for (const LayerIndex& layer : first.layers) {
      const auto matches = [&](const std::string& glob) { return glob_match(glob, layer.name); };
      if (!globs.empty() && std::ranges::none_of(globs, matches)) {
        continue;
      }
      try {
        inspect_layer(checkpoint, layer, analysis, memory, *chosen.backend, targets, totals);
      } catch (const Error& error) {
        failures.push_back({first.path, layer.name, error.what()});
      }
    }
  }
  if (totals.layers > 0) {
    print(fmt::format("{} layer{} can be analysed: {} to read, {} of memory at most (budget {})\n",
                      totals.layers, totals.layers == 1 ? "" : "s", human_bytes(totals.bytes),
                      human_bytes(totals.memory), human_bytes(budget)));
    print(fmt::format("precision: {}\n", analysis.precision == Precision::fast
                                             ? "fast: products of features in float32, the rest in float64"
                                             : precision_name(analysis.precision)));
    print(fmt::format("device: {}{}\n", printable(chosen.backend->describe()),
                      chosen.reason.empty() ? "" : fmt::format(" ({})", printable(chosen.reason))));
  }
  for (const Failure& failure : failures) {
    tell(InputError(failure.path, failure.object, failure.message).what());
  }
  return totals.layers == 0 ? nothing_done : failures.empty() ? done : partly_failed;
}

}  // namespace

Command inspect_command() {
  const auto options = std::make_shared<InspectOptions>();
  Command command("inspect", "show what is in dumps and what analysing them will cost");
  add_dump_options(command, *options);
  add_state_options(command, *options);
  command.footer = "Takes the options of analyze but for -o and -q, and writes nothing.";
  command.action = [options] { return run_inspect(*options); };
  return command;
}

}  // namespace collapscope::tools
