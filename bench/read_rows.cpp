// read_rows DUMP: reads all rows of the first layer's activations in bands, as an analysis does, and prints
// the seconds that it took. For gzip_reading.py.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace {

constexpr std::size_t band_bytes = std::size_t{32} << 20;

double seconds_to_read(const collapscope::DatasetIndex& rows) {
  const auto begin = std::chrono::steady_clock::now();
  const auto reader = collapscope::open_rows(rows, std::uint64_t{64} << 20);
  const std::uint64_t sample_bytes = rows.bytes() / rows.samples();
  const std::uint64_t step =
      std::max<std::uint64_t>(band_bytes / sample_bytes / reader->preferred_samples(), 1) *
      reader->preferred_samples();
  std::vector<std::byte> band(std::min(step, rows.samples()) * sample_bytes);
  for (std::uint64_t first = 0; first < rows.samples(); first += step) {
    const std::uint64_t count = std::min(step, rows.samples() - first);
    reader->read(first, count, std::span(band).first(count * sample_bytes));
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int count, char** arguments) {
  try {
    if (count != 2) {
      fmt::print(stderr, "read_rows DUMP\n");
      return 2;
    }
    const auto index = collapscope::index_dump(arguments[1]);
    fmt::print("{}\n", seconds_to_read(index.checkpoints.at(0).layers.at(0).activations));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
