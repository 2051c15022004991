#include "states/state_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/results/results_file.hpp"
#include "hdf5/tree_file.hpp"
#include "states/state_fields.hpp"
#include "states/state_tree.hpp"

namespace collapscope {

namespace {

using hdf5::TreeReader;
using hdf5::TreeWriter;

constexpr const char* kind = "collapscope state 2";

// Finished layers as a results file, and where they belong: [entries, 2], checkpoint and layer. Its failures
// are those of predictions, of the checkpoints that `model_failures` has.
void write_finished(TreeWriter& file, const StateView& state) {
  Results results;
  std::vector<double> checkpoints;
  std::vector<double> places;
  std::vector<double> model_failures;
  std::vector<const FinishedLayer*> layers;
  for (const FinishedLayer& layer : state.finished) {
    layers.push_back(&layer);
  }
  std::sort(layers.begin(), layers.end(),
            [](const FinishedLayer* a, const FinishedLayer* b) { return a->place < b->place; });
  for (const auto& [number, checkpoint] : state.checkpoints) {
    CheckpointResult entry = checkpoint.result;
    for (const FinishedLayer* layer : layers) {
      if (layer->place.checkpoint == number) {
        entry.layers.push_back(layer->result);
        places.push_back(static_cast<double>(number));
        places.push_back(static_cast<double>(layer->place.layer));
      }
    }
    checkpoints.push_back(static_cast<double>(number));
    results.checkpoints.push_back(std::move(entry));
    if (checkpoint.model_failure) {
      results.failures.push_back(*checkpoint.model_failure);
      model_failures.push_back(static_cast<double>(number));
    }
  }
  file.text("finished/results", results_json(results));
  file.numbers("finished/checkpoints", checkpoints, {checkpoints.size()});
  file.numbers("finished/places", places, {places.size() / 2, 2});
  file.numbers("finished/model_failures", model_failures, {model_failures.size()});
}

void write_matrix(TreeWriter& file, const std::string& object, const Matrix& matrix) {
  file.numbers(object, matrix.values(), {matrix.rows(), matrix.cols()});
}

Matrix read_matrix_of(const TreeReader& file, const std::string& object) {
  const std::vector<std::uint64_t> shape = file.shape(object);
  const std::vector<double> values = file.numbers(object);
  Matrix matrix(shape.at(0), shape.at(1));
  std::copy(values.begin(), values.end(), matrix.data());
  return matrix;
}

void write_nrc3(TreeWriter& file, const StateView& state) {
  file.group("nrc3");
  for (const FinishedLayer& layer : state.finished) {
    if (layer.nrc3) {
      const std::string group = fmt::format("nrc3/{}_{}", layer.place.checkpoint, layer.place.layer);
      write_matrix(file, group + "/gram", layer.nrc3->gram);
      write_matrix(file, group + "/root", layer.nrc3->root);
      file.attribute(group, "lambda_min", layer.nrc3->lambda_min);
    }
  }
}

template <class Value>
std::uint64_t segments_in(const std::map<Subtree, Value>& subtrees, std::uint64_t all) {
  std::uint64_t count = 0;
  for (const auto& [place, value] : subtrees) {
    count += std::min(all, place.segments().last) - place.segments().first;
  }
  return count;
}

void write_at_work(TreeWriter& file, const StateView& state) {
  file.group("at_work");
  state.each_at_work(
      [&](const LayerFacts& facts, const MomentsOfSubtrees& moments, const ResidualsOfSubtrees& residuals) {
        const std::string group = fmt::format("at_work/{}_{}", facts.place.checkpoint, facts.place.layer);
        file.group(group);
        file.attribute(group, "name", printable(facts.name));
        file.attribute(group, "checkpoint", std::uint64_t{facts.place.checkpoint});
        file.attribute(group, "layer", std::uint64_t{facts.place.layer});
        file.attribute(group, "segments", facts.segments);
        file.attribute(group, "segment_samples", facts.segment_samples);
        file.attribute(group, "workers", facts.workers);
        file.attribute(group, "folded", segments_in(moments, facts.segments));
        file.attribute(group, "looked_at", segments_in(residuals, facts.segments));
        write_subtrees(file, group + "/moments", moments);
        write_subtrees(file, group + "/residuals", residuals);
      });
}

}  // namespace

void write_state(const std::string& path, const StateHead& head, const StateView& state) {
  TreeWriter file(path, kind, hdf5::Drafts::in_memory);
  file.text("identity", text_of(head.identity));
  file.attribute("/", "started", head.started);
  file.attribute("/", "saved", head.saved);
  file.attribute("/", "number", head.number);
  file.attribute("/", "layers", std::uint64_t{state.layers});
  file.attribute("/", "finished", std::uint64_t{state.finished.size()});
  file.attribute("/", "finished_before", head.finished_before);
  write_finished(file, state);
  write_nrc3(file, state);
  write_at_work(file, state);
  file.finish();
}

namespace {

StateHead head_in(const TreeReader& file) {
  StateHead head;
  head.identity = identity_of(file.text("identity"));
  head.started = file.word("/", "started");
  head.saved = file.word("/", "saved");
  head.number = file.count("/", "number");
  head.layers = file.count("/", "layers");
  head.finished_before = file.count("/", "finished_before");
  const std::vector<double> places = file.numbers("finished/places");
  for (std::size_t i = 0; i + 1 < places.size(); i += 2) {
    head.finished.push_back({static_cast<std::size_t>(places[i]), static_cast<std::size_t>(places[i + 1])});
  }
  for (const std::string& name : file.names("at_work")) {
    const std::string group = "at_work/" + name;
    head.work.push_back(fmt::format("{}: {} of {} segments folded, {} looked at again",
                                    file.word(group, "name"), file.count(group, "folded"),
                                    file.count(group, "segments"), file.count(group, "looked_at")));
  }
  return head;
}

void read_finished(const TreeReader& file, const std::string& path, AnalysisState& state) {
  Results results = parse_results(file.text("finished/results"), path);
  const std::vector<double> checkpoints = file.numbers("finished/checkpoints");
  const std::vector<double> places = file.numbers("finished/places");
  std::size_t next = 0;
  for (std::size_t i = 0; i < results.checkpoints.size(); ++i) {
    CheckpointResult& checkpoint = results.checkpoints[i];
    for (LayerResult& layer : std::exchange(checkpoint.layers, {})) {
      const LayerPlace place{static_cast<std::size_t>(places.at(next)),
                             static_cast<std::size_t>(places.at(next + 1))};
      next += 2;
      FinishedLayer finished{place, std::move(layer), std::nullopt};
      const std::string group = fmt::format("nrc3/{}_{}", place.checkpoint, place.layer);
      if (file.has(group)) {
        finished.nrc3 = Nrc3Inputs{"", read_matrix_of(file, group + "/gram"),
                                   read_matrix_of(file, group + "/root"), file.number(group, "lambda_min")};
      }
      state.finished.push_back(std::move(finished));
    }
    state.checkpoints.emplace(static_cast<std::size_t>(checkpoints.at(i)),
                              KnownCheckpoint{std::move(checkpoint), std::nullopt});
  }
  if (file.has("finished/model_failures")) {  // states of earlier versions have none
    const std::vector<double> failed = file.numbers("finished/model_failures");
    for (std::size_t i = 0; i < failed.size(); ++i) {
      state.checkpoints.at(static_cast<std::size_t>(failed[i])).model_failure = results.failures.at(i);
    }
  }
}

AnalysisState state_in(const TreeReader& file, const std::string& path, const StateKeeper::Wants& wants) {
  AnalysisState state;
  read_finished(file, path, state);
  for (const std::string& name : file.names("at_work")) {
    const std::string group = "at_work/" + name;
    LayerAtWork layer;
    layer.facts = {{file.count(group, "checkpoint"), file.count(group, "layer")},
                   file.word(group, "name"),
                   file.count(group, "segments"),
                   file.count(group, "segment_samples"),
                   file.word(group, "workers")};
    if (!wants(layer.facts.place)) {
      continue;
    }
    layer.moments = read_subtrees<Moments>(file, group + "/moments");
    layer.residuals = read_subtrees<ResidualSums>(file, group + "/residuals");
    state.at_work.push_back(std::move(layer));
  }
  return state;
}

// What a sound file of ours never lacks.
template <class Read>
auto reading(const std::string& path, const Read& read) {
  try {
    return read(TreeReader(path, kind));
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {
    throw InputError(path, "", fmt::format("is no state that this version can read: {}", error.what()));
  }
}

}  // namespace

StateHead read_state_head(const std::string& path) {
  return reading(path, [](const TreeReader& file) { return head_in(file); });
}

AnalysisState read_state(const std::string& path, const StateKeeper::Wants& wants) {
  return reading(path, [&](const TreeReader& file) { return state_in(file, path, wants); });
}

}  // namespace collapscope
