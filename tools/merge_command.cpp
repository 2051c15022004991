// collapscope merge: the parts of an analysis put together.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <system_error>

#include "choices.hpp"
#include "collapscope/analysis/parts.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "collapscope/dump/isolation.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "collapscope/report/report.hpp"
#include "collapscope/states/states.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "dump_options.hpp"
#include "inputs.hpp"
#include "outputs.hpp"
#include "state_options.hpp"
#include "terminal.hpp"

namespace collapscope::tools {

namespace {

struct MergeCommandOptions {
  std::vector<std::string> parts;
  std::vector<std::string> outputs;
  std::optional<std::string> dumps;
  std::string device = "auto";
  std::string memory;
  std::size_t threads = 0;
  bool quiet = false;
};

// Where a file of the dump at `dump` lies when that dump lies in `folder`.
std::string moved(const std::string& file, const std::string& dump, const std::string& folder) {
  const std::filesystem::path within =
      std::filesystem::path(file).lexically_relative(std::filesystem::path(dump).parent_path());
  return (std::filesystem::path(folder) / (within.empty() ? std::filesystem::path(file).filename() : within))
      .string();
}

void move_to(DatasetIndex& dataset, const std::string& dump, const std::string& folder) {
  dataset.file = moved(dataset.file, dump, folder);
  dataset.folder = folder;
  dataset.state.reset();
  dataset.sources.reset();  // HDF5 finds them where they are now
}

// Where the dump at `dump` lies now: below `folder` as at the end of its old path, as much of that as there
// is.
std::string folder_now(const std::string& dump, const std::string& folder) {
  const std::filesystem::path then = std::filesystem::path(dump).lexically_normal().relative_path();
  for (auto first = then.begin(); first != then.end(); ++first) {
    std::filesystem::path now = folder;
    std::for_each(first, then.end(), [&](const std::filesystem::path& name) { now /= name; });
    std::error_code unknown;
    if (std::filesystem::exists(now, unknown)) {
      return now.parent_path().string();
    }
  }
  return folder;
}

std::vector<Checkpoint> moved_to(std::vector<Checkpoint> checkpoints, const std::string& folder) {
  std::error_code failure;
  const std::string real = std::filesystem::canonical(folder, failure).string();
  if (failure) {
    throw UsageError(
        fmt::format("--dumps {}: {}; expected a folder, or 'same'", printable(folder), failure.message()));
  }
  for (Checkpoint& checkpoint : checkpoints) {
    for (CheckpointIndex& shard : checkpoint.shards) {
      const std::string now = folder_now(shard.path, real);
      move_to(shard.targets, shard.path, now);
      for (LayerIndex& layer : shard.layers) {
        move_to(layer.activations, shard.path, now);
      }
    }
  }
  return checkpoints;
}

// What `identity` says of a file; empty: nothing.
std::string said_of(const Identity& identity, const std::string& file) {
  for (const auto& [name, value] : identity) {
    if (name == file) {
      return value;
    }
  }
  return "";
}

// That the rows to be read are those that were folded: files of the same size and sample and, where they have
// not moved, of the same time.
void require_same_files(const std::vector<Checkpoint>& folded, const std::vector<Checkpoint>& here,
                        const Identity& identity, bool have_moved) {
  const Identity now = input_identity(here);
  const auto check = [&](const std::string& then_file, const std::string& file) {
    const std::string then = said_of(identity, printable(then_file));
    const std::string found = said_of(now, file);
    const auto compared = [&](const std::string& text) {
      return have_moved ? text.substr(0, text.find(", changed")) : text;
    };
    if (compared(then) == compared(found)) {
      return;
    }
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) {
      throw InputError(file, "",
                       have_moved ? "cannot be found, nor deeper in that folder, as the dumps lay when they "
                                    "were folded; expected the dump that was folded"
                                  : "cannot be found; --dumps FOLDER says where it lies now");
    }
    throw InputError(file, "", fmt::format("is not what was folded: found {}; expected {}", found, then));
  };
  for (std::size_t i = 0; i < folded.size(); ++i) {
    for (std::size_t shard = 0; shard < folded[i].shards.size(); ++shard) {
      const CheckpointIndex& then = folded[i].shards[shard];
      const CheckpointIndex& index = here[i].shards[shard];
      check(then.targets.file, index.targets.file);
      for (std::size_t layer = 0; layer < then.layers.size(); ++layer) {
        check(then.layers[layer].activations.file, index.layers[layer].activations.file);
      }
    }
  }
}

// Throws InputError with the reason that the system gives.
void require_readable(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int reason = errno;
    throw InputError(path, "",
                     fmt::format("{} ({})", reason == ENOENT ? "cannot be found" : "cannot be read",
                                 std::generic_category().message(reason)));
  }
}

