// The dump that a benchmark reads.
#pragma once

#include <cstdint>
#include <string>

#include "collapscope/core/element.hpp"

namespace collapscope::bench {

struct BenchDump {
  std::uint64_t rows = 0;
  std::size_t features = 0;
  std::size_t targets = 0;
  ElementKind type = ElementKind::float64;
};

// One layer "bench" with a weight, contiguous. Its rows are random about an offset; deviations decay as
// 1 / sqrt(j) along directions that mix all features. A block of rows is repeated, so that writing is not
// what takes the time. Integers are scaled to use one byte. Replaces a file of that name. Throws Error.
void write_bench_dump(const std::string& path, const BenchDump& dump);

}  // namespace collapscope::bench
