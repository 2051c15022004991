// The only file that knows CLI11.
#include "command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "commands.hpp"
#include "words.hpp"

namespace collapscope::tools {

namespace {

// Adds an option to `app`, by the kind of its target.
struct Adder {
  CLI::App& app;
  const std::string names;
  const std::string& description;

  CLI::Option* operator()(ShowHelp /*target*/) const { return app.set_help_flag(names, description); }
  CLI::Option* operator()(ShowText target) const { return app.set_version_flag(names, target, description); }
  CLI::Option* operator()(bool* target) const { return app.add_flag(names, *target, description); }
  template <typename T>
  CLI::Option* operator()(T* target) const {
    return app.add_option(names, *target, description);
  }
};

struct IsNumber {
  template <typename T>
  bool operator()(T* /*target*/) const {
    return std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
  }
  template <typename T>
  bool operator()(std::vector<T>* /*target*/) const {
    return std::is_arithmetic_v<T>;
  }
  template <typename T>
  bool operator()(T /*target*/) const {
    return false;
  }
};

// CLI11 takes nothing for 0.
std::string expect_something(const std::string& word) {
  return word.empty() ? "found '', expected a number" : "";
}

void add_option(CLI::App& app, const Option& option) {
  CLI::Option* added = std::visit(Adder{app, joined(option.names, ","), option.description}, option.target);
  if (std::visit(IsNumber{}, option.target)) {
    added->check(expect_something, "", "");
  }
  added->required(option.required)->group(option.group)->default_str(option.preset);
  if (!option.placeholder.empty()) {
    added->type_name(option.placeholder);
  }
  if (!option.choices.empty() && option.any_case) {
    added->transform(CLI::IsMember(option.choices, CLI::ignore_case));
  } else if (!option.choices.empty()) {
    added->check(CLI::IsMember(option.choices));
  }
  if (option.range) {
    added->check(CLI::Range(option.range->least, option.range->most));
  }
  if (option.not_negative) {
    added->check(CLI::NonNegativeNumber);
  }
  if (option.not_empty) {
    added->check([](const std::string& word) { return word.empty() ? "found '', expected a text" : ""; }, "",
                 "");
  }
  if (option.one_word) {
    added->allow_extra_args(false);
  }
  if (option.count > 0) {
    added->expected(option.count);
  }
  if (option.separator != '\0') {
    added->delimiter(option.separator);
  }
}

// `asked` will be the command that the user asks for.
void describe(CLI::App& app, const Command& command, const Command*& asked) {
  for (const Option& option : command.options) {
    add_option(app, option);
  }
  if (!command.footer.empty()) {
    app.footer(command.footer);
  }
  if (!command.commands.empty()) {
    app.require_subcommand(1);
  }
  if (command.action) {
    app.callback([&command, &asked] { asked = &command; });
  }
  for (const Command& below : command.commands) {
    describe(*app.add_subcommand(below.name, below.description), below, asked);
  }
}

constexpr std::size_t help_width = 100;

// The innermost command that was named before any word that it does not know, and its full name: " synth
// planted".
const CLI::App& innermost(const CLI::App& app, std::string& name) {
  const auto below = app.get_subcommands();
  if (below.empty() || !app.remaining(false).empty()) {
    return app;
  }
  name += " " + below.front()->get_name();
  return innermost(*below.front(), name);
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(below->get_name());
  }
  return names;
}

// What is no option or command of the innermost command that was named.
[[noreturn]] void refuse(const CLI::App& app, const std::string& command, const std::string& word) {
  if (word.front() != '-') {
    constexpr std::array in_python{"plot", "convert", "record", "attach"};
    if (command.empty() && std::ranges::find(in_python, word) != in_python.end()) {
      throw UsageError(fmt::format(
          "'{}' is in the Python package: pip install ./ in the checkout, then {}", word,
          word == "plot" || word == "convert" ? fmt::format("python -m collapscope {}", word)
                                              : fmt::format("collapscope.{} in a Python script", word)));
    }
    if (commands_of(app).empty()) {
      throw UsageError(fmt::format("'collapscope{}' takes no '{}'; 'collapscope{} --help' says what it takes",
                                   command, printable(word), command));
    }
    const std::string hint = did_you_mean(word, commands_of(app));
    throw UsageError(fmt::format("unknown command '{}'{} 'collapscope{} --help' lists the commands",
                                 printable(word), hint.empty() ? ";" : hint, command));
  }
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  const std::string option = word.substr(0, word.find('='));
  const std::string hint = did_you_mean(option, names);
  throw UsageError(fmt::format("'collapscope{}' has no option {}{} 'collapscope{} --help' lists them",
                               command, printable(option), hint.empty() ? ";" : hint, command));
}

int show_help(const CLI::App& app, std::FILE* stream, int status) {
  (void)std::fputs(fitted(app.help(), help_width).c_str(), stream);  // what fails is told at the end
  return status;
}

}  // namespace

Request parse(const Command& program, int argc, const char* const* argv) {
  CLI::App app(program.description, program.name);
  Request request;
  describe(app, program, request.command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {nullptr, show_help(app, stdout, done)};
  } catch (const CLI::ParseError& error) {
    std::string name;
    const CLI::App& named = innermost(app, name);
    std::vector<std::string> unknown = app.remaining(true);
    std::erase(unknown, "--");
    if (!unknown.empty() && !unknown.front().empty()) {
      refuse(named, name, unknown.front());
    }
    if (error.get_name() == "RequiredError" && !commands_of(named).empty()) {  // none of them was named
      return {nullptr, show_help(app, stderr, nothing_done)};
    }
    return {nullptr, app.exit(error) == 0 ? done : nothing_done};
  }
  return request;
}

}  // namespace collapscope::tools