int run_merge(const MergeCommandOptions& options, const std::string& command_line) {
  if (options.dumps) {
    isolate_hdf5();
  }
  check_outputs(options.outputs, {".json", ".csv"});
  const std::vector<std::string> paths = expand_inputs(options.parts, part_files());
  std::ranges::for_each(paths, require_readable);
  const OpenParts parts = open_parts(paths);
  const std::vector<Checkpoint> folded = checkpoints_of(*parts.source);
  const bool dumps = options.dumps.has_value();
  if (dumps && difference(parts.identity, identity_of_memory()).empty()) {
    throw UsageError(fmt::format("--dumps: the rows of {} were in memory; expected merge without it",
                                 printable(paths.front())));
  }
  const bool have_moved = dumps && *options.dumps != "same";
  const std::vector<Checkpoint> checkpoints = have_moved ? moved_to(folded, *options.dumps) : folded;
  if (dumps) {
    require_same_files(folded, checkpoints, parts.identity, have_moved);
  }
  const std::unique_ptr<Progress> progress =
      options.quiet ? make_quiet_progress()
                    : make_progress(is_terminal(STDERR_FILENO), wants_colour(STDERR_FILENO));
  const ChosenBackend chosen = make_backend(options.device, options.threads, 0);
  if (!chosen.note.empty()) {
    progress->message(chosen.note);
  }
  if (const std::string few = chosen.few_threads(); !few.empty()) {
    progress->message(few);
  }
  MergeOptions merge;
  merge.dumps = dumps;
  merge.memory = memory_option(options.memory);
  Results results = merge_parts(*parts.source, checkpoints, *chosen.backend, merge, *progress);
  const BuildInfo build = build_info();
  results.provenance.version = build.version;
  results.provenance.commit = build.commit;
  results.provenance.command = command_line;
  results.provenance.options = options_that_count(parts.identity);
  results.provenance.threads_wanted = chosen.threads_wanted;
  if (!chosen.note.empty()) {
    results.provenance.fallbacks.add(Fallback{"analysis", "cpu", chosen.note});
  }
  if (results.checkpoints.empty()) {
    return nothing_done;
  }
  const bool all_written = write_results(results, options.outputs, MetricChoice());
  return all_written && results.failures.empty() ? done : partly_failed;
}

}  // namespace

Command merge_command(const std::string& command_line) {
  const auto options = std::make_shared<MergeCommandOptions>();
  Command command("merge", "put the parts of an analysis together");
  command.add({.names = {"PART"},
               .target = &options->parts,
               .description = "files of analyze --part, all of them; folders of them, globs, @FILE",
               .required = true});
  command.add({.names = {"-o", "--output"},
               .target = &options->outputs,
               .description =
                   "write results to FILE.json or FILE.csv, or JSON to standard output with '-'; may "
                   "be repeated (default: a table)",
               .placeholder = "FILE",
               .one_word = true});
  command.add(
      {.names = {"--dumps"},
       .target = &options->dumps,
       .description =
           "read the rows again where metrics need it: 'same' where the dumps were, or the "
           "folder where they lie now, in it or as deep as before (default: such metrics are undefined)",
       .placeholder = "FOLDER"});
  command.add({.names = {"--device"},
               .target = &options->device,
               .description = "auto, cpu, cuda, cuda:N or cuda:all",
               .some = some_devices(),
               .preset = options->device});
  command.add({.names = {"--threads"},
               .target = &options->threads,
               .description = "threads (default: all that the process may use)",
               .range = Range{1, 4096}});
  command.add({.names = {"--memory"},
               .target = &options->memory,
               .description = "memory for data, e.g. 2GiB (default: half of what is free)",
               .placeholder = "SIZE",
               .not_empty = true});
  command.add(
      {.names = {"-q", "--quiet"}, .target = &options->quiet, .description = "no progress, only problems"});
  command.footer =
      "Example:\n"
      "  collapscope merge part_*.h5 --dumps same -o results.json\n"
      "\n"
      "Exit status: 0 all done; 1 finished, but some layers failed; 2 nothing done.";
  command.action = [=] { return run_merge(*options, command_line); };
  return command;
}

}  // namespace collapscope::tools
