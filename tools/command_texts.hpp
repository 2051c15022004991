// What the parser knows about the commands, as plain values: the one source of --help, the manual page and
// the completions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace collapscope::tools {

struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; of a positional its placeholder alone
  bool positional = false;
  bool repeats = false;
  std::string value;                 // placeholder of its value, "FILE"; empty: it takes none
  std::vector<std::string> choices;  // all values it takes; empty: others than a list can say
  std::string preset;                // the value without it; may be empty
  std::string description;
  std::string group;  // "Options", or the heading it stands under
};

struct CommandText {
  std::string name;  // "analyze", "synth ufm"; empty for the program itself
  std::string description;
  std::string footer;
  std::vector<OptionText> options;
  bool has_commands = false;
};

// The program first, then its commands, each followed by its own.
[[nodiscard]] std::vector<CommandText> command_texts(const CLI::App& program);

// The manual page in roff, section 1.
[[nodiscard]] std::string manual_page(const std::vector<CommandText>& commands, const std::string& version);

// Scripts for the three shells. metrics: the names that --metrics takes.
[[nodiscard]] std::string bash_completion(const std::vector<CommandText>& commands,
                                          const std::vector<std::string>& metrics);
[[nodiscard]] std::string zsh_completion(const std::vector<CommandText>& commands,
                                         const std::vector<std::string>& metrics);
[[nodiscard]] std::string fish_completion(const std::vector<CommandText>& commands,
                                          const std::vector<std::string>& metrics);

}  // namespace collapscope::tools
