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

#include "collapscope/error.hpp"
#include "collapscope/results_file.hpp"
#include "collapscope/text.hpp"
#include "core/json_tree.hpp"

namespace collapscope {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 30;
constexpr std::size_t longest_quote = 40;  // bytes of a wrong text that an error shows

// A node and how one gets there, for errors: a chain of places on the stack.
struct Place {
  const std::string* file;
  JsonNode* node;
  const Place* parent = nullptr;
  std::string_view key = {};
  std::size_t index = 0;

  [[nodiscard]] std::string text() const {
    if (parent == nullptr) return "";
    const std::string above = parent->text();
    if (key.empty()) return fmt::format("{}[{}]", above, index);
    return above.empty() ? std::string(key) : fmt::format("{}.{}", above, key);
  }
};

struct NodeText {
  std::string operator()(std::monostate /*null*/) const { return "null"; }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(std::int64_t number) const { return fmt::format("the integer {}", number); }
  std::string operator()(std::uint64_t number) const { return fmt::format("the integer {}", number); }
  std::string operator()(double number) const { return fmt::format("the number {}", number); }
  std::string operator()(const std::string& text) const {
    if (text.size() <= longest_quote) return fmt::format("the text '{}'", printable(text));
    return fmt::format("the text '{}...'", printable(std::string_view(text).substr(0, longest_quote)));
  }
  std::string operator()(const JsonArray& array) const { return fmt::format("a list of {}", array.size()); }
  std::string operator()(const JsonObject& /*object*/) const { return "an object"; }
};

[[noreturn]] void refuse(const Place& place, std::string_view expected) {
  throw InputError(*place.file, place.text(),
                   fmt::format("found {}, expected {}", std::visit(NodeText{}, place.node->value), expected));
}

template <class T>
T& get(const Place& place, std::string_view expected) {
  T* value = std::get_if<T>(&place.node->value);
  if (value == nullptr) refuse(place, expected);
  return *value;
}

JsonObject& object_at(const Place& place) { return get<JsonObject>(place, "an object"); }

// Calls visit(place) for the member if it is there.
template <class Visit>
bool with_member(const Place& place, std::string_view key, const Visit& visit) {
  JsonObject& object = object_at(place);
  const auto found = std::ranges::find(object, key, &JsonMember::key);
  if (found == object.end()) return false;
  visit(Place{place.file, &found->node, &place, key});
  return true;
}

template <class Visit>
void need_member(const Place& place, std::string_view key, const Visit& visit) {
  if (with_member(place, key, visit)) return;
  throw InputError(*place.file, place.text(), fmt::format("lacks '{}'", key));
}

template <class Visit>
void each_member(const Place& place, const Visit& visit) {
  for (JsonMember& member : object_at(place)) visit(Place{place.file, &member.node, &place, member.key});
}

template <class Visit>
void each_element(const Place& place, const Visit& visit) {
  JsonArray& array = get<JsonArray>(place, "a list");
  for (std::size_t i = 0; i < array.size(); ++i) visit(Place{place.file, &array[i], &place, {}, i});
}

bool is_null(const Place& place) { return std::holds_alternative<std::monostate>(place.node->value); }

std::string text_at(const Place& place) { return std::move(get<std::string>(place, "text")); }

double number_at(const Place& place, std::string_view expected = "a number") {
  if (const auto* integer = std::get_if<std::int64_t>(&place.node->value)) {
    return static_cast<double>(*integer);
  }
  return get<double>(place, expected);
}

std::uint64_t count_at(const Place& place) {
  if (const auto* large = std::get_if<std::uint64_t>(&place.node->value)) return *large;
  const std::int64_t count = get<std::int64_t>(place, "a count");
  if (count < 0) refuse(place, "a count");
  return static_cast<std::uint64_t>(count);
}

// What a member of this type is read into.
auto into(std::string& target) {
  return [&target](const Place& place) { target = text_at(place); };
}
auto into(double& target) {
  return [&target](const Place& place) { target = number_at(place); };
}
auto into(std::uint64_t& target) {
  return [&target](const Place& place) { target = count_at(place); };
}

Value value_at(const Place& place) {
  if (is_null(place)) return {};
  if (const auto* count = std::get_if<std::int64_t>(&place.node->value)) return *count;
  if (const auto* number = std::get_if<double>(&place.node->value)) return *number;
  if (!std::holds_alternative<JsonArray>(place.node->value))
    refuse(place, "a number, a list of numbers or null");
  std::vector<double> list;
  each_element(place, [&](const Place& element) { list.push_back(number_at(element)); });
  return list;
}

MetricSet metrics_at(const Place& place) {
  MetricSet metrics;
  metrics.all().reserve(object_at(place).size());
  each_member(place, [&](const Place& member) { metrics.add({std::string(member.key), value_at(member)}); });
  return metrics;
}

// Calls visit(metric, place) for the members of `place`, each named like one of the metrics. The metrics of
// a layer and its floors and notes have the same order, so the search goes on where it was.
template <class Visit>
void each_metric(const Place& place, MetricSet& metrics, const Visit& visit) {
  auto next = metrics.all().begin();
  each_member(place, [&](const Place& member) {
    auto found =
        std::find_if(next, metrics.all().end(), [&](const Metric& m) { return m.name == member.key; });
    if (found == metrics.all().end()) found = std::ranges::find(metrics.all(), member.key, &Metric::name);
    if (found == metrics.all().end()) {
      throw InputError(*member.file, member.text(), "no metric of this name beside it, expected one");
    }
    visit(*found, member);
    next = found;
  });
}

void read_floors(const Place& place, MetricSet& metrics) {
  each_metric(place, metrics, [](Metric& metric, const Place& floor) {
    metric.floor = is_null(floor) ? std::numeric_limits<double>::infinity() : number_at(floor);
  });
}

void read_notes(const Place& place, MetricSet& metrics) {
  each_metric(place, metrics, [](Metric& metric, const Place& note) { metric.note = text_at(note); });
}

AttributeValue attribute_at(const Place& place) {
  if (const auto* flag = std::get_if<bool>(&place.node->value)) return *flag;
  if (const auto* count = std::get_if<std::int64_t>(&place.node->value)) return *count;
  if (const auto* count = std::get_if<std::uint64_t>(&place.node->value)) return *count;
  if (const auto* number = std::get_if<double>(&place.node->value)) return *number;
  return std::move(get<std::string>(place, "a number, text, true or false"));
}

LayerResult layer_at(const Place& place) {
  LayerResult layer;
  need_member(place, "name", into(layer.name));
  need_member(place, "index", [&](const Place& index) {
    if (!is_null(index)) layer.index = get<std::int64_t>(index, "an integer or null");
  });
  need_member(place, "kind", into(layer.kind));
  need_member(place, "metrics", [&](const Place& metrics) { layer.metrics = metrics_at(metrics); });
  need_member(place, "floors", [&](const Place& floors) { read_floors(floors, layer.metrics); });
  need_member(place, "notes", [&](const Place& notes) { read_notes(notes, layer.metrics); });
  return layer;
}

CheckpointResult checkpoint_at(const Place& place) {
  CheckpointResult checkpoint;
  need_member(place, "path", into(checkpoint.path));
  need_member(place, "id", into(checkpoint.id));
  need_member(place, "run", [&](const Place& run) {
    if (!is_null(run)) checkpoint.run = text_at(run);
  });
  need_member(place, "step", [&](const Place& step) {
    if (!is_null(step)) checkpoint.step = number_at(step, "a number or null");
  });
  need_member(place, "task", into(checkpoint.task));
  need_member(place, "samples", into(checkpoint.samples));
  need_member(place, "attributes", [&](const Place& attributes) {
    each_member(attributes, [&](const Place& attribute) {
      checkpoint.attributes.emplace_back(attribute.key, attribute_at(attribute));
    });
  });
  need_member(place, "targets", [&](const Place& targets) { checkpoint.targets = metrics_at(targets); });
  with_member(place, "target_notes", [&](const Place& notes) { read_notes(notes, checkpoint.targets); });
  need_member(place, "layers", [&](const Place& layers) {
    std::set<std::string, std::less<>> names;
    each_element(layers, [&](const Place& layer) {
      checkpoint.layers.push_back(layer_at(layer));
      const std::string& name = checkpoint.layers.back().name;
      if (!names.insert(name).second) {
        throw InputError(*layer.file, layer.text(),
                         fmt::format("a second layer '{}', expected each name once", printable(name)));
      }
    });
  });
  return checkpoint;
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
    need_member(place, key, into(*text));
  }
  with_member(place, "precision", into(provenance.precision));  // files of early versions lack it
  need_member(place, "threads", into(threads));
  provenance.threads = threads;
  need_member(place, "seconds", into(provenance.seconds));
  need_member(place, "bytes_read", into(provenance.bytes_read));
  return provenance;
}

