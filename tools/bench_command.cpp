// collapscope bench: how fast it is here, beside how fast this machine can be.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "choices.hpp"
#include "collapscope/bench/bench.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "outputs.hpp"

namespace collapscope::tools {

namespace {

struct BenchCommand : BenchOptions {
  std::vector<std::string> type_names;  // of `types`
  std::string device = "auto";
  std::size_t threads = 0;
  std::string output;
};

const Choices<ElementKind>& element_kinds() {
  static const Choices<ElementKind> kinds = [] {
    Choices<ElementKind> all;
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

BenchOptions bench_options(const BenchCommand& command) {
  BenchOptions options = command;
  options.types.clear();
  for (const std::string& name : command.type_names) {
    options.types.push_back(element_kinds().at(name));
  }
  return options;
}

int run_bench_command(const BenchCommand& command, const std::string& command_line) {
  if (!command.output.empty()) {
    check_output(command.output, {".json"});
  }
  const ChosenBackend chosen = make_backend(command.device, command.threads);
  if (!chosen.note.empty()) {
    tell(chosen.note);
  }
  if (const std::string few = chosen.few_threads(); !few.empty()) {
    tell(few);
  }
  const bool shows_table = command.output != "-";
  const BenchReport report =
      run_bench(*chosen.backend, bench_options(command), command_line, [&](const BenchReport& so_far) {
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

Command bench_command(const std::string& command_line) {
  const auto options = std::make_shared<BenchCommand>();
  for (const ElementKind kind : options->types) {
    options->type_names.push_back(ElementType{kind}.name());
  }
  Command command("bench", "time every stage of the work against this machine's ceilings");
  command.add({.names = {"--device"},
               .target = &options->device,
               .description = "auto, cpu, cuda, cuda:N or cuda:all",
               .some = some_devices(),
               .preset = options->device});
  command.add({.names = {"--threads"},
               .target = &options->threads,
               .description = "threads (default: all that the process may use)",
               .range = Range{1, 4096}});
  command.add({.names = {"--features"},
               .target = &options->features,
               .description = "features d, separated by commas",
               .range = Range{1, 65536},
               .separator = ',',
               .preset = list_preset(options->features)});
  command.add({.names = {"--types"},
               .target = &options->type_names,
               .description = "types of the stored numbers",
               .choices = names_of(element_kinds()),
               .any_case = true,
               .separator = ',',
               .preset = joined(options->type_names, ",")});
  command.add({.names = {"--rows"},
               .target = &options->rows,
               .description = "rows N (default: 256 MiB of them, fewer of wide ones)",
               .range = Range{4, std::size_t{1} << 40U}});
  command.add({.names = {"--targets"},
               .target = &options->targets,
               .description = "target components n",
               .range = Range{1, 4096},
               .preset = std::to_string(options->targets)});
  command.add({.names = {"--stages"},
               .target = &options->stages,
               .description = "only these stages, separated by commas (default: all)",
               .placeholder = "LIST",
               .separator = ','});
  command.add({.names = {"--repeat"},
               .target = &options->repeat,
               .description = "timed runs of a stage, after one that warms up",
               .range = Range{1, 100000},
               .preset = std::to_string(options->repeat)});
  command.add({.names = {"--seconds"},
               .target = &options->seconds,
               .description = "no further run of a stage after this time; one is always timed",
               .not_negative = true,
               .preset = fmt::format("{}", options->seconds)});
  command.add({.names = {"--folder"},
               .target = &options->folder,
               .description = "where temporary dumps go (default: TMPDIR)",
               .placeholder = "DIR",
               .not_empty = true});
  command.add({.names = {"-o", "--output"},
               .target = &options->output,
               .description =
                   "also write JSON to FILE.json, or '-' to write it to standard output instead of the "
                   "table",
               .placeholder = "FILE",
               .not_empty = true});
  command.footer = footer();
  command.action = [=] { return run_bench_command(*options, command_line); };
  return command;
}

}  // namespace collapscope::tools
