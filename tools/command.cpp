#include "command.hpp"

#include <fmt/format.h>

namespace collapscope::tools {

namespace {

struct IsList {
  template <typename T>
  bool operator()(T /*target*/) const {
    return false;
  }
  template <typename T>
  bool operator()(std::vector<T>* /*target*/) const {
    return true;
  }
  template <typename T>
  bool operator()(std::optional<std::vector<T>>* /*target*/) const {
    return true;
  }
};

struct TypeText {
  std::string operator()(ShowHelp /*target*/) const { return ""; }
  std::string operator()(ShowText /*target*/) const { return ""; }
  std::string operator()(const bool* /*target*/) const { return ""; }
  std::string operator()(const std::string* /*target*/) const { return "TEXT"; }
  std::string operator()(const std::size_t* /*target*/) const { return "N"; }
  std::string operator()(const double* /*target*/) const { return "X"; }
  template <typename T>
  std::string operator()(const std::vector<T>* /*target*/) const {
    return (*this)(static_cast<const T*>(nullptr));
  }
  template <typename T>
  std::string operator()(const std::optional<T>* /*target*/) const {
    return (*this)(static_cast<const T*>(nullptr));
  }
};

template <typename T>
std::string bracketed(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T& value : values) {
    texts.push_back(fmt::format("{}", value));
  }
  return "[" + joined(texts, ",") + "]";
}

void flatten(const Command& command, const std::string& name, const std::string& footer,
             std::vector<Command>& out) {
  Command full = command;
  full.name = name;
  full.footer = command.footer.empty() ? footer : command.footer;
  out.push_back(full);
  for (const Command& below : command.commands) {
    flatten(below, name.empty() ? below.name : name + " " + below.name, full.footer, out);
  }
}

}  // namespace

bool Option::repeats() const { return std::visit(IsList{}, target); }

std::string Option::value() const {
  return placeholder.empty() ? std::visit(TypeText{}, target) : placeholder;
}

Command::Command(std::string its_name, std::string its_description)
    : name(std::move(its_name)),
      description(std::move(its_description)),
      options{{.names = {"-h", "--help"},
               .target = ShowHelp{},
               .description = "Print this help message and exit"}} {}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += i == 0 ? "" : separator;
    text += parts[i];
  }
  return text;
}

std::string list_preset(const std::vector<std::size_t>& values) { return bracketed(values); }
std::string list_preset(const std::vector<double>& values) { return bracketed(values); }

std::vector<Command> flattened(const Command& program) {
  std::vector<Command> out;
  flatten(program, "", "", out);
  return out;
}

}  // namespace collapscope::tools
