// collapscope: parse, run, one catch, exit status.
#include <fmt/format.h>
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "collapscope/linalg/blas_kernels.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "terminal.hpp"

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
  tools::Command program(
      "collapscope", "Neural collapse metrics of trained networks, from HDF5 dumps of their activations.");
  program.add({.names = {"--version"},
               .target = tools::version_text,
               .description = "show the version and the libraries in use"});
  program.footer = "'collapscope COMMAND --help' tells more about a command.";
  program.commands = {tools::analyze_command(quoted(argc, argv)),
                      tools::merge_command(quoted(argc, argv)),
                      tools::report_command(),
                      tools::inspect_command(),
                      tools::status_command(),
                      tools::synth_command(),
                      tools::bench_command(quoted(argc, argv)),
                      tools::metrics_command(),
                      tools::devices_command(),
                      tools::generate_command(program)};
  const tools::Request request = tools::parse(program, argc, argv);
  if (request.command != nullptr && !request.command->by_many && launched_with() > 1) {
    throw UsageError(
        fmt::format("'{}' is the work of one process, and {} were started: not under mpirun or srun --ntasks",
                    request.command->name, launched_with()));
  }
  const int status = request.command == nullptr ? request.status : request.command->action();
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
    // Where nothing can be written to, the status says it.
    (void)std::fputs(fmt::format("collapscope: {}\n", error.what()).c_str(), stderr);
    return tools::nothing_done;
  }
}

// One layer after another takes matrices and buffers of the same sizes. Given back to the system each time,
// they come as pages that are touched for the first time.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int most_in_heap = 32 << 20;
  (void)::mallopt(M_MMAP_THRESHOLD, most_in_heap);
  (void)::mallopt(M_TRIM_THRESHOLD, 2 * most_in_heap);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  tools::hold_standard_descriptors();
  keep_freed_memory();
  const int status = status_of(argc, argv);
  if (gpu_was_abandoned()) {
    (void)std::fflush(nullptr);
    std::quick_exit(status);
  }
  return status;
}
