// Decoding, the first look and the second look, over the number of features; the bare products as
// the floors.
#include <benchmark/benchmark.h>
#include <cblas.h>

#include <cstring>
#include <random>

#include "collapscope/backend/backend.hpp"
#include "collapscope/core/decode.hpp"

namespace {

using namespace collapscope;

constexpr std::size_t targets = 3;

std::vector<float> random_rows(std::size_t count) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

// The backend keeps the BLAS to one thread where it does not need more.
struct BlasThreads {
  BlasThreads() { openblas_set_num_threads(openblas_get_num_procs()); }
  ~BlasThreads() { openblas_set_num_threads(1); }
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;
};

// Rows of float32 in tiles as the backend wants them.
struct Rows {
  explicit Rows(std::size_t features)
      : backend(make_cpu_backend(0)),
        rows(backend->tile_rows(features)),
        values(random_rows(rows * features)),
        labels(rows, targets) {
    format.element = {ElementKind::float32};
    format.channels = features;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < targets; ++j) {
        labels(i, j) = values[i * features + j];
      }
    }
  }
  [[nodiscard]] RawTile tile(std::uint64_t number) const {
    return {std::as_bytes(std::span(values)), 0, rows, number * rows};
  }
  void count(benchmark::State& state, double operations_per_row) const {
    const double done = static_cast<double>(state.iterations()) * static_cast<double>(rows);
    state.SetBytesProcessed(static_cast<std::int64_t>(done) * static_cast<std::int64_t>(4 * format.channels));
    state.counters["flop/s"] = benchmark::Counter(done * operations_per_row, benchmark::Counter::kIsRate);
  }

  std::unique_ptr<Backend> backend;
  std::size_t rows;
  RowFormat format;
  std::vector<float> values;
  Matrix labels;
};

void bare_syrk(benchmark::State& state) {
  const auto features = static_cast<std::size_t>(state.range(0));
  const Rows data(features);
  const std::vector<double> x(data.values.begin(), data.values.end());
  Matrix c(features, features);
  const BlasThreads all;
  for (auto _ : state) {
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, static_cast<int>(features),
                static_cast<int>(data.rows), 1.0, x.data(), static_cast<int>(features), 1.0, c.data(),
                static_cast<int>(features));
    benchmark::DoNotOptimize(c.data());
  }
  data.count(state, static_cast<double>(features * features));
}

void bare_ssyrk(benchmark::State& state) {
  const auto features = static_cast<std::size_t>(state.range(0));
  const Rows data(features);
  std::vector<float> c(features * features);
  const BlasThreads all;
  for (auto _ : state) {
    cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, static_cast<int>(features),
                static_cast<int>(data.rows), 1.0F, data.values.data(), static_cast<int>(features), 1.0F,
                c.data(), static_cast<int>(features));
    benchmark::DoNotOptimize(c.data());
  }
  data.count(state, static_cast<double>(features * features));
}

void decode(benchmark::State& state) {
  const Rows data(static_cast<std::size_t>(state.range(0)));
  Matrix out(data.rows, data.format.channels);
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode_tile(data.tile(0), data.format, out.view()));
  }
  data.count(state, 0);
}

void look_once(benchmark::State& state, Precision precision) {
  const auto features = static_cast<std::size_t>(state.range(0));
  const Rows data(features);
  const auto fold = data.backend->make_fold({data.format, targets, 65536, false, 0, precision});
  std::uint64_t number = 0;
  for (auto _ : state) {
    fold->add(data.tile(number++), data.labels.view());
  }
  data.count(state, static_cast<double>(features * features));
}

void first_look(benchmark::State& state) { look_once(state, Precision::float64); }

void first_look_fast(benchmark::State& state) { look_once(state, Precision::fast); }

void second_look(benchmark::State& state) {
  const auto features = static_cast<std::size_t>(state.range(0));
  const Rows data(features);
  LookSpec spec;
  spec.format = data.format;
  spec.feature_mean.assign(features, 0.0);
  spec.target_mean.assign(targets, 0.0);
  spec.signal = Matrix(targets, features);
  for (std::size_t j = 0; j < targets; ++j) {
    spec.signal(j, j) = 1;
  }
  spec.affine = Matrix(targets, features);
  spec.published = Matrix(targets, features);
  const auto look = data.backend->make_look(spec);
  for (auto _ : state) {
    look->add(data.tile(0), data.labels.view());
  }
  data.count(state, static_cast<double>(8 * targets * features));
}

BENCHMARK(bare_syrk)->Arg(16)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Arg(2048)->UseRealTime();
BENCHMARK(bare_ssyrk)->Arg(16)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Arg(2048)->UseRealTime();
BENCHMARK(decode)->Arg(64)->Arg(512)->UseRealTime();
BENCHMARK(first_look)->Arg(16)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Arg(2048)->UseRealTime();
BENCHMARK(first_look_fast)->Arg(16)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Arg(2048)->UseRealTime();
BENCHMARK(second_look)->Arg(16)->Arg(64)->Arg(128)->Arg(256)->Arg(512)->Arg(2048)->UseRealTime();

}  // namespace
