// All stages of one element type, N and d.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/bench_dump.hpp"
#include "bench/bench_folder.hpp"
#include "collapscope/bench/bench.hpp"

namespace collapscope::bench {

struct ShapeContext {
  Backend& backend;
  StageMaker& maker;
  const BenchOptions& options;
  const BenchFolder& folder;
  const std::vector<StageResult>& ceilings;
};

[[nodiscard]] ShapeResult bench_shape(const ShapeContext& context, const BenchDump& dump);

}  // namespace collapscope::bench
