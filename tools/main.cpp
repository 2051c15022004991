// collapscope: parse, run, one catch, exit status.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "collapscope/blas_kernels.hpp"
#include "collapscope/error.hpp"
#include "collapscope/gpu.hpp"
#include "collapscope/text.hpp"
#include "commands.hpp"

namespace {

using namespace collapscope;

// The command line as a shell would take it again.
std::string quoted(int argc, char** argv) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  std::string line;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    line += i == 0 ? "" : " ";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) {
      line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    line += '\'';
  }
  return line;
}

int run(int argc, char** argv) {
  CLI::App app("Neural collapse metrics of trained networks, from HDF5 dumps of their activations.",
               "collapscope");
  app.set_version_flag("--version", tools::version_text, "show the version and the libraries in use");
  app.require_subcommand(1);
  app.footer("'collapscope COMMAND --help' tells more about a command.");
  tools::Action action;
  tools::add_analyze(app, action, quoted(argc, argv));
  tools::add_report(app, action);
  tools::add_inspect(app, action);
  tools::add_synth(app, action);
  tools::add_bench(app, action, quoted(argc, argv));
  tools::add_metrics(app, action);
  tools::add_devices(app, action);
  tools::add_generate(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty() && !app.remaining().empty()) {
      throw UsageError(fmt::format("unknown command '{}'; 'collapscope --help' lists the commands",
                                   printable(app.remaining().front())));
    }
    return app.exit(error) == 0 ? tools::done : tools::nothing_done;
  }
  const int status = action();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw Error("cannot write to standard output");
  }
  return status;
}

int status_of(int argc, char** argv) {
  try {
    cure_blas_kernels(argv);
    own_the_blas();
    std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit is a write error with a message, not a death
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "collapscope: {}\n", error.what());
    return tools::nothing_done;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int status = status_of(argc, argv);
  if (gpu_was_abandoned()) {
    (void)std::fflush(nullptr);
    std::quick_exit(status);
  }
  return status;
}
