#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "bench/bench_folder.hpp"
#include "bench/machine.hpp"
#include "bench/shape_bench.hpp"
#include "bench/timing.hpp"
#include "collapscope/bench/bench.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"

namespace collapscope {

namespace {

constexpr std::uint64_t default_bytes = std::uint64_t{256} << 20U;
constexpr std::uint64_t default_elements = std::uint64_t{1} << 26U;  // that takes a while to write
constexpr std::uint64_t default_products = std::uint64_t{1} << 37U;  // N d^2
constexpr std::uint64_t round_rows = 1024;

void require(bool holds, const std::string& message) {
  if (!holds) {
    throw UsageError(message);
  }
}

void require_sane(const BenchOptions& options) {
  require(options.targets >= 1 && options.repeat >= 1, "there must be a target and a run at least");
  require(!options.features.empty() && !options.types.empty(), "no shape to measure");
  for (const std::size_t d : options.features) {
    require(d >= options.targets,
            fmt::format("{} targets need at least as many features, found {}", options.targets, d));
    require(d <= 65536, fmt::format("at most 65536 features are measured, found {}", d));
  }
  require(options.rows == 0 || options.rows >= std::max<std::uint64_t>(4, options.targets),
          fmt::format("too few rows: {}", options.rows));
  for (const std::string& stage : options.stages) {
    const auto& known = stage_catalogue();
    if (std::none_of(known.begin(), known.end(), [&](const StageInfo& info) { return info.name == stage; })) {
      std::string names;
      for (const StageInfo& info : known) {
        names += (names.empty() ? "" : ", ") + std::string(info.name);
      }
      throw UsageError(fmt::format("unknown stage '{}': expected {}", printable(stage), names));
    }
  }
}

}  // namespace

std::uint64_t default_bench_rows(std::size_t features, ElementKind type) {
  const std::uint64_t d = features;
  const std::uint64_t rows = std::max(std::min({default_bytes / (d * ElementType{type}.size()),
                                                default_elements / d, default_products / (d * d)}),
                                      2 * d + 4);
  return rows > round_rows ? rows / round_rows * round_rows : rows;
}

const StageResult* ShapeResult::find(std::string_view name) const {
  const auto found = std::find_if(stages.begin(), stages.end(),
                                  [&](const StageResult& stage) { return stage.name == name; });
  return found == stages.end() ? nullptr : &*found;
}

BenchReport run_bench(Backend& backend, const BenchOptions& options, const std::string& command,
                      const BenchListener& listener) {
  require_sane(options);
  const auto begin = std::chrono::steady_clock::now();
  const auto maker = backend.stage_maker();
  require(maker != nullptr, "nothing to measure on " + backend.describe());
  const bench::BenchFolder folder(options.folder);
  const BuildInfo build = build_info();
  BenchReport report;
  report.version = build.version;
  report.commit = build.commit;
  report.command = command;
  report.started = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  report.device = backend.describe();
  report.threads = backend.threads();
  report.machine = bench::machine_facts();
  report.device_facts = maker->facts();
  report.libraries = bench::library_facts();
  for (const Stage& stage : maker->ceilings()) {
    report.ceilings.push_back(
        bench::stage_result(stage, bench::measure(stage, options.repeat, options.seconds), nullptr));
  }
  const auto tell = [&] {
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    listener(report);
  };
  tell();
  const bench::ShapeContext context{backend, *maker, options, folder, report.ceilings};
  for (const ElementKind type : options.types) {
    for (const std::size_t d : options.features) {
      const std::uint64_t rows = options.rows != 0 ? options.rows : default_bench_rows(d, type);
      report.shapes.push_back(bench::bench_shape(context, {rows, d, options.targets, type}));
      tell();
    }
  }
  return report;
}

}  // namespace collapscope
