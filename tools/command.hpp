// The program's commands and their options as plain values: the one source of the parser, --help, the manual
// page and the completions.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace collapscope::tools {

// Targets of flags that only print: help, which every command has, or a text such as the version's.
struct ShowHelp {};
using ShowText = std::string (*)();

// Where the value of an option goes. A bool makes a flag; a vector takes several values; an optional knows
// whether it was given.
using Target = std::variant<ShowHelp, ShowText, bool*, std::string*, std::size_t*, double*,
                            std::vector<std::string>*, std::vector<std::size_t>*, std::vector<double>*,
                            std::optional<std::string>*, std::optional<std::vector<std::string>>*>;

struct Range {
  std::size_t least = 0;
  std::size_t most = 0;
};

struct Option {
  std::vector<std::string> names;  // "-o", "--output"; of a positional its placeholder alone
  Target target;
  std::string description;
  std::string placeholder{};           // of its value, "FILE"; empty: one for its type
  std::vector<std::string> choices{};  // all values it takes; empty: others than a list can say
  std::vector<std::string> some{};     // of these, what completions offer
  bool any_case = false;               // of letters in choices
  std::optional<Range> range{};
  bool not_negative = false;
  bool not_empty = false;  // of a text
  // A vector takes all words up to the next option, unless these say otherwise.
  bool one_word = false;  // a word only; the option may be repeated
  int count = 0;          // this many; 0: one or more
  char separator = '\0';  // of values within a word
  bool required = false;
  std::string preset{};           // the value without it, to be shown
  std::string group = "Options";  // the heading it stands under

  [[nodiscard]] bool is_positional() const { return names.front().front() != '-'; }
  [[nodiscard]] bool repeats() const;       // takes several values
  [[nodiscard]] std::string value() const;  // what stands for its value, "FILE" or "N"; empty: it takes none
};

struct Command {
  Command(std::string its_name, std::string its_description);  // with --help

  void add(Option option) { options.push_back(std::move(option)); }

  std::string name;
  std::string description;
  std::string footer{};  // after the options; empty: that of the command above
  std::vector<Option> options;
  std::vector<Command> commands{};  // if there are any, one must follow
  std::function<int()> action{};    // returns the exit status
  // May be started as several processes of a job; all others would do the same work several times, into the
  // same files.
  bool by_many = false;
};

// Lists as text; as a preset "[0.5,0.1]".
[[nodiscard]] std::string joined(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string list_preset(const std::vector<std::size_t>& values);
[[nodiscard]] std::string list_preset(const std::vector<double>& values);

// The program first, under no name, then its commands, each followed by its own: "synth", "synth ufm". Each
// has its footer.
[[nodiscard]] std::vector<Command> flattened(const Command& program);

}  // namespace collapscope::tools
