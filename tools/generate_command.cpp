// collapscope generate: the manual page and the shells' completions, from the program's own description.
#include <memory>

#include "collapscope/core/version.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "command.hpp"
#include "command_texts.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

int run_generate(const Command& program, const std::string& what) {
  const std::vector<Command> commands = flattened(program);
  std::vector<std::string> metrics;
  for (const MetricInfo& info : metric_catalogue()) {
    metrics.emplace_back(info.name);
  }
  print(what == "man"    ? manual_page(commands, build_info().version)
        : what == "bash" ? bash_completion(commands, metrics)
        : what == "zsh"  ? zsh_completion(commands, metrics)
                         : fish_completion(commands, metrics));
  return done;
}

}  // namespace

Command generate_command(const Command& program) {
  const auto what = std::make_shared<std::string>();
  Command command("generate", "print the manual page or a shell's completions");
  command.add({.names = {"WHAT"},
               .target = what.get(),
               .description = "man, bash, zsh or fish",
               .choices = {"man", "bash", "zsh", "fish"},
               .required = true});
  command.footer =
      "Installed packages have them in place. By hand:\n"
      "  collapscope generate man > collapscope.1 && man ./collapscope.1\n"
      "  collapscope generate bash > ~/.local/share/bash-completion/completions/collapscope\n"
      "  collapscope generate fish > ~/.config/fish/completions/collapscope.fish\n"
      "  collapscope generate zsh > FOLDER/_collapscope              a folder of $fpath";
  command.by_many = true;
  command.action = [&program, what] { return run_generate(program, *what); };
  return command;
}

}  // namespace collapscope::tools
