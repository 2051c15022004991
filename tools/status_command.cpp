// collapscope status: what the states in a folder say.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>

#include "collapscope/core/text.hpp"
#include "collapscope/states/states.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

int run_status(const std::string& folder) {
  const std::vector<StateHead> heads = read_work_folder(folder);
  std::string text;
  std::set<LayerPlace> all_finished;
  std::uint64_t layers = 0;
  std::string started;
  std::string saved;
  for (const StateHead& head : heads) {
    all_finished.insert(head.finished.begin(), head.finished.end());
    layers = std::max(layers, head.layers);
    started = started.empty() ? head.started : std::min(started, head.started);
    saved = std::max(saved, head.saved);
    for (const std::string& line : head.work) {
      text += "  " + line + "\n";
    }
  }
  const std::uint64_t finished = std::min<std::uint64_t>(all_finished.size(), layers);
  print(fmt::format("{}: {} of {} layers finished, {} left; run since {}, saved {}\n{}", printable(folder),
                    finished, layers, layers - finished, started, saved, text));
  return done;
}

}  // namespace

Command status_command() {
  const auto folder = std::make_shared<std::string>();
  Command command("status", "tell what is done of an analysis with --work");
  command.add({.names = {"DIR"},
               .target = folder.get(),
               .description = "the folder of analyze --work",
               .required = true});
  command.footer = "Exit status: 0 told; 2 no such states.";
  command.action = [folder] { return run_status(*folder); };
  return command;
}

}  // namespace collapscope::tools
