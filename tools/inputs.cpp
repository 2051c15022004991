#include "inputs.hpp"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::tools {

namespace {

namespace fs = std::filesystem;

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool is_of(const InputKind& kind, const std::string& path) {
  const std::string_view own = own_kind(path);
  return kind.of_own ? own.starts_with("a part") : own.empty();
}

// Behind "no file": of those that there are.
std::string_view but_others(const InputKind& kind) {
  return kind.of_own ? " that is a part of an analysis" : " but states of --work and parts of --part";
}

bool is_file(const fs::directory_entry& entry) {
  std::error_code none;
  return entry.is_regular_file(none);
}

// To nowhere or to itself: a dump that is lost, which fails by its name.
bool is_broken_link(const fs::directory_entry& entry) {
  std::error_code none;
  return entry.is_symlink(none) && !entry.exists(none);
}

// As a glob finds them, hidden ones are left out: "._a.h5" of macOS, ".nfs0001.h5". So are states and parts,
// which an analysis may have put beside its dumps.
std::vector<std::string> files_in(const std::string& folder, const InputKind& kind) {
  std::vector<std::string> files;
  bool has_others = false;
  std::error_code failure;
  fs::directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::directory_iterator(); entries.increment(failure)) {
    const fs::directory_entry& entry = *entries;
    const std::string extension = in_lower_case(entry.path().extension());
    const bool hidden = entry.path().filename().string().starts_with('.');
    if (!hidden && (is_file(entry) || is_broken_link(entry)) &&
        std::ranges::find(kind.extensions, extension) != kind.extensions.end()) {
      if (is_of(kind, entry.path())) {
        files.push_back(entry.path());
      } else {
        has_others = true;
      }
    }
  }
  if (failure) {
    throw UsageError(fmt::format("{}: cannot read this folder: {}", printable(folder), failure.message()));
  }
  if (files.empty()) {
    throw UsageError(fmt::format("{}: no {} file in this folder{}", printable(folder), kind.in_folders,
                                 has_others ? but_others(kind) : ""));
  }
  return files;
}

std::vector<std::string> matches_of(const std::string& pattern, const InputKind& kind) {
  static std::string unread;  // a folder that the pattern leads into
  unread.clear();
  const auto take_unread = [](const char* folder, int error) {
    unread =
        fmt::format("; {}: cannot be read: {}", printable(folder), std::generic_category().message(error));
    return 0;
  };
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, take_unread, &found);
  std::vector<std::string> files;
  for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
    if (is_of(kind, found.gl_pathv[i])) {
      files.emplace_back(found.gl_pathv[i]);
    }
  }
  const bool has_others = status == 0 && found.gl_pathc > files.size();
  ::globfree(&found);
  if (files.empty()) {
    throw UsageError(fmt::format("{}: no file matches{}{}", printable(pattern),
                                 has_others ? but_others(kind) : "", unread));
  }
  return files;
}

std::vector<std::string> lines_of(const std::string& list, const InputKind& kind) {
  std::ifstream file(list);
  if (!file) {
    throw UsageError(fmt::format("{}: cannot read this list of {}s", printable(list), kind.noun));
  }
  std::vector<std::string> lines;
  constexpr std::string_view mark = "\xef\xbb\xbf";  // some editors begin a text with it
  for (std::string line; std::getline(file, line);) {
    if (lines.empty() && line.starts_with(mark)) {
      line.erase(0, mark.size());
    }
    line.erase(line.find_last_not_of(" \t\r") + 1);
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty() && line[0] != '#') {
      lines.push_back(line);
    }
  }
  if (lines.empty()) {
    throw UsageError(fmt::format("{}: no {} in this list", printable(list), kind.noun));
  }
  return lines;
}

// Whatever it is: a link to itself is there, too, and is told of when it is read.
bool is_there(const std::string& path) {
  std::error_code failure;
  return fs::exists(path, failure) || (failure && failure != std::errc::filename_too_long);
}

bool is_folder(const std::string& path) {
  std::error_code failure;
  return fs::is_directory(path, failure);
}

constexpr int deepest_list = 8;  // lists may name lists, but not themselves

std::vector<std::string> expand(const std::vector<std::string>& arguments, const InputKind& kind, int depth) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    if (argument.empty()) {
      throw UsageError(
          fmt::format("found an empty name; expected a {}, a folder, a glob or @LIST", kind.noun));
    }
    std::vector<std::string> found{argument};
    if (argument.size() > 1 && argument[0] == '@' && !is_there(argument)) {
      if (depth == deepest_list) {
        throw UsageError(fmt::format("{}: lists within lists go too deep", printable(argument)));
      }
      found = expand(lines_of(argument.substr(1), kind), kind, depth + 1);  // in the list's own order
    } else if (is_folder(argument)) {
      found = files_in(argument, kind);
      std::sort(found.begin(), found.end(), natural_less);
    } else if (!is_there(argument) && argument.find_first_of("*?[") != std::string::npos) {
      found = matches_of(argument, kind);
      std::sort(found.begin(), found.end(), natural_less);
    }
    std::move(found.begin(), found.end(), std::back_inserter(files));
  }
  return files;
}