Failure failure_at(const Place& place) {
  Failure failure;
  need_member(place, "path", into(failure.path));
  need_member(place, "object", into(failure.object));
  need_member(place, "message", into(failure.message));
  return failure;
}

void check_format(const Place& root) {
  need_member(root, "format", [](const Place& format) {
    if (get<std::string>(format, "text") != "collapscope-results") refuse(format, "collapscope-results");
  });
  need_member(root, "format_version", [](const Place& version) {
    const std::int64_t found = get<std::int64_t>(version, "1");
    if (found > 1) refuse(version, "1: a newer collapscope wrote this file");
    if (found != 1) refuse(version, "1");
  });
}

bool starts_like_hdf5(std::string_view bytes) { return bytes.starts_with("\x89HDF\r\n\x1a\n"); }

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(path, "", "cannot be opened: " + std::generic_category().message(errno));
  }
  std::string content;
  std::array<char, std::size_t{1} << 16> block{};
  while (file) {
    file.read(block.data(), block.size());
    content.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (starts_like_hdf5(content)) {
      throw InputError(path, "",
                       "found an HDF5 file, expected results; this makes them: collapscope analyze " +
                           printable(path) + " -o results.json");
    }
    const std::size_t begin = content.find_first_not_of(" \t\r\n");
    if (begin != std::string::npos && content[begin] != '{') {
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
  need_member(root, "provenance", [&](const Place& place) { results.provenance = provenance_at(place); });
  need_member(root, "checkpoints", [&](const Place& place) {
    each_element(place, [&](const Place& element) { results.checkpoints.push_back(checkpoint_at(element)); });
  });
  with_member(root, "failures", [&](const Place& place) {
    each_element(place, [&](const Place& element) { results.failures.push_back(failure_at(element)); });
  });
  return results;
}

Results read_results(const std::string& path) { return parse_results(content_of(path), path); }

}  // namespace collapscope
