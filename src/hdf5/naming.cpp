#include "hdf5/naming.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/fill.hpp"
#include "hdf5/failure.hpp"
#include "hdf5/misspelt.hpp"
#include "hdf5/walk.hpp"

namespace collapscope::hdf5 {

namespace {

constexpr std::size_t shown_datasets = 10;

// A path without leading and doubled slashes.
std::string normal_path(std::string_view path) {
  return fmt::format("{}", fmt::join(path_components(path), "/"));
}

bool has_link(const Object& group, const char* name, const Place& place) {
  return check(H5Lexists(group.id.get(), name, H5P_DEFAULT), place, fmt::format("look up '{}'", name)) > 0;
}

// A group with parameters alone is a layer whose activations have been lost.
void refuse_lone_parameters(FileSet& files, const Object& group, const Place& place) {
  for (const char* name : {"weight", "bias"}) {
    if (has_link(group, name, place) && is_dataset(files.get(group, name, "a parameter"))) {
      throw InputError(
          place.file, place.object,
          fmt::format("found a {} without activations; expected a dataset 'activations' beside it", name));
    }
  }
}

bool is_layer_part(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == "activations" || name == "weight" || name == "bias";
}

std::string group_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// Broken parts of layers are reported by their layer. Where damage hides that a group is one, HDF5 finds none
// of the names that it lists, and the first of its broken parts speaks for the layer.
void report_lost_layers(const std::vector<std::pair<std::string, Failure>>& broken_parts,
                        const std::vector<LayerParts>& found, const std::vector<std::string>& globs,
                        IndexProblems& problems) {
  std::set<std::string> known;
  for (const LayerParts& parts : found) {
    known.insert(parts.name);
  }
  for (const auto& [path, failure] : broken_parts) {
    const std::string layer = group_of(path);
    if (known.insert(layer).second) {
      problems.lose({layer, {}, {}, {}, {}}, failure, is_wanted(layer, globs));
    }
  }
}

// Fills in the paths of weight and bias.
LayerParts with_parameters(LayerParts parts, const DumpNaming& naming) {
  const auto path = [&](const std::string& pattern, const char* name) {
    if (!pattern.empty()) {
      return fill(pattern, "{layer}", parts.name);
    }
    return parts.group.empty() ? std::string() : parts.group + '/' + name;
  };
  parts.weight = path(naming.weight, "weight");
  parts.bias = path(naming.bias, "bias");
  return parts;
}

// Whether what lies at `path`, or below it, may be a wanted layer.
bool may_hold_wanted(const std::string& path, const std::vector<std::string>& globs) {
  const std::string below = path + '/';
  return is_wanted(path, globs) || std::ranges::any_of(globs, [&](const std::string& glob) {
           const std::string before = glob.substr(0, glob.find_first_of("*?["));
           return before.starts_with(below) || (before.size() < glob.size() && below.starts_with(before));
         });
}

bool lies_in(const std::set<std::string>& layers, std::string group) {
  while (!group.empty() && !layers.contains(group)) {
    group = group_of(group);
  }
  return !group.empty();
}

std::vector<LayerParts> find_dump_layers(FileSet& files, const Object& checkpoint,
                                         const IndexOptions& options, IndexProblems& problems) {
  std::vector<Failure>& failures = problems.failures;
  const std::optional<Object> layers = files.find(checkpoint, "layers");
  if (!layers || !is_group(*layers)) {
    const Place place = files.place(checkpoint, "layers");
    throw InputError(place.file, place.object,
                     fmt::format("no such group; expected the layers; {}", datasets_text(files, checkpoint)));
  }
  std::vector<LayerParts> found;
  std::vector<std::pair<std::string, Failure>> broken_parts;
  std::set<std::string> groups_of_layers;  // lost ones, too
  std::vector<std::string> strays;
  Visitor visitor;
  visitor.dataset = [&](const std::string& path) {
    const std::string group = group_of(path);
    if (group.empty() || (!is_layer_part(path) && !lies_in(groups_of_layers, group))) {
      strays.push_back(path);
    }
  };
  visitor.group = [&](const std::string& path, const Object& object) {
    const Place place = files.place(object);
    try {
      if (has_link(object, "activations", place)) {
        const std::string group = "layers/" + path;
        groups_of_layers.insert(path);
        found.push_back(with_parameters({path, group, group + "/activations", {}, {}}, options.naming));
      } else {
        refuse_lone_parameters(files, object, place);
      }
    } catch (const InputError& error) {
      groups_of_layers.insert(path);
      problems.lose({path, "layers/" + path, {}, {}, {}}, failure_of(error), is_wanted(path, options.layers));
    }
  };
  visitor.broken = [&](const std::string& path, const InputError& error) {
    if (is_layer_part(path)) {
      broken_parts.emplace_back(path, failure_of(error));
    } else {
      problems.lose({path, {}, {}, {}, {}}, failure_of(error), may_hold_wanted(path, options.layers));
    }
  };
  walk(files, *layers, visitor);
  report_lost_layers(broken_parts, found, options.layers, problems);
  report_strays(files, *layers, strays, options.layers, problems);
  if (found.empty() && failures.empty()) {
    const Place place = files.place(*layers);
    throw InputError(
        place.file, place.object,
        fmt::format("no group in it holds a dataset 'activations'; {}", datasets_text(files, checkpoint)));
  }
  return found;
}

// Whether an object at `path`, if it could be read, might match or hold one that does.
bool may_lead_to_match(std::string_view pattern, const std::string& path) {
  const std::size_t star = std::min(pattern.find('*'), pattern.size());
  const std::string_view before = pattern.substr(0, star);
  const std::string below = path + '/';
  const bool deep_enough = pattern.substr(star).starts_with("**") ||
                           std::ranges::count(path, '/') < std::ranges::count(pattern, '/');
  return wildcard_match(pattern, path).has_value() || before.starts_with(below) ||
         (below.starts_with(before) && deep_enough);
}

// What the wildcard stands for in a path of a layer, or of a group that it lies in; nullopt where that cannot
// be told.
std::optional<std::string> name_at(std::string_view pattern, const std::string& path) {
  if (auto name = wildcard_match(pattern, path)) {
    return name;
  }
  std::size_t end = 0;
  for (auto left = std::ranges::count(path, '/') + 1; left > 0 && end < pattern.size(); --left) {
    end = std::min(pattern.find('/', end + 1), pattern.size());
  }
  return wildcard_match(pattern.substr(0, end), path);
}

// The components before the first wildcard.
std::string literal_prefix(std::string_view pattern) {
  const std::string_view before = pattern.substr(0, pattern.find('*'));
  const std::size_t slash = before.rfind('/');
  return std::string(slash == std::string_view::npos ? std::string_view() : before.substr(0, slash));
}

[[noreturn]] void refuse_no_match(FileSet& files, const Object& checkpoint, const DumpNaming& naming) {
  const Place place = files.place(checkpoint);
  throw InputError(place.file, place.object,
                   fmt::format("no dataset matches the activations '{}'; {}", printable(naming.activations),
                               datasets_text(files, checkpoint)));
}

std::vector<LayerParts> find_named_layers(FileSet& files, const Object& checkpoint,
                                          const IndexOptions& options, IndexProblems& problems) {
  std::vector<Failure>& failures = problems.failures;
  const DumpNaming& naming = options.naming;
  const std::string pattern = normal_path(naming.activations);
  const std::string prefix = literal_prefix(pattern);
  std::vector<LayerParts> found;
  const auto full_path = [&](const std::string& path) { return prefix.empty() ? path : prefix + '/' + path; };
  Visitor visitor;
  visitor.group = [](const std::string&, const Object&) {};
  const auto is_named = [&](const std::string& path) {
    return path == normal_path(naming.targets) || path == normal_path(naming.predictions);
  };
  visitor.dataset = [&](const std::string& path) {
    if (const auto name = wildcard_match(pattern, full_path(path)); name && !is_named(full_path(path))) {
      found.push_back(with_parameters({*name, {}, full_path(path), {}, {}}, naming));
    }
  };
  visitor.broken = [&](const std::string& path, const InputError& error) {
    if (may_lead_to_match(pattern, full_path(path))) {
      const auto name = name_at(pattern, full_path(path));
      problems.lose({name.value_or(path), {}, {}, {}, {}}, failure_of(error),
                    !name || may_hold_wanted(*name, options.layers));
    }
  };
  const std::optional<Object> start = files.find(checkpoint, prefix);
  if (start && is_group(*start)) {
    walk(files, *start, visitor);
  }
  if (found.empty() && failures.empty()) {
    refuse_no_match(files, checkpoint, naming);
  }
  return found;
}

}  // namespace

void IndexProblems::lose(LayerParts layer, Failure failure, bool is_meant) {
  (is_meant ? lost : lost_unwanted).push_back(std::move(layer));
  if (is_meant) {
    failures.push_back(std::move(failure));
  }
}

std::optional<std::string> wildcard_match(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return pattern == path ? std::optional(std::string(path.substr(path.rfind('/') + 1))) : std::nullopt;
  }
  const bool across = pattern.substr(star, 2) == "**";
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + (across ? 2 : 1));
  if (after.find('*') != std::string_view::npos) {
    throw UsageError(
        fmt::format("'{}' has more than one wildcard: write one '*' or '**'", printable(pattern)));
  }
  if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) {
    return std::nullopt;
  }
  const std::string_view middle = path.substr(before.size(), path.size() - before.size() - after.size());
  if (!across && middle.find('/') != std::string_view::npos) {
    return std::nullopt;
  }
  return std::string(middle);
}

bool is_wanted(const std::string& layer, const std::vector<std::string>& globs) {
  return globs.empty() ||
         std::ranges::any_of(globs, [&](const std::string& glob) { return glob_match(glob, layer); });
}

std::vector<LayerParts> find_layers(FileSet& files, const Object& checkpoint, const IndexOptions& options,
                                    IndexProblems& problems) {
  return options.naming.activations.empty() ? find_dump_layers(files, checkpoint, options, problems)
                                            : find_named_layers(files, checkpoint, options, problems);
}

std::string datasets_text(FileSet& files, const Object& checkpoint) {
  std::vector<std::string> names;
  Visitor visitor;
  visitor.broken = [](const std::string&, const InputError&) {};
  visitor.group = [](const std::string&, const Object&) {};
  visitor.dataset = [&](const std::string& path) {
    if (names.size() < shown_datasets) {
      names.push_back(fmt::format("'{}'", printable(path)));
    }
  };
  try {
    walk(files, checkpoint, visitor);
  } catch (const InputError&) {
    // Some of the names will do.
  }
  return names.empty() ? "there are no datasets"
                       : fmt::format("there are datasets {}", fmt::join(names, ", "));
}

}  // namespace collapscope::hdf5