// A line for layers whose bias is somewhere, but not where it was looked for; empty: there are none.
std::string biases_note(const CheckpointIndex& checkpoint, const std::string& weights) {
  std::vector<std::string> layers;
  std::string first;
  for (const LayerIndex& layer : checkpoint.layers) {
    if (!layer.bias && !layer.unused_bias.empty() && checkpoint.task == "classification") {
      first = layers.empty() ? layer.unused_bias : first;
      layers.push_back(printable(layer.name));
    }
  }
  if (layers.empty()) {
    return "";
  }
  constexpr std::size_t shown = 6;
  const std::size_t more = layers.size() - std::min(layers.size(), shown);
  layers.resize(layers.size() - more);
  const std::string found = printable(first);
  const bool in_dump = first.front() == '/';
  return fmt::format("{}: nc4_disagreement takes 0 as the bias of {}{}: {}", printable(checkpoint.path),
                     fmt::join(layers, ", "), more > 0 ? fmt::format(" and {} more", more) : "",
                     weights.empty() ? fmt::format("--weight is without --bias, which would name {}", found)
                     : in_dump
                         ? fmt::format("{} has none, the dump has {}", printable(weights), found)
                         : fmt::format("{} has {}, which --bias would name", printable(weights), found));
}

// Of a shard as the recorder writes it in distributed trainings, which is measured by itself or without
// others; else empty.
std::string shards_note(const Checkpoint& checkpoint, bool joined) {
  const CheckpointIndex& front = checkpoint.front();
  const double all = front.number("shard") ? front.number("shards").value_or(1) : 1;
  if (!(all > static_cast<double>(checkpoint.shards.size()))) {
    return "";
  }
  return joined ? fmt::format("{}: found {} of {} shards; the others are not among the dumps",
                              printable(front.path), checkpoint.shards.size(), all)
                : fmt::format(
                      "{}: one of {} shards is measured by itself; --shards joins the shards of a checkpoint",
                      printable(front.path), all);
}

// Takes those out of which `lost` may be a shard: they would be measured without its samples.
std::vector<Failure> without_doubtful(std::vector<Checkpoint>& checkpoints, const std::string& lost) {
  std::vector<Failure> failures;
  std::erase_if(checkpoints, [&](const Checkpoint& checkpoint) {
    const CheckpointIndex& front = checkpoint.front();
    const std::size_t found = checkpoint.shards.size();
    const std::optional<double> all = front.number("shard") ? front.number("shards") : std::nullopt;
    if (all && static_cast<double>(found) >= *all) {
      return false;
    }
    const std::string what =
        all ? fmt::format("found {} of {} shards, and {} cannot be used; expected all of them", found, *all,
                          printable(lost))
            : fmt::format(
                  "{} cannot be used, and may be a shard of this checkpoint, whose attributes 'shard' "
                  "and 'shards' do not say how many it has; expected dumps that can be used, or "
                  "--shards without this one",
                  printable(lost));
    failures.push_back({front.path, front.id, what, front.run, front.step});
    return true;
  });
  return failures;
}

// NaN is NaN.
bool is_alike(const std::pair<std::string, AttributeValue>& a,
              const std::pair<std::string, AttributeValue>& b) {
  const auto is_nan = [](const AttributeValue& value) {
    const auto* number = std::get_if<double>(&value);
    return number != nullptr && std::isnan(*number);
  };
  return a == b || (a.first == b.first && is_nan(a.second) && is_nan(b.second));
}

// Of attributes that not all shards of a checkpoint have alike; those that number them are meant to differ.
std::string attributes_note(const Checkpoint& checkpoint) {
  const CheckpointIndex& first = checkpoint.front();
  std::vector<std::string> names;
  for (const CheckpointIndex& part : checkpoint.shards) {
    for (const auto& attribute : first.attributes) {
      const bool is_number = attribute.first == "shard" || attribute.first == "complete";
      if (!is_number &&
          std::ranges::none_of(part.attributes,
                               [&](const auto& other) { return is_alike(attribute, other); }) &&
          std::ranges::find(names, attribute.first) == names.end()) {
        names.push_back(attribute.first);
      }
    }
  }
  return names.empty()
             ? ""
             : fmt::format("{}: other shards have other values of {}; those of this one stand for all",
                           printable(first.path), printable(fmt::format("{}", fmt::join(names, ", "))));
}

// That shards were to be joined, and none fit together.
std::string nothing_joined_note(const std::vector<Checkpoint>& checkpoints) {
  const bool is_one_run = std::ranges::all_of(
      checkpoints, [&](const Checkpoint& one) { return one.front().run == checkpoints.front().front().run; });
  const bool is_alone =
      std::ranges::all_of(checkpoints, [](const Checkpoint& one) { return one.shards.size() == 1; });
  return checkpoints.size() > 1 && is_alone
             ? fmt::format(
                   "--shards joined nothing: no two of {} dumps have the same run, step and checkpoint{}",
                   checkpoints.size(), is_one_run ? "; their steps differ" : "")
             : "";
}

