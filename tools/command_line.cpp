// The only file that knows CLI11.
#include "command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "commands.hpp"

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

void add_option(CLI::App& app, const Option& option) {
  CLI::Option* added = std::visit(Adder{app, joined(option.names, ","), option.description}, option.target);
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

}  // namespace

Request parse(const Command& program, int argc, const char* const* argv) {
  CLI::App app(program.description, program.name);
  Request request;
  describe(app, program, request.command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && !app.remaining().empty()) {
      throw UsageError(fmt::format("unknown command '{}'; 'collapscope --help' lists the commands",
                                   printable(app.remaining().front())));
    }
    return {nullptr, app.exit(error) == 0 ? done : nothing_done};
  }
  return request;
}

}  // namespace collapscope::tools
