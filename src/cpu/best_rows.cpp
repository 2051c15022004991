#include "cpu/best_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t rows_of_product = 512;
// For fewer, making floats of all rows costs more than products of floats save.
constexpr std::size_t least_for_floats = 16;

}  // namespace

void BestRows::find(const ScaledVectors& xs, const Rule& rule, Room& room, Bench& bench,
                    std::span<std::size_t> found) const {
  const std::size_t count = xs.numbers.rows();
  bench.numbers.clear();
  // Where floats tell little, they are left out.
  if (count >= least_for_floats && bench.known >= bench.screened / 2) {
    screen_.find(xs, bench.floats);
    for (std::size_t i = 0; i < count; ++i) {
      const FloatScreen::Found& screened = bench.floats.found[i];
      if (!screened.known) {
        bench.numbers.push_back(i);
        continue;
      }
      bench.rows.clear();
      for (const FloatScreen::Candidate& candidate : screened.candidates) {
        bench.rows.push_back(candidate.row);
      }
      found[i] = decide(i, xs.norms[i], rule, bench);
    }
    bench.screened += count;
    bench.known += count - bench.numbers.size();
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      bench.numbers.push_back(i);
    }
  }
  for (std::size_t first = 0; first < bench.numbers.size(); first += room_rows) {
    const std::size_t some = std::min(room_rows, bench.numbers.size() - first);
    find_by_doubles(xs, std::span(bench.numbers).subspan(first, some), rule, room, bench, found);
  }
}

void BestRows::find_by_doubles(const ScaledVectors& xs, std::span<const std::size_t> numbers,
                               const Rule& rule, Room& room, Bench& bench,
                               std::span<std::size_t> found) const {
  const std::size_t d = rows_.cols();
  const std::size_t count = numbers.size();
  if (bench.scores.empty()) {
    bench.scores = Matrix(room_rows, std::min(rows_of_product, rows_.rows()));
    bench.best.resize(room_rows);
    bench.candidates.resize(room_rows);
  }
  for (std::size_t i = 0; i < count; ++i) {
    rule.read(numbers[i], {room.row(i), d});
    bench.best[i] = -std::numeric_limits<double>::infinity();
    bench.candidates[i].clear();
  }
  for (std::size_t first = 0; first < rows_.rows(); first += rows_of_product) {
    const std::size_t some = std::min(rows_of_product, rows_.rows() - first);
    const MatrixView<double> scores{bench.scores.data(), count, some, bench.scores.cols()};
    linalg::gemm(1.0, {room.data(), count, d, room.stride()}, linalg::Transpose::no,
                 rows_.middle_rows(first, some).widened(bench.widened), linalg::Transpose::yes, 0.0, scores);
    for (std::size_t i = 0; i < count; ++i) {
      const double reach = reach_of(scores_, xs.norms[numbers[i]]);
      for (std::size_t j = 0; j < some; ++j) {
        const double score = scores(i, j) + scores_.offsets[first + j];
        if (!(score < bench.best[i] - reach)) {
          bench.best[i] = std::max(bench.best[i], score);
          bench.candidates[i].emplace_back(score, first + j);
        }
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double norm = xs.norms[numbers[i]];
    const double least = bench.best[i] - reach_of(scores_, norm);
    bench.rows.clear();
    for (const auto& [score, row] : bench.candidates[i]) {
      if (!(score < least)) {
        bench.rows.push_back(row);
      }
    }
    found[numbers[i]] = decide(numbers[i], norm, rule, bench);
  }
}

// Among the candidates, which are in order.
std::size_t BestRows::decide(std::size_t i, double norm, const Rule& rule, Bench& bench) const {
  if (bench.rows.size() == 1) {
    return bench.rows[0];
  }
  bench.values.clear();
  double least = std::numeric_limits<double>::infinity();
  for (const std::size_t row : bench.rows) {
    bench.values.push_back(rule.value(i, row));
    least = std::min(least, bench.values.back());
  }
  for (std::size_t k = 0; k < bench.rows.size(); ++k) {
    const double value = bench.values[k];
    const double tie = scores_.tie > 0 && std::isfinite(value) ? tie_of(scores_, norm, value) : 0;
    if (value - tie <= least) {  // a NaN is not
      return bench.rows[k];
    }
  }
  return bench.rows[0];
}

}  // namespace collapscope::cpu
