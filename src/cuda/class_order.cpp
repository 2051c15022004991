#include "cuda/class_order.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

namespace {

constexpr unsigned digit_bits = 11;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
constexpr std::size_t chunk_rows = kernels::ClassRuns::chunk_rows;

}  // namespace

std::size_t ClassOrder::most_chunks(std::size_t rows, std::size_t classes) {
  return rows / chunk_rows + std::min(rows, classes);
}

std::size_t ClassOrder::words(std::size_t rows, std::size_t classes) {
  return classes == 0 ? 0 : 1 + rows + most_chunks(rows, classes) + 1 + 2 * std::min(rows, classes) + 1;
}

// By the digits of their keys, the lowest first; each time rows of equal digits keep their order.
void ClassOrder::sort(std::uint32_t* order) {
  const std::size_t rows = keys_.size();
  other_.resize(rows);
  std::iota(order, order + rows, 0U);
  for (unsigned shift = 0; shift == 0 || (classes_ - 1) >> shift != 0; shift += digit_bits) {
    std::array<std::uint32_t, digits + 1> begin{};
    const auto digit = [&](std::uint32_t row) { return (keys_[row] >> shift) & (digits - 1); };
    for (std::size_t i = 0; i < rows; ++i) {
      ++begin[digit(order[i]) + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (std::size_t i = 0; i < rows; ++i) {
      other_[begin[digit(order[i])]++] = order[i];
    }
    std::copy(other_.begin(), other_.end(), order);
  }
}

kernels::ClassRuns ClassOrder::arrange(std::span<const double> numbers, std::uint32_t* staged,
                                       const std::uint32_t* device) {
  keys_.clear();
  for (const double number : numbers) {
    if (!(number >= 0 && number < static_cast<double>(classes_))) {
      throw UsageError("Fold::add: a row's target is the number of no class");
    }
    keys_.push_back(static_cast<std::uint32_t>(number));
  }
  const auto rows = static_cast<std::uint32_t>(numbers.size());
  sort(staged);
  kernels::ClassRuns runs;
  const auto each_run = [&](const auto& visit) {
    for (std::uint32_t begin = 0; begin < rows;) {
      std::uint32_t end = begin + 1;
      while (end < rows && keys_[staged[end]] == keys_[staged[begin]]) {
        ++end;
      }
      visit(begin, end);
      begin = end;
    }
  };
  std::uint32_t* const chunk_begin = staged + rows;
  each_run([&](std::uint32_t begin, std::uint32_t end) {
    for (; begin < end; begin += chunk_rows) {
      chunk_begin[runs.chunks++] = begin;
    }
    ++runs.runs;
  });
  chunk_begin[runs.chunks] = rows;
  std::uint32_t* const run_begin = chunk_begin + runs.chunks + 1;
  std::uint32_t* const run_class = run_begin + runs.runs + 1;
  std::size_t run = 0;
  std::uint32_t chunk = 0;
  each_run([&](std::uint32_t begin, std::uint32_t end) {
    run_begin[run] = chunk;
    run_class[run++] = keys_[staged[begin]];
    chunk +=
        (end - begin + static_cast<std::uint32_t>(chunk_rows) - 1) / static_cast<std::uint32_t>(chunk_rows);
  });
  run_begin[run] = chunk;
  words_ = static_cast<std::size_t>(run_class + runs.runs - staged);
  staged[words_] = 0;  // words go up in pairs
  runs.order = device;
  runs.chunk_begin = device + (chunk_begin - staged);
  runs.run_begin = device + (run_begin - staged);
  runs.run_class = device + (run_class - staged);
  return runs;
}

}  // namespace collapscope::cuda
