#include "command.hpp"

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

std::vector<Command> flattened(const Command& program) {
  std::vector<Command> out;
  flatten(program, "", "", out);
  return out;
}

}  // namespace collapscope::tools
