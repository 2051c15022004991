// Completion scripts for bash, zsh and fish, from the texts of --help.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "command_texts.hpp"

namespace collapscope::tools {

namespace {

// For single quotes of a POSIX shell.
std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

// Separated by commas.
bool takes_metrics(const Option& option) { return option.value() == "LIST"; }

// Criteria begin with metrics, and are separated by commas, too.
bool takes_criteria(const Option& option) { return option.value() == "CRITERIA"; }

bool takes_files(const Option& option) {
  return option.value() == "FILE" || (option.is_positional() && option.choices.empty());
}

// What can follow an option: its choices, some of them, or the metrics. Empty: files, or anything.
const std::vector<std::string>& values_of(const Option& option, const std::vector<std::string>& metrics) {
  return takes_metrics(option) ? metrics : option.choices.empty() ? option.some : option.choices;
}

// The last words of the commands below `name`: "ufm" and "planted" below "synth".
std::vector<std::string> commands_below(const std::vector<Command>& commands, const std::string& name) {
  const std::string prefix = name.empty() ? "" : name + " ";
  std::vector<std::string> out;
  for (const Command& command : commands) {
    if (!command.name.empty() && command.name.rfind(prefix, 0) == 0 &&
        command.name.find(' ', prefix.size()) == std::string::npos && command.name.size() > prefix.size()) {
      out.push_back(command.name.substr(prefix.size()));
    }
  }
  return out;
}

std::string bash_command(const Command& command, const std::vector<Command>& commands,
                         const std::vector<std::string>& metrics) {
  std::string out = fmt::format("    {})\n      case $prev in\n", shell_word(command.name));
  std::vector<std::string> words = commands_below(commands, command.name);
  bool files = false;
  for (const Option& option : command.options) {
    if (option.is_positional()) {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
      files = files || takes_files(option);
      continue;
    }
    words.insert(words.end(), option.names.begin(), option.names.end());
    if (option.value().empty()) {
      continue;
    }
    const std::vector<std::string>& values = values_of(option, metrics);
    const std::string reply = takes_metrics(option) || takes_criteria(option) ? "_collapscope_metrics"
                              : !values.empty()     ? fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))",
                                                                  shell_word(joined(values, " ")))
                              : takes_files(option) ? "COMPREPLY=($(compgen -f -- \"$cur\"))"
                                                    : "COMPREPLY=()";
    out += fmt::format("        {}) {}; return ;;\n", joined(option.names, "|"), reply);
  }
  return fmt::format("{}      esac\n      words={}{}\n      ;;\n", out, shell_word(joined(words, " ")),
                     files ? " files=yes" : "");
}

// [ and ] bound the description, : ends it.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string zsh_option(const Option& option, const std::vector<std::string>& metrics) {
  const std::vector<std::string>& values = values_of(option, metrics);
  std::string value;
  if (!option.value().empty()) {
    const std::string action = takes_metrics(option) || takes_criteria(option)
                                   ? fmt::format("_sequence compadd - {}", joined(metrics, " "))
                               : !values.empty()     ? fmt::format("({})", joined(values, " "))
                               : takes_files(option) ? "_files"
                                                     : "";
    value = fmt::format(":{}:{}", zsh_text(option.value()), action);
  }
  if (option.is_positional()) {
    return fmt::format("    {}\n", shell_word(fmt::format("{}{}", option.repeats() ? "*" : "", value)));
  }
  std::string out;
  for (const std::string& name : option.names) {
    const char* also_after_equals = name.starts_with("--") && !value.empty() ? "=" : "";
    out += fmt::format("    {}\n",
                       shell_word(fmt::format("{}{}{}[{}]{}", option.repeats() ? "*" : "", name,
                                              also_after_equals, zsh_text(option.description), value)));
  }
  return out;
}

