// A benchmark for people.
#include <fmt/format.h>

#include <array>
#include <cmath>

#include "collapscope/bench/bench.hpp"
#include "collapscope/core/text.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {

namespace {

constexpr std::size_t width = 100;

// Three significant digits of a number in [0, 1000).
std::string three_digits(double value) {
  return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

struct Unit {
  double size;
  std::string_view name;
};

// The largest unit that leaves at least 1; units in descending order.
template <std::size_t N>
Unit unit_for(double value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value >= 0.9995 * unit.size) {
      return unit;
    }
  }
  return units.back();
}

constexpr std::array<Unit, 4> times{{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
constexpr std::array<Unit, 4> byte_rates{{{1e12, "TB/s"}, {1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}}};
constexpr std::array<Unit, 4> flop_rates{
    {{1e12, "TFLOP/s"}, {1e9, "GFLOP/s"}, {1e6, "MFLOP/s"}, {1e3, "kFLOP/s"}}};

std::string quantity(double value, const Unit& unit) {
  return std::isfinite(value) ? fmt::format("{} {}", three_digits(value / unit.size), unit.name) : "-";
}

std::string rate_text(double rate, bool counts_flops) {
  return quantity(rate, unit_for(rate, counts_flops ? flop_rates : byte_rates));
}

std::string seconds_text(double seconds) { return quantity(seconds, unit_for(seconds, times)); }

// The middle half of the runs, in the median's unit.
std::string spread_text(const Timing& time) {
  if (time.runs < 2) {
    return "one run";
  }
  const Unit unit = unit_for(time.median, times);
  return fmt::format("{}-{}", three_digits(time.lower_quartile / unit.size),
                     three_digits(time.upper_quartile / unit.size));
}

std::string fact(const std::vector<Fact>& facts, std::string_view name) {
  for (const Fact& fact : facts) {
    if (const auto* text = std::get_if<std::string>(&fact.value); text != nullptr && fact.name == name) {
      return printable(*text);
    }
  }
  return "";
}

std::string row(std::string_view stage, std::string_view median, std::string_view spread,
                std::string_view input, std::string_view rate, std::string_view ceiling,
                std::string_view reached) {
  std::string text = fmt::format("  {:<14} {:>8} {:>11}  {:>10}  {:>12}  {:<24} {:>7}", stage, median, spread,
                                 input, rate, ceiling, reached);
  text.erase(text.find_last_not_of(' ') + 1);
  return text + "\n";
}

std::string stage_row(const ShapeResult& shape, const StageResult& stage) {
  const bool of_rows = stage.name != "eigen";
  const bool bounded = !stage.ceiling.empty();
  return row(
      stage.name, seconds_text(stage.time.median), spread_text(stage.time),
      of_rows ? rate_text(static_cast<double>(shape.stored_bytes) / stage.time.median, false) : "",
      rate_text(stage.rate(), stage.counts_flops),
      bounded ? fmt::format("{} {}", stage.ceiling, rate_text(stage.ceiling_rate, stage.counts_flops)) : "",
      bounded ? fmt::format("{:.0f} %", 100 * stage.rate() / stage.ceiling_rate) : "");
}

std::string floor_text(const ShapeResult& shape) {
  const StageResult* pipeline = shape.find("pipeline");
  if (!shape.floor_seconds || pipeline == nullptr) {
    return "";
  }
  std::string parts;
  for (const std::string& part : shape.floor_parts) {
    parts += (parts.empty() ? "" : shape.floor_overlaps ? ", " : " + ") + part;
  }
  return fmt::format(
      "  pipeline: {} x the floor, {} = {}{}\n", three_digits(pipeline->time.median / *shape.floor_seconds),
      seconds_text(*shape.floor_seconds), shape.floor_overlaps ? "the longest of " : "", parts);
}

std::string accuracy_text(const ShapeResult& shape) {
  std::string text;
  if (shape.covariance_error) {
    text += fmt::format("covariance {:.1e} (to long double)", *shape.covariance_error);
  }
  if (shape.planted_error) {
    text += fmt::format("{}deep_nrc1 {:.1e} (planted, as {})", text.empty() ? "" : ", ", *shape.planted_error,
                        shape.type);
  }
  return text.empty() ? "" : "  error: " + text + "\n";
}

std::string lines(const std::vector<std::string>& pieces, std::string_view separator, std::size_t indent) {
  std::string text;
  for (const std::string& line : wrap(pieces, separator, width, indent)) {
    text += line + "\n";
  }
  return text;
}

}  // namespace

std::string bench_head(const BenchReport& report) {
  std::vector<std::string> ceilings;
  for (const StageResult& ceiling : report.ceilings) {
    ceilings.push_back(fmt::format("{} {} ({})", ceiling.name,
                                   rate_text(ceiling.rate(), ceiling.counts_flops), ceiling.detail));
  }
  ceilings.front() = "ceilings: " + ceilings.front();
  return lines({fmt::format("collapscope {} ({}), {}", report.version, report.commit, report.started),
                fact(report.machine, "cpu"),
                fmt::format("{} thread{}", report.threads, report.threads == 1 ? "" : "s")},
               "; ", 2) +
         lines(words(printable(report.device)), " ", 2) + lines(ceilings, ", ", 2);
}

std::string bench_block(const ShapeResult& shape) {
  std::string text =
      fmt::format("\n{}, {} x {}, {} target{}: {} stored\n", shape.type, shape.rows, shape.features,
                  shape.targets, shape.targets == 1 ? "" : "s", human_bytes(shape.stored_bytes));
  if (!shape.stages.empty()) {
    text += row("stage", "median", "quartiles", "input", "rate", "ceiling", "reached");
  }
  for (const StageResult& stage : shape.stages) {
    text += stage_row(shape, stage);
  }
  text += floor_text(shape) + accuracy_text(shape);
  for (const std::string& note : shape.notes) {
    text += lines(words("  note: " + printable(note)), " ", 4);
  }
  if (!shape.failure.empty()) {
    text += lines(words("  failed: " + printable(shape.failure)), " ", 4);
  }
  return text;
}

}  // namespace collapscope
