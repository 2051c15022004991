#include "hdf5/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "hdf5/checkpoint_remarks.hpp"
#include "hdf5/class_names.hpp"
#include "hdf5/dataset.hpp"
#include "hdf5/failure.hpp"
#include "hdf5/holes.hpp"
#include "hdf5/layers.hpp"
#include "hdf5/meaning.hpp"
#include "hdf5/misspelt.hpp"
#include "hdf5/naming.hpp"

namespace collapscope::hdf5 {

namespace {

bool is_known_task(const std::string& task) { return task == "regression" || task == "classification"; }

// What the attribute says, if there is one.
void read_task(const Attributes& attributes, const Place& place, CheckpointIndex& checkpoint) {
  const std::optional<std::string> task = attributes.text("task");
  if (task && !is_known_task(*task)) {
    throw InputError(place.file, place.object,
                     fmt::format(R"(attribute 'task': found "{}"; expected "regression" or "classification")",
                                 printable(*task)));
  }
  checkpoint.task_is_said = task.has_value();
  checkpoint.task = task.value_or(checkpoint.task);
}

// What the user says of files that say nothing.
void take_asked_task(const std::string& asked, const Place& place, CheckpointIndex& checkpoint) {
  if (asked.empty()) {
    return;
  }
  if (checkpoint.task_is_said && checkpoint.task != asked) {
    throw InputError(place.file, place.object,
                     fmt::format(R"(attribute 'task': found "{}"; expected "{}", as --task says)",
                                 checkpoint.task, asked));
  }
  checkpoint.task = asked;
  checkpoint.task_is_said = true;
}

// As value_text, but strings as they are.
std::string plain_text(const AttributeValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : value_text(value);
}

// Whether the writer says that it came to its end; throws InputError when it says that it did not.
bool is_complete(const Attributes& attributes, const Place& place) {
  const auto value = attributes.find("complete");
  if (!value) {
    return false;
  }
  const auto* flag = std::get_if<bool>(&*value);
  const bool complete = flag != nullptr ? *flag : attributes.integer("complete") != 0;
  if (!complete) {
    throw InputError(place.file, place.object,
                     "attribute 'complete': found false, so its writer was stopped before the end, and rows "
                     "may be missing; expected true: write the dump again");
  }
  return true;
}

void read_attributes(const Attributes& attributes, const Place& place, CheckpointIndex& checkpoint) {
  checkpoint.is_complete = is_complete(attributes, place);
  for (const auto& [name, value] : attributes.values()) {
    if (name != "format" && name != "format_version" && name != "complete") {
      checkpoint.attributes.emplace_back(name, value);
    }
  }
  if (const auto run = attributes.find("run")) {
    checkpoint.run = plain_text(*run);
  }
  checkpoint.step = attributes.number("step");
  read_task(attributes, place, checkpoint);
}

// The same for a foreign file: what does not fit is not meant for us.
void read_foreign_attributes(const Attributes& attributes, CheckpointIndex& checkpoint) {
  checkpoint.attributes.assign(attributes.values().begin(), attributes.values().end());
  const auto& values = attributes.values();
  if (const auto run = values.find("run"); run != values.end()) {
    checkpoint.run = plain_text(run->second);
  }
  checkpoint.step = checkpoint.number("step");
  if (const auto complete = values.find("complete"); complete != values.end()) {
    checkpoint.is_complete =
        complete->second == AttributeValue(true) || complete->second == AttributeValue(std::int64_t{1});
  }
  const auto task = values.find("task");
  if (task != values.end() && is_known_task(plain_text(task->second))) {
    checkpoint.task = plain_text(task->second);
    checkpoint.task_is_said = true;
  }
}

void check_targets(const CheckpointIndex& checkpoint, const Place& place) {
  const DatasetIndex& targets = checkpoint.targets;
  if (targets.shape.size() == 1 || targets.shape.size() == 2) {
    return;
  }
  if (checkpoint.task == "classification") {
    throw InputError(
        place.file, place.object,
        fmt::format("found {} numbers of shape {}; expected labels of shape [N], or one-hot rows [N, K], for "
                    "classification{}",
                    targets.element.name(), shape_text(targets.shape),
                    targets.shape.size() > 2 ? "; labels of pixels take the shape [N, H W], with activations "
                                               "[N, H, W, C], layout \"NHWC\" and pool \"none\""
                                             : ""));
  }
  throw InputError(
      place.file, place.object,
      fmt::format("found targets of shape {}; expected [N] or [N, n]{}", shape_text(targets.shape),
                  targets.shape.size() > 2
                      ? "; targets of positions take the shape [N T, n], with activations "
                        "[N T, d]"
                      : ""));
}

std::uint64_t columns(const DatasetIndex& dataset) {
  return dataset.shape.size() == 1 ? 1 : dataset.shape[1];
}

bool may_be_labels(const CheckpointIndex& checkpoint) {
  return !checkpoint.task_is_said && checkpoint.targets.element.is_integer() &&
         checkpoint.targets.shape.size() == 1;
}

void check_predictions(const CheckpointIndex& checkpoint, const DatasetIndex& predictions,
                       const Place& place) {
  const bool logits = checkpoint.task == "classification";
  const std::size_t rank = predictions.shape.size();
  const bool fits =
      logits ? rank == 2 : (rank == 1 || rank == 2) && columns(predictions) == columns(checkpoint.targets);
  if (!fits) {
    throw InputError(
        place.file, place.object,
        fmt::format(
            "found predictions of shape {}; expected {}", shape_text(predictions.shape),
            logits ? fmt::format("logits of shape [N, K]{}",
                                 rank > 2 ? "; logits of positions are not measured: leave them out" : "")
                   : fmt::format("{}, as the targets have{}", shape_text(checkpoint.targets.shape),
                                 may_be_labels(checkpoint)
                                     ? "; --task classification says that the targets are labels"
                                     : "")));
  }
  require_same_samples(place, predictions, checkpoint.targets);
}

// What looks as if it were never written is meant.
void forget_fills(CheckpointIndex& checkpoint) {
  const auto forget = [](std::optional<DatasetIndex>& dataset) {
    if (dataset) {
      dataset->fills.clear();
    }
  };
  checkpoint.targets.fills.clear();
  forget(checkpoint.predictions);
  for (LayerIndex& layer : checkpoint.layers) {
    layer.activations.fills.clear();
    forget(layer.weight);
    forget(layer.bias);
  }
}

// Indexes the checkpoint in one group.
class CheckpointIndexer {
 public:
  CheckpointIndexer(FileSet& files, const Object& group, const IndexOptions& options, DumpIndex& dump)
      : files_(files), group_(group), options_(options), dump_(dump) {}

