// Benchmarks: every stage of the work and the whole of it, beside the rates that the machine itself reaches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collapscope/backend/backend.hpp"
#include "collapscope/backend/stages.hpp"
#include "collapscope/core/element.hpp"

namespace collapscope {

struct StageInfo {
  std::string_view name;
  std::string_view summary;  // what is done and what is counted
};

// What --stages can name, in the order of a report; a device has those that it needs.
[[nodiscard]] const std::array<StageInfo, 11>& stage_catalogue();

struct BenchOptions {
  std::vector<std::size_t> features{64, 128, 512, 2048};  // d
  std::vector<ElementKind> types{ElementKind::float16, ElementKind::bfloat16, ElementKind::float32,
                                 ElementKind::float64};
  std::uint64_t rows = 0;  // N; 0: default_bench_rows
  std::size_t targets = 3;
  std::vector<std::string> stages;  // empty: all
  std::size_t repeat = 5;           // timed runs of a stage, after one that is not timed
  double seconds = 2;               // for the runs of a stage, beyond the first timed one
  std::string folder;               // for temporary dumps; empty: TMPDIR
};

// Rows that make about 256 MiB; fewer where their product would take too long.
[[nodiscard]] std::uint64_t default_bench_rows(std::size_t features, ElementKind type);

// Seconds of several runs.
struct Timing {
  std::size_t runs = 0;
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  double least = 0;
  double most = 0;
};

struct StageResult {
  std::string name;
  std::string detail;
  double bytes = 0;
  double flops = 0;
  Timing time;
  std::string ceiling;        // empty: none
  double ceiling_rate = 0;    // bytes or operations per second
  bool counts_flops = false;  // in `rate` and `ceiling_rate`

  // Bytes or operations per second.
  [[nodiscard]] double rate() const { return (counts_flops ? flops : bytes) / time.median; }
};

// One element type, N and d.
struct ShapeResult {
  std::string type;
  double unit_roundoff = 0;
  std::uint64_t rows = 0;
  std::size_t features = 0;
  std::size_t targets = 0;
  std::uint64_t stored_bytes = 0;
  std::vector<StageResult> stages;
  // The least time that an analysis can take, from medians of `floor_parts`: their sum, or the longest when
  // they overlap. nullopt: the pipeline was not run.
  std::optional<double> floor_seconds;
  std::vector<std::string> floor_parts;
  bool floor_overlaps = false;
  // |C - C'|_F / |C'|_F of the first look's covariance C, C' in long double from the same stored rows.
  std::optional<double> covariance_error;
  std::uint64_t covariance_rows = 0;
  // Relative error of the pipeline's deep_nrc1 on a planted dump of this type; has the type's rounding in it.
  std::optional<double> planted_error;
  std::uint64_t planted_rows = 0;
  std::vector<std::string> notes;  // what the analysis had to say
  std::string failure;             // why the shape could not be measured; empty: it was

  [[nodiscard]] const StageResult* find(std::string_view name) const;
};

struct BenchReport {
  std::string version;
  std::string commit;
  std::string command;  // as the user typed it
  std::string started;  // ISO 8601, UTC
  double seconds = 0;
  std::string device;  // as the backend describes itself
  std::size_t threads = 1;
  std::vector<Fact> machine;       // of the host
  std::vector<Fact> device_facts;  // of the backend
  std::vector<Fact> libraries;
  std::vector<StageResult> ceilings;
  std::vector<ShapeResult> shapes;
};

// Told when the ceilings are known, and after each shape, the last of `shapes`.
using BenchListener = std::function<void(const BenchReport&)>;

// `command` for the report. Throws UsageError, Error when the temporary dumps cannot be written, and
// DeviceError. Temporary dumps are gone when it returns, throws, or the process is ended by SIGINT, SIGTERM
// or SIGHUP.
[[nodiscard]] BenchReport run_bench(Backend& backend, const BenchOptions& options, const std::string& command,
                                    const BenchListener& listener);

// For people, in 100 columns: what was measured on, with the ceilings; and one shape.
[[nodiscard]] std::string bench_head(const BenchReport& report);
[[nodiscard]] std::string bench_block(const ShapeResult& shape);

// JSON, "collapscope-bench" version 1.
[[nodiscard]] std::string bench_json(const BenchReport& report);

}  // namespace collapscope
