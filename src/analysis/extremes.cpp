#include "analysis/extremes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "collapscope/core/decode.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// Squares of such numbers are summed over rows and features.
constexpr double largest_to_square = 1e145;
constexpr double smallest_to_square = 1e-145;
constexpr std::uint64_t extremes_block = std::uint64_t{1} << 20U;

}  // namespace

void refuse_extremes(const DatasetIndex& dataset) {
  const std::uint64_t sample_bytes = dataset.bytes() / std::max<std::uint64_t>(dataset.samples(), 1);
  const std::uint64_t block = std::max<std::uint64_t>(1, extremes_block / sample_bytes);
  const std::size_t width = sample_bytes / dataset.element.size();
  const auto reader = open_rows(dataset, extremes_block);
  std::vector<std::byte> stored;
  std::vector<double> numbers;
  double largest = 0;
  for (std::uint64_t first = 0; first < dataset.samples(); first += block) {
    const std::uint64_t count = std::min(block, dataset.samples() - first);
    stored.resize(count * sample_bytes);
    numbers.resize(count * width);
    reader->read(first, count, stored);
    decode_elements(stored, dataset.element, numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (std::abs(numbers[i]) > largest_to_square) {
        throw InputError(
            dataset.file, dataset.object,
            fmt::format(
                "found {} in row {}, too large to square; expected numbers of at most {}: scale them, or "
                "leave out such rows",
                numbers[i], first + i / width, largest_to_square));
      }
      largest = std::max(largest, std::abs(numbers[i]));
    }
  }
  if (largest > 0 && largest < smallest_to_square) {
    throw InputError(
        dataset.file, dataset.object,
        fmt::format("found numbers of at most {}, too small to square; expected larger ones than "
                    "{}: scale them",
                    largest, smallest_to_square));
  }
}

}  // namespace collapscope
