#include "cpu/best_rows.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t rows_at_once = 512;

}  // namespace

void BestRows::find(const Room& xs, std::size_t count, std::span<const double> norms,
                    const IsBetter& is_better, Bench& bench, std::span<std::size_t> found) const {
  const std::size_t d = rows_.cols();
  if (bench.scores.empty()) {
    bench.scores = Matrix(count, std::min(rows_at_once, rows_.rows()));
  }
  if (bench.scores.rows() < count) {
    bench.scores = Matrix(count, bench.scores.cols());
  }
  bench.best.assign(count, -std::numeric_limits<double>::infinity());
  bench.candidates.resize(std::max(bench.candidates.size(), count));
  for (std::size_t i = 0; i < count; ++i) {
    bench.candidates[i].clear();
  }
  for (std::size_t first = 0; first < rows_.rows(); first += rows_at_once) {
    const std::size_t some = std::min(rows_at_once, rows_.rows() - first);
    const MatrixView<double> scores{bench.scores.data(), count, some, bench.scores.cols()};
    linalg::gemm(1.0, {xs.data(), count, d, xs.stride()}, linalg::Transpose::no,
                 rows_.view().middle_rows(first, some), linalg::Transpose::yes, 0.0, scores);
    for (std::size_t i = 0; i < count; ++i) {
      const double reach = slack_of(scores_, norms[i]);
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
    const double least = bench.best[i] - slack_of(scores_, norms[i]);
    bool first = true;
    for (const auto& [score, row] : bench.candidates[i]) {
      if (!(score < least) && (first || is_better(i, row, found[i]))) {
        found[i] = row;
        first = false;
      }
    }
  }
}

}  // namespace collapscope::cpu
