// collapscope status: what the states in a folder say.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <memory>
#include <optional>
#include <set>

#include "collapscope/core/text.hpp"
#include "collapscope/states/states.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

// "2026-01-02T03:04:05Z", in seconds of any epoch.
std::optional<double> seconds_at(const std::string& time) {
  std::tm parts{};
  const char* const end = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return end != nullptr && *end == '\0' ? std::optional(static_cast<double>(::timegm(&parts))) : std::nullopt;
}

// What the states of all processes say together.
struct Whole {
  std::set<LayerPlace> finished;
  std::uint64_t layers = 0;
  std::uint64_t finished_before = 0;
  std::string started;
  std::string saved;
  std::string work;
};

Whole together(const std::vector<StateHead>& heads) {
  Whole whole;
  for (const StateHead& head : heads) {
    whole.finished.insert(head.finished.begin(), head.finished.end());
    whole.layers = std::max(whole.layers, head.layers);
    if (head.started > whole.started) {  // the newest run
      whole.started = head.started;
      whole.finished_before = head.finished_before;
    }
    whole.saved = std::max(whole.saved, head.saved);
    for (const std::string& line : head.work) {
      whole.work += "  " + line + "\n";
    }
  }
  return whole;
}

std::string rate_text(const Whole& whole, std::uint64_t finished) {
  const auto begin = seconds_at(whole.started);
  const auto end = seconds_at(whole.saved);
  const double seconds = begin && end ? *end - *begin : 0;
  const std::uint64_t since = finished - std::min(finished, whole.finished_before);
  if (seconds <= 0 || since == 0) {
    return fmt::format("{} since then", since);
  }
  const double rate = static_cast<double>(since) / seconds * 3600;
  const double left = static_cast<double>(whole.layers - finished) / rate;
  const double minutes = std::ceil(60 * left);
  return fmt::format("{} since then, {} an hour: about {} left", since,
                     rate < 100 ? fmt::format("{:.3g}", rate) : fmt::format("{:.0f}", rate),
                     minutes > 59 ? fmt::format("{:.1f} hours", left)
                                  : fmt::format("{:.0f} minute{}", minutes, minutes == 1 ? "" : "s"));
}

int run_status(const std::string& folder) {
  const Whole whole = together(read_work_folder(folder));
  const std::uint64_t finished = std::min<std::uint64_t>(whole.finished.size(), whole.layers);
  print(fmt::format("{}: {} of {} layers finished, {} left\n  run since {}, saved {}; {}\n{}",
                    printable(folder), finished, whole.layers, whole.layers - finished, whole.started,
                    whole.saved, rate_text(whole, finished), whole.work));
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
