#include "command_texts.hpp"

#include <algorithm>
#include <utility>

namespace collapscope::tools {

namespace {

std::vector<std::string> split(const std::string& list, char separator) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first <= list.size();) {
    const std::size_t end = std::min(list.find(separator, first), list.size());
    parts.push_back(list.substr(first, end - first));
    first = end + 1;
  }
  return parts;
}

// The parser's type is "TEXT:{1,2,auto}" or "UINT:UINT in [1 - 4096]".
void set_type(const std::string& type, OptionText& text) {
  const std::size_t colon = type.find(':');
  text.value = type.substr(0, colon);
  if (text.value == "UINT") {
    text.value = "N";
  } else if (text.value == "FLOAT") {
    text.value = "X";
  }
  const std::size_t open = type.find('{');
  const std::size_t close = type.rfind('}');
  if (colon != std::string::npos && open != std::string::npos && close > open) {
    text.choices = split(type.substr(open + 1, close - open - 1), ',');
  }
}

OptionText option_text(const CLI::Option& option) {
  OptionText text;
  text.positional = option.get_snames().empty() && option.get_lnames().empty();
  for (const std::string& name : option.get_snames()) {
    text.names.push_back("-" + name);
  }
  for (const std::string& name : option.get_lnames()) {
    text.names.push_back("--" + name);
  }
  if (text.positional) {
    text.names.push_back(option.get_name(true));
  }
  text.repeats = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() > 0) {
    set_type(option.get_type_name(), text);
  }
  text.preset = option.get_default_str();
  text.description = option.get_description();
  text.group = option.get_group();
  return text;
}

void add_command(const CLI::App& app, const std::string& name, std::vector<CommandText>& out) {
  CommandText text{name, app.get_description(), app.get_footer(), {}, false};
  for (const CLI::Option* option : app.get_options({})) {
    text.options.push_back(option_text(*option));
  }
  const auto commands =
      app.get_subcommands([](const CLI::App* command) { return !command->get_group().empty(); });
  text.has_commands = !commands.empty();
  out.push_back(std::move(text));
  for (const CLI::App* command : commands) {
    add_command(*command, name.empty() ? command->get_name() : name + " " + command->get_name(), out);
  }
}

}  // namespace

std::vector<CommandText> command_texts(const CLI::App& program) {
  std::vector<CommandText> out;
  add_command(program, "", out);
  return out;
}

}  // namespace collapscope::tools