  // Throws InputError when nothing of the checkpoint can be used; else adds it and its failures.
  void index(CheckpointIndex checkpoint, const Attributes& attributes) {
    if (is_foreign(options_)) {
      read_foreign_attributes(attributes, checkpoint);
    } else {
      read_attributes(attributes, files_.place(group_), checkpoint);
      remark_on_attributes(checkpoint, attributes, files_.place(group_), problems_.remarks);
    }
    take_asked_task(options_.task, files_.place(group_), checkpoint);
    index_targets(checkpoint);
    index_predictions(checkpoint);
    index_layers(checkpoint);
    index_class_names(checkpoint);
    if (checkpoint.is_complete) {
      forget_fills(checkpoint);
    }
    std::ranges::move(problems_.failures, std::back_inserter(dump_.failures));
    std::ranges::move(problems_.remarks, std::back_inserter(dump_.remarks));
    dump_.checkpoints.push_back(std::move(checkpoint));
  }

 private:
  // Unless the writer says that it wrote everything.
  static void require_written(const CheckpointIndex& checkpoint, const DatasetIndex& dataset) {
    if (!checkpoint.is_complete) {
      refuse_mostly_holes(dataset, {dataset.file, dataset.object});
    }
  }

  void index_targets(CheckpointIndex& checkpoint) {
    const std::string& named = options_.naming.targets;
    const std::string path = named.empty() ? "targets" : named;
    const std::optional<Object> targets = files_.find(group_, path);
    if (!targets) {
      const Place place = files_.place(group_, path);
      throw InputError(
          place.file, place.object,
          fmt::format("no such dataset; expected the targets; {}", datasets_text(files_, group_)));
    }
    IndexOptions of_targets = options_;
    const bool labels = checkpoint.task == "classification";
    if (labels) {
      of_targets.read_as.reset();  // labels are whole numbers
    }
    checkpoint.targets = describe_samples(files_, *targets, of_targets, labels);
    require_written(checkpoint, checkpoint.targets);
    check_targets(checkpoint, files_.place(*targets));
    remark_on_validity(*targets, files_.place(*targets), problems_.remarks);
  }

