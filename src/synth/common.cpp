#include "synth/common.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// The largest number that a float type holds.
double largest_of(ElementKind element) {
  switch (element) {
    case ElementKind::float16:
      return 65504;
    case ElementKind::bfloat16:
      return 0x1.fep127;
    case ElementKind::float32:
      return 0x1.fffffep127;
    default:
      return 1e150;  // whose square is a number
  }
}

}  // namespace

void require_synth(bool holds, const std::string& message) {
  if (!holds) {
    throw UsageError(message);
  }
}

void require_common(const SynthSpec& spec) {
  const ElementKind element = spec.element;
  require_synth(element == ElementKind::float16 || element == ElementKind::bfloat16 ||
                    element == ElementKind::float32 || element == ElementKind::float64,
                "synthetic activations are float16, bfloat16, float32 or float64");
  require_synth(spec.chunk.empty() || (spec.chunk.size() == 2 && spec.chunk[0] >= 1 && spec.chunk[1] >= 1),
                "a chunk is two positive numbers, rows and features");
  require_synth(spec.chunk.empty() || spec.storage != SynthStorage::contiguous,
                "a chunk was given, and contiguous storage has none; expected storage 'chunked' or 'gzip'");
  require_synth(std::isfinite(spec.step), fmt::format("a step is a finite number, found {}", spec.step));
}

void require_held(const SynthSpec& spec, double largest, const std::string& what) {
  require_synth(largest <= largest_of(spec.element),
                fmt::format("{} makes features of {:.3g}; expected at most {:.3g} as {}", what, largest,
                            largest_of(spec.element), ElementType{spec.element}.name()));
}

double rounding_share(const SynthSpec& spec, double offset) {
  const double step = 2 * ElementType{spec.element}.unit_roundoff();
  return std::max(1.0, offset * offset) * step * step / 12;
}

bool is_coarse(double rounding, double wanted) {
  constexpr double share = 0.01;
  constexpr double least = 1e-12;  // of what was asked for as 0
  return rounding > share * std::max(wanted, least);
}

std::vector<std::uint64_t> synth_chunk(const SynthSpec& spec, std::uint64_t samples) {
  if (spec.storage == SynthStorage::contiguous) {
    return {};
  }
  if (!spec.chunk.empty()) {
    return {std::min(spec.chunk[0], samples), std::min<std::uint64_t>(spec.chunk[1], spec.features)};
  }
  return {
      std::min<std::uint64_t>(samples, std::max<std::uint64_t>(1, (std::uint64_t{1} << 17U) / spec.features)),
      spec.features};
}

void write_synth_head(hdf5::DumpWriter& file, const SynthSpec& spec, const std::string& task,
                      const std::string& model) {
  file.set_attribute("/", "format", std::string("collapscope-dump"));
  file.set_attribute("/", "format_version", std::int64_t{1});
  file.set_attribute("/", "task", task);
  file.set_attribute("/", "model", model);
  file.set_attribute("/", "dataset", std::string("synthetic"));
  file.set_attribute("/", "step", spec.step);
  if (!spec.run.empty()) {
    file.set_attribute("/", "run", spec.run);
  }
}

}  // namespace collapscope
