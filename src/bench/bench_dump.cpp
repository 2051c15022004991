#include "bench/bench_dump.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "collapscope/core/matrix.hpp"
#include "hdf5/dump_writer.hpp"
#include "synth/design.hpp"

namespace collapscope::bench {

namespace {

constexpr std::size_t block_elements = std::size_t{1} << 21U;
constexpr double offset = 0.5;

bool is_integer(ElementKind type) { return ElementType{type}.unit_roundoff() == 0; }

// Random rows, enough of them that their covariance has full rank.
Matrix random_block(const BenchDump& dump) {
  const std::size_t d = dump.features;
  Matrix block(std::min<std::uint64_t>(dump.rows, std::max(2 * d, block_elements / d)), d);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  for (std::size_t i = 0; i < block.rows(); ++i) {
    for (std::size_t j = 0; j < d; ++j) {
      block(i, j) = normal(random) / std::sqrt(static_cast<double>(j + 1));
    }
  }
  return block;
}

// What is stored: mixed features about the offset.
void mix(Matrix& block, ElementKind type) {
  synth::Reflection(block.cols()).apply(block.view());
  for (double& value : block.values()) {
    value += offset;
    if (is_integer(type)) {
      value = std::clamp(std::round(60 + 40 * value), 0.0, 127.0);
    }
  }
}

Matrix first_columns(const Matrix& block, std::size_t count) {
  Matrix columns(block.rows(), count);
  for (std::size_t i = 0; i < block.rows(); ++i) {
    std::copy_n(block.view().row(i).begin(), count, columns.view().row(i).begin());
  }
  return columns;
}

}  // namespace

void write_bench_dump(const std::string& path, const BenchDump& dump) {
  std::filesystem::remove(path);
  hdf5::DumpWriter file(path);
  file.set_attribute("/", "format", std::string("collapscope-dump"));
  file.set_attribute("/", "format_version", std::int64_t{1});
  file.set_attribute("/", "task", std::string("regression"));
  file.create_dataset("/targets", {dump.rows, dump.targets}, ElementKind::float64, {}, false);
  file.create_dataset("/layers/bench/activations", {dump.rows, dump.features}, dump.type, {}, false);
  file.create_dataset("/layers/bench/weight", {dump.targets, dump.features}, ElementKind::float64, {}, false);
  file.require_room();
  Matrix block = random_block(dump);
  const Matrix targets = first_columns(block, dump.targets);
  mix(block, dump.type);
  file.write_rows("/layers/bench/weight", 0, block.view().middle_rows(0, dump.targets));
  for (std::uint64_t first = 0; first < dump.rows; first += block.rows()) {
    const std::size_t rows = std::min<std::uint64_t>(block.rows(), dump.rows - first);
    file.write_rows("/targets", first, targets.view().middle_rows(0, rows));
    file.write_rows("/layers/bench/activations", first, block.view().middle_rows(0, rows));
  }
  file.finish();
}

}  // namespace collapscope::bench
