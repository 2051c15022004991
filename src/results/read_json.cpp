// From a JSON tree to Results; every part is checked, and errors name its place.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/results/results_file.hpp"
#include "json/json_place.hpp"
#include "results/depth_name.hpp"
#include "results/read_class_results.hpp"

namespace collapscope {
namespace {

using Place = JsonPlace;

constexpr std::size_t largest_file = std::size_t{1} << 30;

// What a member of this type is read into.
auto into(std::string& target) {
  return [&target](const Place& place) { target = place.take_text(); };
}
auto into(double& target) {
  return [&target](const Place& place) { target = place.number(); };
}
auto into(std::uint64_t& target) {
  return [&target](const Place& place) { target = place.count(); };
}

Value value_at(const Place& place) {
  if (place.is_null()) return {};
  if (const auto* count = std::get_if<std::int64_t>(&place.node->value)) return *count;
  if (const auto* number = std::get_if<double>(&place.node->value)) return *number;
  if (!std::holds_alternative<JsonArray>(place.node->value))
    place.refuse("a number, a list of numbers or null");
  std::vector<double> list;
  place.each_element([&](const Place& element) { list.push_back(element.number()); });
  return list;
}

MetricSet metrics_at(const Place& place) {
  constexpr std::size_t most_metrics = 4096;  // there are not a hundred
  MetricSet metrics;
  if (place.object().size() > most_metrics) {
    throw InputError(
        *place.file, place.where(),
        fmt::format("found {} metrics, expected at most {}", place.object().size(), most_metrics));
  }
  metrics.all().reserve(place.object().size());
  place.each_member([&](const Place& member) { metrics.add({std::string(member.key), value_at(member)}); });
  return metrics;
}

// Calls visit(metric, place) for the members of `place`, each named like one of the metrics. The metrics of
// a layer and its floors and notes have the same order, so the search goes on where it was.
template <class Visit>
void each_metric(const Place& place, MetricSet& metrics, const Visit& visit) {
  auto next = metrics.all().begin();
  place.each_member([&](const Place& member) {
    auto found =
        std::find_if(next, metrics.all().end(), [&](const Metric& m) { return m.name == member.key; });
    if (found == metrics.all().end()) found = std::ranges::find(metrics.all(), member.key, &Metric::name);
    if (found == metrics.all().end()) {
      throw InputError(*member.file, member.where(), "no metric of this name beside it, expected one");
    }
    visit(*found, member);
    next = found;
  });
}

void read_floors(const Place& place, MetricSet& metrics) {
  each_metric(place, metrics, [](Metric& metric, const Place& floor) {
    metric.floor = floor.is_null() ? std::numeric_limits<double>::infinity() : floor.number();
  });
}

void read_notes(const Place& place, MetricSet& metrics) {
  each_metric(place, metrics, [](Metric& metric, const Place& note) { metric.note = note.take_text(); });
}

// By metric: slope, pearson, layers, and notes on these.
MetricSet depth_at(const Place& place) {
  MetricSet depth;
  place.each_member([&](const Place& of_metric) {
    MetricSet law;
    of_metric.each_member([&](const Place& part) {
      if (part.key != "notes") law.add({std::string(part.key), value_at(part)});
    });
    of_metric.with_member("notes", [&](const Place& notes) { read_notes(notes, law); });
    for (Metric& part : law.all()) {
      part.name = depth_name(of_metric.key, part.name);
      depth.add(std::move(part));
    }
  });
  return depth;
}

AttributeValue attribute_at(const Place& place) {
  if (const auto* flag = std::get_if<bool>(&place.node->value)) return *flag;
  if (const auto* count = std::get_if<std::int64_t>(&place.node->value)) return *count;
  if (const auto* count = std::get_if<std::uint64_t>(&place.node->value)) return *count;
  if (const auto* number = std::get_if<double>(&place.node->value)) return *number;
  return std::move(place.get<std::string>("a number, text, true or false"));
}

LayerResult layer_at(const Place& place) {
  LayerResult layer;
  place.need_member("name", into(layer.name));
  place.need_member("index", [&](const Place& index) {
    if (!index.is_null()) layer.index = index.get<std::int64_t>("an integer or null");
  });
  place.need_member("kind", into(layer.kind));
  place.need_member("metrics", [&](const Place& metrics) { layer.metrics = metrics_at(metrics); });
  place.need_member("floors", [&](const Place& floors) { read_floors(floors, layer.metrics); });
  place.need_member("notes", [&](const Place& notes) { read_notes(notes, layer.metrics); });
  place.with_member("classes", [&](const Place& classes) { layer.classes = classes_of_layer(classes); });
  return layer;
}

CheckpointResult checkpoint_at(const Place& place) {
  CheckpointResult checkpoint;
  place.need_member("path", into(checkpoint.path));
  place.need_member("id", into(checkpoint.id));
  place.need_member("run", [&](const Place& run) {
    if (!run.is_null()) checkpoint.run = run.take_text();
  });
  place.need_member("step", [&](const Place& step) {
    if (!step.is_null()) checkpoint.step = step.number("a number or null");
  });
  place.need_member("task", into(checkpoint.task));
  place.need_member("samples", into(checkpoint.samples));
  place.need_member("attributes", [&](const Place& attributes) {
    attributes.each_member([&](const Place& attribute) {
      checkpoint.attributes.emplace_back(attribute.key, attribute_at(attribute));
    });
  });
  place.need_member("targets", [&](const Place& targets) { checkpoint.targets = metrics_at(targets); });
  place.with_member("target_notes", [&](const Place& notes) { read_notes(notes, checkpoint.targets); });
  place.with_member("classes",
                    [&](const Place& classes) { checkpoint.classes = classes_of_checkpoint(classes); });
  place.with_member("depth", [&](const Place& depth) { checkpoint.depth = depth_at(depth); });
  place.need_member("layers", [&](const Place& layers) {
    std::set<std::string, std::less<>> names;
    layers.each_element([&](const Place& layer) {
      checkpoint.layers.push_back(layer_at(layer));
      const LayerResult& found = checkpoint.layers.back();
      const std::size_t classes = checkpoint.classes ? checkpoint.classes->labels.size() : 0;
      if (found.classes && found.classes->rows.size() != classes) {
        throw InputError(*layer.file, layer.where(),
                         fmt::format("found {} classes, expected the {} of the checkpoint",
                                     found.classes->rows.size(), classes));
      }
      if (found.classes) {
        layer.need_member("classes",
                          [&](const Place& of) { require_labels(of, checkpoint.classes->labels); });
      }
      const std::string& name = found.name;
      if (!names.insert(name).second) {
        throw InputError(*layer.file, layer.where(),
                         fmt::format("a second layer '{}', expected each name once", printable(name)));
      }
    });
  });
  place.with_member("failed_layers", [&](const Place& layers) {
    layers.each_element([&](const Place& layer) {
      MissingLayer& failed = checkpoint.failed_layers.emplace_back();
      layer.need_member("name", into(failed.name));
      layer.need_member("position", [&](const Place& position) {
        failed.position = position.count();
        const auto& all = checkpoint.failed_layers;
        const std::size_t least = all.size() > 1 ? all[all.size() - 2].position : 0;
        if (failed.position < least || failed.position > checkpoint.layers.size()) {
          position.refuse(fmt::format("{} to {}, in ascending order", least, checkpoint.layers.size()));
        }
      });
    });
  });
  return checkpoint;
}

Fallback fallback_at(const Place& place) {
  Fallback fallback;
  place.need_member("work", into(fallback.work));
  place.need_member("to", into(fallback.to));
  place.need_member("count", into(fallback.count));
  place.need_member("reason", into(fallback.reason));
  return fallback;
}

Provenance provenance_at(const Place& place) {
  Provenance provenance;
  std::uint64_t threads = 1;
  for (auto [key, text] :
       std::array<std::pair<const char*, std::string*>, 5>{{{"version", &provenance.version},
                                                            {"commit", &provenance.commit},
                                                            {"command", &provenance.command},
                                                            {"device", &provenance.device},
                                                            {"started", &provenance.started}}}) {
    place.need_member(key, into(*text));
  }
  place.with_member("options", [&](const Place& options) {
    options.each_member([&](const Place& option) {
      provenance.options.emplace_back(std::string(option.key), option.take_text());
    });
  });
  place.with_member("precision", into(provenance.precision));  // files of early versions lack it
  place.need_member("threads", into(threads));
  provenance.threads = threads;
  std::uint64_t threads_wanted = 0;
  place.with_member("threads_wanted", into(threads_wanted));
  provenance.threads_wanted = threads_wanted;
  std::uint64_t ranks = 1;
  place.with_member("ranks", into(ranks));
  provenance.ranks = ranks;
  place.need_member("seconds", into(provenance.seconds));
  place.need_member("bytes_read", into(provenance.bytes_read));
  place.with_member("rejected_eigenbases", into(provenance.fallbacks.rejected_eigenbases));
  place.with_member("fallbacks", [&](const Place& all) {
    all.each_element([&](const Place& one) { provenance.fallbacks.add(fallback_at(one)); });
  });
  return provenance;
}

Failure failure_at(const Place& place) {
  Failure failure;
  place.need_member("path", into(failure.path));
  place.need_member("object", into(failure.object));
  place.need_member("message", into(failure.message));
  place.with_member("run", into(failure.run));
  place.with_member("step", [&](const Place& step) {
    if (!step.is_null()) failure.step = step.number("a number or null");
  });
  place.with_member("split", into(failure.split));
  return failure;
}

void check_format(const Place& root) {
  root.need_member("format", [](const Place& format) {
    if (format.get<std::string>("text") != "collapscope-results") format.refuse("collapscope-results");
  });
  root.need_member("format_version", [](const Place& version) {
    const std::int64_t found = version.get<std::int64_t>("1");
    if (found > 1) version.refuse("1: a newer collapscope wrote this file");
    if (found != 1) version.refuse("1");
  });
}

bool starts_like_hdf5(std::string_view bytes) { return bytes.starts_with("\x89HDF\r\n\x1a\n"); }

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(path, "", "cannot be opened: " + std::generic_category().message(errno));
  }
  std::string content;
  std::size_t begin = 0;  // of what is not blank
  std::array<char, std::size_t{1} << 16> block{};
  while (file) {
    file.read(block.data(), block.size());
    content.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (starts_like_hdf5(content)) {
      throw InputError(path, "",
                       "found an HDF5 file, expected results; this makes them: collapscope analyze " +
                           printable(path) + " -o results.json");
    }
    begin = std::min(content.find_first_not_of(" \t\r\n", begin), content.size());
    if (begin < content.size() && content[begin] != '{') {
      throw InputError(path, "",
                       "found no JSON object, expected results (collapscope analyze ... -o FILE.json)");
    }
    if (content.size() > largest_file) {
      throw InputError(path, "", "found more than " + human_bytes(largest_file) + ", expected at most that");
    }
  }
  if (file.bad()) throw InputError(path, "", "cannot be read to its end");
  if (content.find_first_not_of(" \t\r\n") == std::string::npos) {
    throw InputError(path, "", "found an empty file, expected results");
  }
  return content;
}

}  // namespace

Results parse_results(std::string_view text, const std::string& file) {
  JsonNode tree = parse_json_tree(text, file);
  const Place root{&file, &tree};
  check_format(root);
  Results results;
  root.need_member("provenance", [&](const Place& place) { results.provenance = provenance_at(place); });
  root.need_member("checkpoints", [&](const Place& place) {
    place.each_element([&](const Place& element) { results.checkpoints.push_back(checkpoint_at(element)); });
  });
  root.with_member("failures", [&](const Place& place) {
    place.each_element([&](const Place& element) { results.failures.push_back(failure_at(element)); });
  });
  return results;
}

Results read_results(const std::string& path) { return parse_results(content_of(path), path); }

}  // namespace collapscope