std::string function_name(const std::string& command) {
  std::string name = "_collapscope_" + command;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::string fish_condition(const std::string& command) {
  return command.empty() ? "test -z (__collapscope_command)"
                         : fmt::format("test (__collapscope_command) = \"{}\"", command);
}

std::string fish_option(const Option& option, const std::string& condition,
                        const std::vector<std::string>& metrics) {
  std::string line = fmt::format("complete -c collapscope -n {}", shell_word(condition));
  for (const std::string& name : option.names) {
    line += name.rfind("--", 0) == 0 ? fmt::format(" -l {}", name.substr(2))
                                     : fmt::format(" -s {}", name.substr(1));
  }
  if (takes_metrics(option) || takes_criteria(option)) {
    line += " -x -a '(__fish_complete_list , __collapscope_metrics)'";
  } else if (const std::vector<std::string>& values = values_of(option, metrics); !values.empty()) {
    line += fmt::format(" -x -a {}", shell_word(joined(values, " ")));
  } else if (!option.value().empty()) {
    line += takes_files(option) ? " -r -F" : " -x";
  }
  return fmt::format("{} -d {}\n", line, shell_word(option.description));
}

std::string fish_positional(const Option& option, const std::string& condition) {
  return option.choices.empty()
             ? ""
             : fmt::format("complete -c collapscope -n {} -f -a {} -d {}\n", shell_word(condition),
                           shell_word(joined(option.choices, " ")), shell_word(option.description));
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands, const std::vector<std::string>& metrics) {
  std::vector<std::string> names;
  std::string cases;
  for (const Command& command : commands) {
    if (!command.name.empty()) {
      names.push_back(shell_word(command.name));
    }
    cases += bash_command(command, commands, metrics);
  }
  return fmt::format(R"(# bash completion of collapscope
# A list with commas: what comes after the last one.
_collapscope_metrics() {{
  COMPREPLY=($(compgen -P "${{cur%"${{cur##*,}}"}}" -W {} -- "${{cur##*,}}"))
  compopt -o nospace 2>/dev/null
}}
_collapscope() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} command= words= files= word longer
  # --option=value is three words.
  [[ $prev == = ]] && prev=${{COMP_WORDS[COMP_CWORD-2]}}
  [[ $cur == = ]] && cur=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    longer=${{command:+$command }}$word
    case $longer in
      {}) command=$longer ;;
    esac
  done
  case $command in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ $files ]] && COMPREPLY+=($(compgen -f -- "$cur"))
}}
complete -o filenames -F _collapscope collapscope
)",
                     shell_word(joined(metrics, " ")), joined(names, "|"), cases);
}

std::string zsh_completion(const std::vector<Command>& commands, const std::vector<std::string>& metrics) {
  std::string out = "#compdef collapscope\n";
  for (const Command& command : commands) {
    std::string arguments;
    for (const Option& option : command.options) {
      arguments += zsh_option(option, metrics);
    }
    std::string choices;
    std::string dispatch;
    for (const std::string& below : commands_below(commands, command.name)) {
      const std::string name = command.name.empty() ? below : command.name + " " + below;
      const auto found = std::find_if(commands.begin(), commands.end(),
                                      [&](const Command& other) { return other.name == name; });
      choices += fmt::format("      {}\n", shell_word(below + ":" + zsh_text(found->description)));
      dispatch += fmt::format("        {}) {} ;;\n", below, function_name(name));
    }
    const std::string body =
        choices.empty()
            ? fmt::format("  local -a arguments=(\n{}  )\n  _arguments -s -S $arguments\n", arguments)
            : fmt::format(
                  "  local context state line\n  local -a arguments=(\n{}    '1: :->command'\n    '*:: "
                  ":->rest'\n  )\n  _arguments -s -S -C $arguments\n  case $state in\n    command)\n      "
                  "local -a commands=(\n{}      )\n      _describe command commands\n      ;;\n    rest)\n"
                  "      case $words[1] in\n{}      esac\n      ;;\n  esac\n",
                  arguments, choices, dispatch);
    out += fmt::format("\n{}() {{\n{}}}\n",
                       command.name.empty() ? "_collapscope" : function_name(command.name), body);
  }
  return out + "\n_collapscope \"$@\"\n";
}

std::string fish_completion(const std::vector<Command>& commands, const std::vector<std::string>& metrics) {
  std::string names;
  std::string lines;
  for (const Command& command : commands) {
    if (!command.name.empty()) {
      names += " " + shell_word(command.name);
    }
    const std::string condition = fish_condition(command.name);
    for (const std::string& below : commands_below(commands, command.name)) {
      const std::string name = command.name.empty() ? below : command.name + " " + below;
      const auto found = std::find_if(commands.begin(), commands.end(),
                                      [&](const Command& other) { return other.name == name; });
      lines += fmt::format("complete -c collapscope -n {} -f -a {} -d {}\n", shell_word(condition),
                           shell_word(below), shell_word(found->description));
    }
    for (const Option& option : command.options) {
      lines += option.is_positional() ? fish_positional(option, condition)
                                      : fish_option(option, condition, metrics);
    }
  }
  return fmt::format(R"(# fish completion of collapscope
function __collapscope_command
  set -l command
  for word in (commandline -opc)[2..]
    set -l longer (string trim -- "$command $word")
    contains -- $longer{}; and set command $longer
  end
  echo "$command"
end
function __collapscope_metrics
  printf '%s\n' {}
end
{})",
                     names, joined(metrics, " "), lines);
}

}  // namespace collapscope::tools
