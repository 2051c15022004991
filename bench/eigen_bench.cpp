// Full eigendecompositions, checks included.
#include <benchmark/benchmark.h>

#include <cmath>

#include "collapscope/backend.hpp"

namespace {

using namespace collapscope;

void eigenbasis(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Matrix symmetric(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      symmetric(i, j) = std::exp(-0.1 * std::abs(static_cast<double>(i) - static_cast<double>(j)));
    }
  }
  const auto backend = make_cpu_backend(0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(backend->eigenbasis(symmetric).values.data());
  }
}

BENCHMARK(eigenbasis)->Arg(64)->Arg(128)->Arg(512)->Arg(1024)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