// The first note, and of how many checkpoints more there is one.
void say_once(const std::vector<Checkpoint>& checkpoints,
              const std::function<std::string(const Checkpoint&)>& note_of,
              const std::function<void(const std::string&)>& say) {
  std::string first;
  std::size_t count = 0;
  for (const Checkpoint& checkpoint : checkpoints) {
    const std::string note = note_of(checkpoint);
    if (!note.empty() && ++count == 1) {
      first = note;
    }
  }
  if (count > 0) {
    say(count == 1 ? first : fmt::format("{}; so in {} checkpoints more", first, count - 1));
  }
}

// Runs whose steps are of several units, which one order cannot have.
void tell_step_units(const std::vector<Checkpoint>& checkpoints,
                     const std::function<void(const std::string&)>& say) {
  std::map<std::string, std::set<std::string>> units;
  for (const Checkpoint& checkpoint : checkpoints) {
    const CheckpointIndex& first = checkpoint.front();
    const auto unit =
        std::ranges::find(first.attributes, "step_unit", &std::pair<std::string, AttributeValue>::first);
    const auto* text = unit == first.attributes.end() ? nullptr : std::get_if<std::string>(&unit->second);
    if (text == nullptr || !first.step || first.run.empty()) {
      continue;
    }
    std::set<std::string>& of_run = units[first.run];
    if (of_run.insert(*text).second && of_run.size() == 2) {
      const std::string& other = *of_run.begin() == *text ? *of_run.rbegin() : *of_run.begin();
      say(fmt::format(
          "{}: attribute 'step_unit': found \"{}\", and \"{}\" in other dumps of run {}, which are ordered "
          "by 'step' all the same",
          printable(first.path), printable(*text), printable(other), printable(first.run)));
    }
  }
}

// Each text once, with the first place it is said of.
void say_remarks(const std::vector<Failure>& remarks, const std::function<void(const std::string&)>& say) {
  std::map<std::string_view, std::size_t> counts;
  for (const Failure& remark : remarks) {
    ++counts[remark.message];
  }
  for (const Failure& remark : remarks) {
    const std::size_t count = std::exchange(counts[remark.message], 0);
    if (count > 0) {
      const std::string first = InputError(remark.path, remark.object, remark.message).what();
      say(count == 1 ? first : fmt::format("{}; so in {} places more", first, count - 1));
    }
  }
}

}  // namespace

InputKind dump_files() { return {{".h5", ".hdf5", ".hdf", ".he5"}, ".h5, .hdf5, .hdf or .he5", "dump"}; }
InputKind part_files() { return {{".h5"}, ".h5", "part", true}; }
InputKind results_files() { return {{".json"}, ".json", "results file"}; }

std::vector<std::string> expand_inputs(const std::vector<std::string>& arguments, const InputKind& kind) {
  return expand(arguments, kind, 0);
}

void tell_repeated(const std::vector<std::string>& files,
                   const std::function<void(const std::string&)>& say) {
  std::map<std::string, std::size_t> counts;
  for (const std::string& file : files) {
    std::error_code failure;
    const fs::path real = fs::canonical(file, failure);
    if (!failure && ++counts[real.string()] == 2) {
      say(fmt::format("{}: named more than once, and measured as often", printable(file)));
    }
  }
}

std::vector<Checkpoint> arrange(DumpIndex& index, bool shards, const WeightsNaming& weights,
                                const std::function<void(const std::string&)>& say) {
  say_remarks(index.remarks, say);
  std::vector<Checkpoint> checkpoints = arrange_checkpoints(std::move(index.checkpoints), shards);
  if (shards && !index.lost.empty()) {
    std::ranges::move(without_doubtful(checkpoints, index.lost.front()), std::back_inserter(index.failures));
  }
  if (!weights.file.empty()) {
    FoundWeights found = use_weights(checkpoints, weights);
    std::ranges::for_each(found.notes, say);
    std::ranges::move(found.failures, std::back_inserter(index.failures));
  }
  for (const Checkpoint& checkpoint : checkpoints) {
    std::ranges::move(missed_layers(checkpoint), std::back_inserter(index.failures));
  }
  const auto of_biases = [&](const Checkpoint& checkpoint) {
    return biases_note(checkpoint.front(), weights.file);
  };
  const auto of_shards = [&](const Checkpoint& checkpoint) { return shards_note(checkpoint, shards); };
  say_once(checkpoints, of_biases, say);
  say_once(checkpoints, of_shards, say);
  say_once(checkpoints, attributes_note, say);
  if (const std::string note = shards ? nothing_joined_note(checkpoints) : ""; !note.empty()) {
    say(note);
  }
  tell_step_units(checkpoints, say);
  return checkpoints;
}

}  // namespace collapscope::tools