  // Predictions that the user asked for must be usable; others only fail themselves.
  void index_predictions(CheckpointIndex& checkpoint) {
    const std::string& named = options_.naming.predictions;
    if (!named.empty()) {
      const Object object = files_.get(group_, named, "the predictions");
      checkpoint.predictions = usable_predictions(checkpoint, object);
      return;
    }
    try {
      if (const auto object = files_.find(group_, "predictions"); object && !is_foreign(options_)) {
        checkpoint.predictions = usable_predictions(checkpoint, *object);
      } else if (!object && !is_foreign(options_)) {
        remark_on_misspelt(files_, group_, "predictions", problems_.remarks);
      }
    } catch (const InputError& error) {
      problems_.failures.push_back(failure_of(error));
      checkpoint.refused_predictions = fmt::format("{}: {}", error.object(), error.message());
    }
  }

  // The checkpoint's own, else those of the root. What is wrong with them costs them alone.
  void index_class_names(CheckpointIndex& checkpoint) {
    if (checkpoint.task != "classification" || is_foreign(options_)) {
      return;
    }
    try {
      std::optional<Object> names = files_.find(group_, "class_names");
      if (!names && !checkpoint.id.empty()) {
        names = files_.find(files_.root(), "class_names");
      }
      if (names) {
        checkpoint.class_names = read_class_names(files_, *names);
      }
    } catch (const InputError& error) {
      problems_.failures.push_back(failure_of(error));
    }
  }

  DatasetIndex usable_predictions(const CheckpointIndex& checkpoint, const Object& object) {
    DatasetIndex predictions = describe_samples(files_, object, options_);
    require_written(checkpoint, predictions);
    check_predictions(checkpoint, predictions, files_.place(object));
    return predictions;
  }

  void index_layers(CheckpointIndex& checkpoint) {
    const std::vector<LayerParts> all = find_layers(files_, group_, options_, problems_);
    const std::vector<LayerParts> layers = wanted_of(all);
    require_own_parameters(layers, options_.naming, files_.place(group_));
    std::vector<LayerParts> failed;
    for (const LayerParts& parts : layers) {
      try {
        LayerIndex layer =
            index_layer(files_, group_, parts, options_, checkpoint.targets, problems_.remarks);
        require_written(checkpoint, layer.activations);
        checkpoint.layers.push_back(std::move(layer));
      } catch (const InputError& error) {
        problems_.failures.push_back(failure_of(error));
        failed.push_back(parts);
      }
    }
    if (checkpoint.layers.empty()) {
      refuse_all();
    }
    require_named_parameters(checkpoint, layers.front());
    std::sort(checkpoint.layers.begin(), checkpoint.layers.end(), comes_before);
    give_places(checkpoint, all, failed);
    remark_on_layers(checkpoint, options_.naming, files_.place(group_), problems_.remarks);
  }

  // Those that failed, and those of all that are left out, have a place, too.
  void give_places(CheckpointIndex& checkpoint, const std::vector<LayerParts>& all,
                   const std::vector<LayerParts>& failed) {
    std::set<std::string> known;
    for (const LayerIndex& layer : checkpoint.layers) {
      known.insert(layer.name);
    }
    std::vector<UnmeasuredLayer> others;
    const auto add = [&](const LayerParts& parts, bool has_failed) {
      if (known.insert(parts.name).second) {
        others.push_back(unmeasured_layer(files_, group_, parts, has_failed));
      }
    };
    for (const LayerParts& parts : failed) {
      add(parts, true);
    }
    for (const LayerParts& parts : problems_.lost) {
      add(parts, true);
    }
    for (const LayerParts& parts : problems_.lost_unwanted) {
      add(parts, false);
    }
    for (const LayerParts& parts : all) {
      add(parts, false);
    }
    fill_gaps(checkpoint.layers, others);
    std::ranges::sort(others, comes_before, &UnmeasuredLayer::layer);
    auto other = others.cbegin();
    const auto pass_others = [&](const auto& comes_now) {
      for (; other != others.cend() && comes_now(other->layer); ++other, ++checkpoint.places) {
        if (other->has_failed) {
          checkpoint.failed_layers.push_back({other->layer.name, checkpoint.places});
        }
      }
    };
    for (LayerIndex& layer : checkpoint.layers) {
      pass_others([&](const LayerIndex& before) { return comes_before(before, layer); });
      layer.place = checkpoint.places++;
    }
    pass_others([](const LayerIndex&) { return true; });
  }

