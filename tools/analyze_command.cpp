// collapscope analyze: dumps in, metrics out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/core/cpus.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "collapscope/report/report.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "device.hpp"
#include "dump_options.hpp"
#include "inputs.hpp"
#include "layer_names.hpp"
#include "option_notes.hpp"
#include "outputs.hpp"
#include "state_options.hpp"
#include "stop_signals.hpp"
#include "terminal.hpp"

namespace collapscope::tools {

namespace {

struct AnalyzeOptions : DumpOptions, StateOptions {
  std::vector<std::string> outputs;
  bool quiet = false;
};

// Of a rank that is not the first: its messages, marked, and nothing else.
class RankProgress : public Progress {
 public:
  RankProgress(Ranks& ranks, bool quiet)
      : prefix_(ranks.prefix()), progress_(quiet ? make_quiet_progress() : make_progress(false, false)) {}

  void message(const std::string& line) override { progress_->message(prefix_ + line); }

 private:
  std::string prefix_;
  std::unique_ptr<Progress> progress_;
};

std::unique_ptr<Progress> progress_for(const AnalyzeOptions& options, Ranks* ranks) {
  if (ranks != nullptr && ranks->rank() != 0) {
    return std::make_unique<RankProgress>(*ranks, options.quiet);
  }
  return options.quiet ? make_quiet_progress()
                       : make_progress(is_terminal(STDERR_FILENO), wants_colour(STDERR_FILENO));
}

// What the ranks of a job have between them, from the start of the command to its end.
class Job {
 public:
  Job() : ranks_(join_ranks()) {}
  ~Job() {
    if (ranks_ != nullptr) {
      ranks_->share_stop(nullptr);
      await_reader(STDERR_FILENO);  // before any rank ends
    }
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Job(Job&&) = delete;
  Job& operator=(Job&&) = delete;

  void share(StopRequest& stop) {
    if (ranks_ != nullptr) {
      ranks_->share_stop(&stop);
    }
  }
  [[nodiscard]] Ranks* ranks() const { return ranks_.get(); }
  [[nodiscard]] bool is_first() const { return ranks_ == nullptr || ranks_->rank() == 0; }

  // work() on all ranks. Where one throws, all do; the first rank has the words.
  template <class Work>
  auto together(const Work& work) {
    using Result = decltype(work());
    std::optional<Result> result;
    std::optional<std::string> error;
    try {
      result.emplace(work());
    } catch (const Error& problem) {
      if (ranks_ == nullptr) {
        throw;
      }
      error = problem.what();
    }
    if (ranks_ != nullptr) {
      error = common_error(*ranks_, error, {});
    }
    if (error) {
      throw CommonError(*error);
    }
    return *std::move(result);
  }

  // Throws on all ranks where they do not have the same.
  void agree(const std::vector<std::string>& facts) {
    if (ranks_ != nullptr) {
      if (const auto error = common_error(*ranks_, std::nullopt, facts)) {
        throw CommonError(*error);
      }
    }
  }
  // The same of the files. Copies on several machines differ in their times: those have to have the same
  // bytes.
  void agree_on_files(const std::vector<Checkpoint>& checkpoints) {
    if (ranks_ != nullptr &&
        common_error(*ranks_, std::nullopt, file_facts(checkpoints, FileFacts::size_and_time))) {
      agree(file_facts(checkpoints, FileFacts::size_and_sample));
    }
  }

 private:
  std::unique_ptr<Ranks> ranks_;
};

std::unique_ptr<StateKeeper> states_for(const AnalyzeOptions& options,
                                        const std::vector<Checkpoint>& checkpoints, bool on_gpu,
                                        Progress& progress, const Job& job) {
  if (options.work.empty()) {
    return nullptr;
  }
  WorkFolderOptions folder;
  folder.path = options.work;
  folder.identity = identity_of(options, checkpoints, on_gpu);
  folder.interval = seconds_between_saves(options);
  folder.rank = job.is_first() ? 0 : job.ranks()->rank();
  auto states = open_work_folder(folder, [&](const std::string& line) { progress.message(line); });
  (void)states->load([](const LayerPlace& /*place*/) { return false; });  // that it belongs to this analysis
  return states;
}

// What is to be analysed, and by what.
struct Task {
  std::vector<Failure> failures;
  std::vector<Checkpoint> checkpoints;
  ChosenBackend chosen;
  std::unique_ptr<StateKeeper> states;
};

// What is to be analysed, and the first thing that cannot be.
std::string found_text(const Task& task) {
  std::string text = fmt::format("{} checkpoints", task.checkpoints.size());
  if (task.failures.empty()) {
    return text;
  }
  const Failure& first = task.failures.front();
  return fmt::format("{}, {} failures, first {}", text, task.failures.size(),
                     InputError(first.path, first.object, first.message).what());
}

// What all ranks were told, which one command line tells them.
std::vector<std::string> option_facts(const AnalyzeOptions& options, const Task& task) {
  std::vector<std::string> facts;
  for (const auto& [name, value] : identity_of_options(options, task.chosen.backend->is_device())) {
    facts.push_back(fmt::format("{} {}", name, value));
  }
  return facts;
}

// Without --threads the ranks on a machine share its CPUs.
void share_threads(AnalyzeOptions& options, const Ranks* ranks) {
  if (ranks != nullptr && options.threads == 0) {
    options.threads = std::max<std::size_t>(1, usable_threads() / ranks->on_these_cpus());
  }
}

Task prepare(const AnalyzeOptions& options, const AnalysisOptions& analysis, Progress& progress,
             const Job& job) {
  Task task;
  const IndexOptions indexing = index_options(options);
  const std::vector<std::string> dumps = expand_inputs(options.dumps, dump_files());
  check_no_input(options.outputs, dumps);
  if (job.is_first() && !options.shards) {
    tell_repeated(dumps, [&](const std::string& text) { progress.message(text); });
  }
  DeviceChoice device(options, dumps);
  DumpIndex index = index_dumps(dumps, indexing);
  if (job.is_first()) {
    tell_failures(index, dumps, indexing, [&](const std::string& text) { progress.message(text); });
  }
  const std::size_t failed = index.failures.size();
  task.checkpoints = arrange(index, options.shards, weights_naming(options), [&](const std::string& note) {
    if (job.is_first()) {
      progress.message(note);
    }
  });
  for (std::size_t i = failed; job.is_first() && i < index.failures.size(); ++i) {  // of --weights
    const Failure& failure = index.failures[i];
    progress.message(InputError(failure.path, failure.object, failure.message).what());
  }
  task.failures = index.failures;
  if (task.checkpoints.empty()) {
    return task;
  }
  task.chosen = device.take(task.checkpoints, analysis);
  if (!task.chosen.note.empty()) {
    progress.message(task.chosen.note);
  }
  if (const std::string few = task.chosen.few_threads(); !few.empty()) {
    progress.message(few);
  }
  tell_idle_options(options, task.checkpoints, [&](const std::string& note) {
    if (job.is_first()) {
      progress.message(note);
    }
  });
  if (const std::string note = idle_states_note(options); job.is_first() && !note.empty()) {
    progress.message(note);
  }
  task.states = states_for(options, task.checkpoints, task.chosen.backend->is_device(), progress, job);
  return task;
}

void add_provenance(Results& results, const AnalyzeOptions& options, const Task& task,
                    const std::string& command_line) {
  results.failures.insert(results.failures.begin(), task.failures.begin(), task.failures.end());
  const BuildInfo build = build_info();
  results.provenance.version = build.version;
  results.provenance.commit = build.commit;
  results.provenance.command = command_line;
  results.provenance.options =
      options_that_count(identity_of_options(options, task.chosen.backend->is_device()));
  results.provenance.threads_wanted = task.chosen.threads_wanted;
  if (!task.chosen.note.empty()) {
    results.provenance.fallbacks.add(Fallback{"analysis", "cpu", task.chosen.note});
  }
}

void set_time_limit(StopRequest& stop, const AnalyzeOptions& options) {
  constexpr double longest = 1e9;  // [s], 30 years; 300 would overflow
  if (!options.max_time.empty()) {
    const double seconds = std::min(parse_duration("--max-time", options.max_time), longest);
    stop.at(std::chrono::steady_clock::now() +
            std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                std::chrono::duration<double>(seconds)));
  }
}

// --part: sums of some of the rows in place of results.
int run_part(const AnalyzeOptions& options, const Task& task, const AnalysisOptions& analysis,
             Progress& progress, const StopRequest& stop) {
  const std::unique_ptr<PartFile> file = make_part_file(
      options.outputs.front(), identity_of(options, task.checkpoints, task.chosen.backend->is_device()),
      parse_part(options.part));
  bool is_whole = false;
  try {
    is_whole = fold_part(task.checkpoints, task.failures, *task.chosen.backend, analysis, {progress, &stop},
                         parse_part(options.part), *file);
  } catch (const Stopped& stopped) {
    progress.message(fmt::format("{}; no part is written, and nothing is kept: the same command begins again",
                                 stopped.what()));
    return nothing_done;
  }
  file->finish();
  return is_whole && task.failures.empty() ? done : partly_failed;
}

bool is_csv(const std::string& output) { return std::filesystem::path(output).extension() == ".csv"; }

// The cosines of all pairs of classes are for JSON, and for states, of which JSON may be made.
bool wants_cosines(const AnalyzeOptions& options) {
  return !options.work.empty() || !options.part.empty() || !std::ranges::all_of(options.outputs, is_csv);
}

void check_classes_output(const std::string& output, const std::vector<std::string>& outputs) {
  const std::string classes = classes_output(output);
  check_output(classes, {".csv"});
  namespace fs = std::filesystem;
  if (std::ranges::any_of(outputs, [&](const std::string& other) {
        return fs::absolute(other).lexically_normal() == fs::absolute(classes).lexically_normal();
      })) {
    throw UsageError(fmt::format("-o {}: --per-class writes this file beside {}; expected another name",
                                 printable(classes), printable(output)));
  }
}

void check_destinations(const AnalyzeOptions& options, const Job& job) {
  if (options.part.empty()) {
    check_outputs(options.outputs, {".json", ".csv"});
    for (const std::string& output : options.outputs) {
      if (options.per_class && is_csv(output)) {
        check_classes_output(output, options.outputs);
      }
    }
    return;
  }
  if (options.outputs.size() != 1 || options.outputs.front() == "-") {
    throw UsageError("--part writes one file: -o FILE.h5");
  }
  check_output(options.outputs.front(), {".h5"});
  if (job.ranks() != nullptr) {
    throw UsageError(part_alone);
  }
}

int run_on(AnalyzeOptions options, const std::string& command_line, Job& job, StopRequest& stop) {
  job.share(stop);
  share_threads(options, job.ranks());
  const std::unique_ptr<Progress> progress = progress_for(options, job.ranks());
  AnalysisOptions analysis;
  const Task task = job.together([&] {
    check_state_options(options);
    set_time_limit(stop, options);
    check_destinations(options, job);
    analysis = analysis_options(options);
    analysis.class_cosines = wants_cosines(options);
    return prepare(options, analysis, *progress, job);
  });
  job.agree({found_text(task)});
  if (task.checkpoints.empty()) {
    return nothing_done;
  }
  job.agree(option_facts(options, task));
  job.agree_on_files(task.checkpoints);
  if (!options.part.empty()) {
    return run_part(options, task, analysis, *progress, stop);
  }
  Results results;
  try {
    results = analyze(task.checkpoints, *task.chosen.backend, analysis,
                      {*progress, &stop, task.states.get(), job.ranks()});
  } catch (const Stopped& stopped) {
    if (job.is_first()) {
      progress->message(fmt::format("{}; what is done is kept in {}, and the same command goes on from there",
                                    stopped.what(), printable(options.work)));
    }
    return resume;
  }
  if (!job.is_first()) {
    return done;
  }
  add_provenance(results, options, task, command_line);
  if (results.checkpoints.empty()) {
    return nothing_done;
  }
  const bool all_written = write_results(results, options.outputs, analysis.metrics);
  if (const std::string lost = fallbacks_text(results.provenance.fallbacks); !lost.empty()) {
    progress->message(lost);
  }
  return all_written && results.failures.empty() ? done : partly_failed;
}

// What one rank cannot tell the others of ends all of them.
int run_analyze(const AnalyzeOptions& options, const std::string& command_line) {
  isolate_unless_trusted(options);  // before MPI and whatever else makes threads
  StopRequest stop;
  const StopSignals signals(stop);  // until the end: a rank that is through waits for the others
  Job job;
  try {
    return run_on(options, command_line, job, stop);
  } catch (const CommonError& error) {
    if (job.is_first()) {  // while the others are there
      (void)std::fputs(fmt::format("collapscope: {}\n", error.what()).c_str(), stderr);
    }
    return nothing_done;
  } catch (const std::exception& error) {
    if (job.ranks() == nullptr) {
      throw;
    }
    job.ranks()->abort(nothing_done, error.what());
    return nothing_done;
  }
}

}  // namespace

Command analyze_command(const std::string& command_line) {
  const auto options = std::make_shared<AnalyzeOptions>();
  Command command("analyze", "measure every layer of every checkpoint");
  add_dump_options(command, *options);
  command.add({.names = {"-o", "--output"},
               .target = &options->outputs,
               .description =
                   "write results to FILE.json or FILE.csv, or JSON to standard output with '-'; may be "
                   "repeated (default: a table)",
               .placeholder = "FILE",
               .one_word = true});
  command.add(
      {.names = {"-q", "--quiet"}, .target = &options->quiet, .description = "no progress, only problems"});
  add_state_options(command, *options);
  command.footer =
      "Examples:\n"
      "  collapscope analyze dumps/                          a table of all checkpoints in a folder\n"
      "  collapscope analyze run1_*.h5 -o run1.json -o run1.csv\n"
      "  collapscope analyze big.h5 --layers 'fc*' --metrics 'nrc*,deep_nrc*' --memory 2GiB\n"
      "  collapscope analyze part0.h5 part1.h5 --shards -o -\n"
      "  collapscope analyze mine.h5 --activations 'acts/*' --targets labels/y --weight "
      "'params/{layer}/kernel'\n"
      "\n"
      "Exit status: 0 all done; 1 finished, but some files or layers failed; 2 nothing done; 75 stopped, "
      "resume "
      "with the same command.";
  command.by_many = true;
  command.action = [=] { return run_analyze(*options, command_line); };
  return command;
}

}  // namespace collapscope::tools
