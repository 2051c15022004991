#include "cpu/float_screen.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "linalg/blas.hpp"

namespace collapscope::cpu {

namespace {

constexpr std::size_t rows_at_once = 256;
// Numbers of rows that are kept as floats; of larger matrices floats are made again and again.
constexpr std::size_t kept_numbers = std::size_t{1} << 20U;
// Scores that are looked at one after another only where one of them is near the best.
constexpr std::size_t run_length = 64;
constexpr float infinity = std::numeric_limits<float>::infinity();

// A power of two that brings a number > 0 of at most so many binary digits more or less than 1 into [1/2, 1);
// else 0.
double scale_within(double number, int digits) {
  if (!(number > 0) || !std::isfinite(number)) {
    return 0;
  }
  int exponent = 0;
  (void)std::frexp(number, &exponent);
  return std::abs(exponent) <= digits ? std::ldexp(1.0, -exponent) : 0;
}

// Norms of vectors and rows; offsets are products of two. So products of all scales are finite, or 0 where
// what is lost is nothing.
constexpr int digits_of_norm = 300;
constexpr double largest_factor = 0x1p60;

// Adds the offsets; the largest sum.
float add_offsets(std::span<float> scores, const float* offsets, float factor) {
  std::array<float, run_length> top;
  top.fill(-infinity);
  std::size_t j = 0;
  for (; j + run_length <= scores.size(); j += run_length) {
    for (std::size_t k = 0; k < run_length; ++k) {
      const float score = scores[j + k] + factor * offsets[j + k];
      scores[j + k] = score;
      top[k] = top[k] < score ? score : top[k];
    }
  }
  for (; j < scores.size(); ++j) {
    scores[j] += factor * offsets[j];
    top[0] = std::max(top[0], scores[j]);
  }
  return *std::ranges::max_element(top);
}

bool any_from(std::span<const float> scores, float least) {
  unsigned any = 0;
  for (const float score : scores) {
    any |= static_cast<unsigned>(score >= least);
  }
  return any != 0;
}

}  // namespace

double scale_of_norm(double norm) { return norm == 0 ? 1 : scale_within(norm, digits_of_norm); }

FloatScreen::FloatScreen(const StoredRows& rows, const ClassScores& scores)
    : rows_(rows),
      scores_(scores),
      scale_(scale_within(scores.longest, digits_of_norm)),
      // The exact rule for so many costs about as much as products in float64 do.
      most_candidates_(std::min<std::size_t>(4 + rows.rows() / 32, 64)) {
  double largest = 0;
  for (const double offset : scores.offsets) {
    largest = std::abs(offset) <= largest ? largest : std::abs(offset);  // a NaN stays
  }
  if (largest != 0) {
    offset_scale_ = scale_within(largest, 2 * digits_of_norm);
  }
  for (const double offset : scores.offsets) {
    offsets_.push_back(static_cast<float>(offset * offset_scale_));
  }
}

void FloatScreen::begin(const ScaledVectors& xs, std::size_t i, Found& found) const {
  const double scale = xs.scales[i];
  found.candidates.clear();
  found.crowded = false;
  found.known = scale > 0 && scale_ > 0 && offset_scale_ > 0;
  if (!found.known) {
    return;
  }
  // Of what is at most 1 when scaled: products, and offsets without their factor.
  const double factor = scale_ * scale / offset_scale_;
  const double product = scores_.longest * scale_ * (xs.norms[i] * scale);
  const double of_products =
      linalg::product_rounding(rows_.cols()) * product + linalg::least_square(rows_.cols());
  const double of_sums = 4.0 * std::numeric_limits<float>::epsilon() * (product + factor);
  const double reach = 2 * of_products + 4 * of_sums + reach_of(scores_, xs.norms[i]) * scale_ * scale;
  found.known = factor <= largest_factor && reach <= largest_factor;
  found.factor = static_cast<float>(factor);
  found.reach = static_cast<float>(reach);
  found.best = -infinity;
}

MatrixView<const float> FloatScreen::block(std::size_t first, std::size_t count, Bench& bench) const {
  const bool keeps_all = rows_.rows() * rows_.cols() <= kept_numbers;
  const bool is_new = bench.block.empty();
  if (is_new) {
    const std::size_t most = keeps_all ? rows_.rows() : std::min(rows_at_once, rows_.rows());
    bench.block.emplace_back(most, rows_.cols());
  }
  linalg::FloatRows& block = bench.block[0];
  if (keeps_all) {
    return (is_new ? block.fill(rows_, scale_) : block.rows(rows_.rows())).middle_rows(first, count);
  }
  return block.fill(rows_.middle_rows(first, count), scale_);
}

void FloatScreen::find(const ScaledVectors& xs, Bench& bench) const {
  const std::size_t count = xs.numbers.rows();
  bench.found.resize(std::max(bench.found.size(), count));
  bool any = false;
  for (std::size_t i = 0; i < count; ++i) {
    begin(xs, i, bench.found[i]);
    any = any || bench.found[i].known;
  }
  const std::size_t across = std::min(rows_at_once, rows_.rows());
  bench.scores.resize(std::max(bench.scores.size(), count * across));
  for (std::size_t first = 0; any && first < rows_.rows(); first += across) {
    const std::size_t some = std::min(across, rows_.rows() - first);
    const MatrixView<float> scores{bench.scores.data(), count, some, across};
    linalg::product_of_rows(xs.numbers, block(first, some, bench), scores);
    for (std::size_t i = 0; i < count; ++i) {
      if (bench.found[i].known) {
        look_at(scores.row(i), first, bench.found[i]);
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    bench.found[i].known = bench.found[i].known && !bench.found[i].crowded;
  }
}

void FloatScreen::look_at(std::span<float> scores, std::size_t first, Found& found) const {
  const float top = add_offsets(scores, offsets_.data() + first, found.factor);
  if (top > found.best) {
    found.crowded = found.crowded && found.best >= top - found.reach;
    found.best = top;
    std::erase_if(found.candidates,
                  [&](const Candidate& candidate) { return candidate.score < top - found.reach; });
  }
  const float least = found.best - found.reach;
  for (std::size_t j = 0; j < scores.size() && top >= least && !found.crowded; j += run_length) {
    const std::span<const float> run = scores.subspan(j, std::min(run_length, scores.size() - j));
    if (!any_from(run, least)) {
      continue;
    }
    for (std::size_t k = 0; k < run.size(); ++k) {
      if (run[k] >= least) {
        found.candidates.push_back({run[k], first + j + k});
      }
    }
    found.crowded = found.candidates.size() > most_candidates_;
  }
}

}  // namespace collapscope::cpu