  // Layers whose index cannot be read take those that no other has, in the order of their names.
  static void fill_gaps(const std::vector<LayerIndex>& layers, std::vector<UnmeasuredLayer>& others) {
    std::set<std::int64_t> taken;
    const auto take = [&](const LayerIndex& layer) {
      if (layer.index) {
        taken.insert(*layer.index);
      }
    };
    std::ranges::for_each(layers, take);
    std::ranges::for_each(others, take, &UnmeasuredLayer::layer);
    std::ranges::sort(others, comes_before, &UnmeasuredLayer::layer);
    std::int64_t next = taken.empty() ? 0 : *taken.begin();
    for (auto& [layer, is_readable, has_failed] : others) {
      while (taken.contains(next)) {
        ++next;
      }
      if (!layer.index && !is_readable && !taken.empty() && next < *taken.rbegin()) {
        layer.index = next++;
      }
    }
  }

  [[nodiscard]] std::vector<LayerParts> wanted_of(const std::vector<LayerParts>& layers) const {
    std::vector<std::string> names;
    std::ranges::transform(layers, std::back_inserter(names), &LayerParts::name);
    for (const auto* some : {&problems_.lost, &problems_.lost_unwanted}) {
      std::ranges::transform(*some, std::back_inserter(names), &LayerParts::name);
    }
    const std::vector<std::string> globs = globs_among(options_.layers, names);
    std::vector<LayerParts> wanted;
    std::ranges::copy_if(layers, std::back_inserter(wanted),
                         [&](const LayerParts& parts) { return is_wanted(parts.name, globs); });
    if (wanted.empty()) {
      refuse_no_wanted(layers);
    }
    return wanted;
  }

  // Failures to find some come first: the wanted layer may be among them.
  [[noreturn]] void refuse_no_wanted(const std::vector<LayerParts>& layers) const {
    if (!problems_.failures.empty()) {
      refuse_all();
    }
    const Place place = files_.place(group_);
    throw InputError(place.file, place.object,
                     fmt::format("no layer is selected by --layers; the first of {} is '{}'", layers.size(),
                                 printable(layers.front().name)));
  }

  [[noreturn]] void refuse_all() const {
    const Failure& first = problems_.failures.front();
    const std::string others =
        problems_.failures.size() > 1
            ? fmt::format(" (and {} more failures; no layer can be used)", problems_.failures.size() - 1)
            : "";
    throw InputError(first.path, first.object, first.message + others);
  }

  // A pattern that finds nothing at all is a mistake, not a network without weights.
  void require_named_parameters(const CheckpointIndex& checkpoint, const LayerParts& first) const {
    const auto require = [&](const std::string& pattern, std::optional<DatasetIndex> LayerIndex::*part,
                             const std::string& tried, const char* what) {
      const bool found = std::any_of(checkpoint.layers.begin(), checkpoint.layers.end(),
                                     [&](const LayerIndex& layer) { return (layer.*part).has_value(); });
      if (!pattern.empty() && !found) {
        const Place place = files_.place(group_, tried);
        throw InputError(place.file, place.object,
                         fmt::format("no such dataset; no layer has a {} at '{}'", what, printable(pattern)));
      }
    };
    require(options_.naming.weight, &LayerIndex::weight, first.weight, "weight");
    require(options_.naming.bias, &LayerIndex::bias, first.bias, "bias");
  }

  FileSet& files_;
  const Object& group_;
  const IndexOptions& options_;
  DumpIndex& dump_;
  IndexProblems problems_;
};

}  // namespace

bool is_foreign(const IndexOptions& options) { return !options.naming.activations.empty(); }

void index_checkpoint(FileSet& files, const Object& group, const Attributes& attributes,
                      const IndexOptions& options, const std::string& path, const std::string& id,
                      DumpIndex& dump) {
  CheckpointIndex checkpoint;
  checkpoint.path = path;
  checkpoint.id = id;
  CheckpointIndexer(files, group, options, dump).index(std::move(checkpoint), attributes);
}

}  // namespace collapscope::hdf5
