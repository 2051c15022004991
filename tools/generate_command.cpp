// collapscope generate: the manual page and the shells' completions, from the parser itself.
#include <memory>

#include "collapscope/metrics.hpp"
#include "collapscope/version.hpp"
#include "command_texts.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

int run_generate(const CLI::App& program, const std::string& what) {
  const std::vector<CommandText> commands = command_texts(program);
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

void add_generate(CLI::App& app, Action& action) {
  const auto what = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("generate", "print the manual page or a shell's completions");
  command->add_option("WHAT", *what, "man, bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"man", "bash", "zsh", "fish"}));
  command->footer(
      "Installed packages have them in place. By hand:\n"
      "  collapscope generate man > collapscope.1 && man ./collapscope.1\n"
      "  collapscope generate bash > ~/.local/share/bash-completion/completions/collapscope\n"
      "  collapscope generate fish > ~/.config/fish/completions/collapscope.fish\n"
      "  collapscope generate zsh > FOLDER/_collapscope              a folder of $fpath");
  command->callback([&app, what, &action] { action = [&app, what] { return run_generate(app, *what); }; });
}

}  // namespace collapscope::tools
