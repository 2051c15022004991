// collapscope bench: how fast it is here, beside how fast this machine can be.
#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>

#include "collapscope/bench.hpp"
#include "collapscope/error.hpp"
#include "collapscope/files.hpp"
#include "collapscope/gpu.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

struct BenchCommand : BenchOptions {
  std::string device = "auto";
  std::size_t threads = 0;
  std::string output;
};

const std::map<std::string, ElementKind>& element_kinds() {
  static const std::map<std::string, ElementKind> kinds = [] {
    std::map<std::string, ElementKind> all;
    for (const ElementKind kind :
         {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32, ElementKind::float64,
          ElementKind::int8, ElementKind::int16, ElementKind::int32, ElementKind::int64, ElementKind::uint8,
          ElementKind::uint16, ElementKind::uint32, ElementKind::uint64}) {
      all[ElementType{kind}.name()] = kind;
    }
    return all;
  }();
  return kinds;
}

int run_bench_command(const BenchCommand& command, const std::string& command_line) {
  if (!command.output.empty()) {
    check_output(command.output, {".json"});
  }
  const ChosenBackend chosen = make_backend(command.device, command.threads);
  if (!chosen.note.empty()) {
    fmt::print(stderr, "{}\n", chosen.note);
  }
  const bool shows_table = command.output != "-";
  const BenchReport report =
      run_bench(*chosen.backend, command, command_line, [&](const BenchReport& so_far) {
        if (shows_table) {
          print(so_far.shapes.empty() ? bench_head(so_far) : bench_block(so_far.shapes.back()));
        }
      });
  if (command.output == "-") {
    print(bench_json(report));
  } else if (!command.output.empty()) {
    write_file_atomically(command.output, bench_json(report));
  }
  std::size_t failed = 0;
  for (const ShapeResult& shape : report.shapes) {
    failed += shape.failure.empty() ? 0 : 1;
  }
  return failed == 0 ? done : failed < report.shapes.size() ? partly_failed : nothing_done;
}

std::string footer() {
  std::string text = "Stages:\n";
  for (const StageInfo& info : stage_catalogue()) {
    text += fmt::format("  {:<15} {}\n", info.name, info.summary);
  }
  return text + R"(
Times are the median and the quartiles of the runs, after one that warms up. "input" is stored bytes per
second, to compare stages with; "rate" is what the stage counts: bytes read and written, or operations.
"ceiling" is what this machine reached in the same run by large copies (bytes read and written; to a GPU:
bytes copied) and large products of the BLAS. Stages of a GPU are timed by its own events, except first-look,
eigen and pipeline; of several GPUs these use all, the others the first.

The floor of the pipeline is pread and bare-dsyrk, one after the other; on a GPU the longest of pread,
host-to-device and bare-dsyrk. The errors are those of the first look's covariance against long double (at
most 256 features) and of deep_nrc1 on a dump for which it is known, the rounding of its numbers included.

The rows are random about an offset, their spectrum decays; a block of them is repeated.

Examples:
  collapscope bench                                     sixteen shapes, some minutes
  collapscope bench --features 512 --types float32 -o bench.json
  collapscope bench --device cuda --rows 4000000 --features 256 --stages pread,read,pipeline
)";
}

}  // namespace

void add_bench(CLI::App& app, Action& action, const std::string& command_line) {
  const auto options = std::make_shared<BenchCommand>();
  CLI::App* command =
      app.add_subcommand("bench", "time every stage of the work against this machine's ceilings");
  command->add_option("--device", options->device, "auto, cpu, cuda, cuda:N or cuda:all")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads (default: all that the process may use)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  command->add_option("--features", options->features, "features d, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, std::size_t{65536}))
      ->capture_default_str();
  command
      ->add_option_function<std::vector<std::string>>(
          "--types",
          [options](const std::vector<std::string>& names) {
            options->types.clear();
            for (const std::string& name : names) {
              options->types.push_back(element_kinds().at(name));
            }
          },
          "types of the stored numbers")
      ->delimiter(',')
      ->transform(CLI::IsMember(element_kinds(), CLI::ignore_case))
      ->default_str("float16,bfloat16,float32,float64");
  command->add_option("--rows", options->rows, "rows N (default: 256 MiB of them, fewer of wide ones)")
      ->check(CLI::Range(std::uint64_t{4}, std::uint64_t{1} << 40U));
  command->add_option("--targets", options->targets, "target components n")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}))
      ->capture_default_str();
  command->add_option("--stages", options->stages, "only these stages, separated by commas (default: all)")
      ->delimiter(',')
      ->type_name("LIST");
  command->add_option("--repeat", options->repeat, "timed runs of a stage, after one that warms up")
      ->check(CLI::Range(std::size_t{1}, std::size_t{100000}))
      ->capture_default_str();
  command
      ->add_option("--seconds", options->seconds,
                   "no further run of a stage after this time; one is always timed")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--folder", options->folder, "where temporary dumps go (default: TMPDIR)")
      ->type_name("DIR");
  command
      ->add_option("-o,--output", options->output,
                   "also write JSON to FILE.json, or '-' to write it to standard output instead of the table")
      ->type_name("FILE");
  command->footer(footer());
  command->callback([options, &action, command_line] {
    action = [=] { return run_bench_command(*options, command_line); };
  });
}

}  // namespace collapscope::tools
