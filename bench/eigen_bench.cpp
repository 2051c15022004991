// Eigendecompositions, of all pairs and of a few, checks included.
#include <benchmark/benchmark.h>

#include <cmath>

#include "collapscope/backend/backend.hpp"

namespace {

using namespace collapscope;

// Eigenvalues fall off slowly: a hard case for a few pairs.
Matrix decaying_correlation(std::size_t size) {
  Matrix symmetric(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      symmetric(i, j) = std::exp(-0.1 * std::abs(static_cast<double>(i) - static_cast<double>(j)));
    }
  }
  return symmetric;
}

// Three directions of signal, and noise of 1e-6 their variance whose eigenvalues thin out towards the largest
// as those of a sample covariance do.
Matrix collapsed(std::size_t size) {
  Matrix symmetric(size, size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      const double along = std::cos(1.3 * static_cast<double>(i)) * std::cos(1.3 * static_cast<double>(j)) +
                           std::cos(2.9 * static_cast<double>(i)) * std::cos(2.9 * static_cast<double>(j)) +
                           1;
      const double place = static_cast<double>(i) / static_cast<double>(size);
      symmetric(i, j) = along + (i == j ? 1e-6 * (2 - std::pow(place, 2.0 / 3.0)) : 0);
    }
  }
  return symmetric;
}

void decompose(benchmark::State& state, const Matrix& symmetric, std::size_t pairs) {
  const auto backend = make_cpu_backend(0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(backend->eigenbasis(symmetric, pairs).values.data());
  }
}

void eigenbasis(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  decompose(state, decaying_correlation(size), size);
}

// All eigenvalues, and the vectors as the metrics take them.
void spectrum(benchmark::State& state) {
  const Matrix symmetric = decaying_correlation(static_cast<std::size_t>(state.range(0)));
  const auto backend = make_cpu_backend(0);
  for (auto _ : state) {
    benchmark::DoNotOptimize(backend->spectrum(symmetric, 4).values.data());
  }
}

void ten_pairs(benchmark::State& state) {
  decompose(state, decaying_correlation(static_cast<std::size_t>(state.range(0))), 10);
}

void ten_pairs_collapsed(benchmark::State& state) {
  decompose(state, collapsed(static_cast<std::size_t>(state.range(0))), 10);
}

BENCHMARK(eigenbasis)
    ->Arg(64)
    ->Arg(128)
    ->Arg(256)
    ->Arg(512)
    ->Arg(1024)
    ->Arg(4096)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(spectrum)->Arg(256)->Arg(512)->Arg(1024)->Arg(2048)->Arg(4096)->UseRealTime()->Unit(
    benchmark::kMillisecond);
BENCHMARK(ten_pairs)->Arg(128)->Arg(256)->Arg(512)->Arg(1024)->Arg(4096)->UseRealTime()->Unit(
    benchmark::kMillisecond);
BENCHMARK(ten_pairs_collapsed)
    ->Arg(128)
    ->Arg(256)
    ->Arg(512)
    ->Arg(1024)
    ->Arg(4096)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
