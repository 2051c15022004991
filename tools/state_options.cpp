#include "state_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "command.hpp"

namespace collapscope::tools {

namespace {

constexpr const char* heading = "Interruption";
constexpr const char* usual_interval = "5m";

// nullopt: no number.
std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failure == std::errc() && end == text.data() + text.size();
  return whole && std::isfinite(value) && value >= 0 ? std::optional(value) : std::nullopt;
}

// "1:30:00", "30:00"
std::optional<double> clock_time(std::string_view text) {
  constexpr int most_parts = 3;  // hours, minutes, seconds
  double seconds = 0;
  for (int i = 0; i < most_parts; ++i) {
    const std::size_t colon = text.find(':');
    const auto part = number_in(text.substr(0, colon));
    if (!part) {
      return std::nullopt;
    }
    seconds = 60 * seconds + *part;
    if (colon == std::string_view::npos) {
      return seconds;
    }
    text.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

std::optional<double> with_unit(std::string_view text) {
  const double unit = text.ends_with('h') ? 3600 : text.ends_with('m') ? 60 : 1;
  if (unit != 1 || text.ends_with('s')) {
    text.remove_suffix(1);
  }
  const auto number = number_in(text);
  return number ? std::optional(*number * unit) : std::nullopt;
}

}  // namespace

void add_state_options(Command& command, StateOptions& options) {
  command.add({.names = {"--work"},
               .target = &options.work,
               .description = "keep what is done in this folder; the same command goes on from there",
               .placeholder = "DIR",
               .not_empty = true,
               .group = heading});
  command.add({.names = {"--save-every"},
               .target = &options.save_every,
               .description = "how often, with --work: 90, 90s, 30m, 4h or 1:30:00; 0: after every segment",
               .placeholder = "TIME",
               .preset = usual_interval,
               .group = heading});
  command.add(
      {.names = {"--max-time"},
       .target = &options.max_time,
       .description =
           "stop after this time, as at SIGTERM: with --work, save and exit with status 75; with --part, "
           "keep nothing, status 2",
       .placeholder = "TIME",
       .not_empty = true,
       .group = heading});
  command.add({.names = {"--part"},
               .target = &options.part,
               .description =
                   "fold only part I of N of the rows, into -o FILE.h5; 'collapscope merge' puts the parts "
                   "together",
               .placeholder = "I/N",
               .not_empty = true,
               .group = heading});
}

void check_state_options(const StateOptions& options) {
  (void)seconds_between_saves(options);
  if (!options.max_time.empty()) {
    (void)parse_duration("--max-time", options.max_time);
  }
  if (!options.part.empty()) {
    (void)parse_part(options.part);
  }
  if (!options.part.empty() && !options.work.empty()) {
    throw UsageError(part_alone);
  }
}

double seconds_between_saves(const StateOptions& options) {
  return parse_duration("--save-every", options.save_every.value_or(usual_interval));
}

std::string idle_states_note(const StateOptions& options) {
  return options.work.empty() && options.save_every ? "--save-every: without --work nothing is saved" : "";
}

PartChoice parse_part(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto whole = [](std::string_view digits) {
    std::size_t value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return failure == std::errc() && end == digits.data() + digits.size() ? value : 0;
  };
  const std::string_view view = text;
  const PartChoice choice{whole(view.substr(0, slash)),
                          slash < view.size() ? whole(view.substr(slash + 1)) : 0};
  if (choice.part == 0 || choice.part > choice.parts) {
    throw UsageError(fmt::format("--part takes I/N, I from 1 to N; found '{}'", printable(text)));
  }
  return choice;
}

double parse_duration(const std::string& option, const std::string& text) {
  const auto seconds = text.find(':') != std::string::npos ? clock_time(text) : with_unit(text);
  if (!seconds) {
    throw UsageError(fmt::format("{} takes a time such as 90, 90s, 30m, 4h or 1:30:00; found '{}'", option,
                                 printable(text)));
  }
  return *seconds;
}

std::string this_build() {
  const BuildInfo build = build_info();
  return build.version + " " + build.commit;
}

std::vector<std::pair<std::string, std::string>> options_that_count(const Identity& identity) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [name, value] : identity) {
    if (name.starts_with("--") && name != "--device" && !value.empty() && value != "no") {
      found.emplace_back(name.substr(2), value);
    }
  }
  return found;
}

Identity identity_of_options(const DumpOptions& options, bool on_gpu) {
  const auto flag = [](bool set) { return std::string(set ? "yes" : "no"); };
  return {{"version", this_build()},
          {"--device", on_gpu ? "GPU" : "CPU"},
          {"--layers", joined(options.layers, ", ")},
          {"--signal-dim", options.signal_dim},
          {"--ignore-label", options.ignore_label},
          {"--top", std::to_string(options.top)},
          {"--pool", options.pool},
          {"--metrics", options.metrics},
          {"--per-class", flag(options.per_class)},
          {"--looks", options.looks},
          {"--precision", options.precision},
          {"--spectrum", options.spectrum},
          {"--shards", flag(options.shards)},
          {"--activations", options.naming.activations},
          {"--targets", options.naming.targets},
          {"--predictions", options.naming.predictions},
          {"--weight", options.naming.weight},
          {"--bias", options.naming.bias},
          {"--transpose-activations", flag(options.naming.transpose_activations)},
          {"--transpose-weight", flag(options.naming.transpose_weight)},
          {"--weight-layout", options.naming.weight_layout},
          {"--weights", options.weights},
          {"--layout", options.layout},
          {"--dtype", options.dtype},
          {"--task", options.task}};
}

Identity identity_of(const DumpOptions& options, const std::vector<Checkpoint>& checkpoints, bool on_gpu) {
  Identity identity = identity_of_options(options, on_gpu);
  const Identity input = input_identity(checkpoints);
  identity.insert(identity.end(), input.begin(), input.end());
  return identity;
}

}  // namespace collapscope::tools
