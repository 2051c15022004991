#include "collapscope/core/classes.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

// to [., d] at `row` += from's row `part_row`, whose sums of `count` rows are about a pilot that is `step`
// farther.
void add_row(Matrix& to, std::size_t row, const Matrix& from, std::size_t part_row, double count,
             const std::vector<double>& step) {
  const auto target = to.view().row(row);
  const auto source = from.view().row(part_row);
  for (std::size_t j = 0; j < target.size(); ++j) {
    target[j] += source[j] + count * step[j];
  }
}

std::vector<double> step_between(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out(a.size());
  std::transform(a.begin(), a.end(), b.begin(), out.begin(), [](double x, double y) { return x - y; });
  return out;
}

Matrix spread(const Matrix& rows, const std::vector<std::size_t>& places, std::size_t count) {
  Matrix out(count, rows.cols());
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    std::copy_n(rows.view().row(i).data(), rows.cols(), out.view().row(places[i]).data());
  }
  return out;
}

std::vector<double> spread(const std::vector<double>& values, const std::vector<std::size_t>& places,
                           std::size_t count) {
  std::vector<double> out(count, 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[places[i]] = values[i];
  }
  return out;
}

// Where each of `some` is among `all`, both ascending.
std::vector<std::size_t> places_among(const std::vector<double>& all, const std::vector<double>& some) {
  std::vector<std::size_t> places;
  places.reserve(some.size());
  std::size_t at = 0;
  for (const double number : some) {
    while (all[at] != number) {
      ++at;
    }
    places.push_back(at);
  }
  return places;
}

void make_room_for(ClassSums& whole, const std::vector<double>& numbers) {
  if (std::includes(whole.numbers.begin(), whole.numbers.end(), numbers.begin(), numbers.end())) {
    return;
  }
  std::vector<double> all;
  std::set_union(whole.numbers.begin(), whole.numbers.end(), numbers.begin(), numbers.end(),
                 std::back_inserter(all));
  const std::vector<std::size_t> places = places_among(all, whole.numbers);
  whole.counts = spread(whole.counts, places, all.size());
  whole.squares = spread(whole.squares, places, all.size());
  whole.sums = spread(whole.sums, places, all.size());
  if (whole.has_unit()) {
    whole.unit_sums = spread(whole.unit_sums, places, all.size());
  }
  whole.numbers = std::move(all);
}

}  // namespace

bool is_consistent(const ClassSums& sums, std::size_t features) {
  const std::size_t classes = sums.size();
  const auto is = [&](const Matrix& a) { return a.rows() == classes && a.cols() == features; };
  return sums.empty() || (std::ranges::is_sorted(sums.numbers) && sums.counts.size() == classes &&
                          sums.squares.size() == classes && sums.pilot.size() == features && is(sums.sums) &&
                          (!sums.has_unit() || (sums.unit_pilot.size() == features && is(sums.unit_sums))));
}

void merge(ClassSums& whole, const ClassSums& part) {
  if (part.empty()) {
    return;
  }
  if (whole.empty()) {
    whole = part;
    return;
  }
  if (whole.pilot.size() != part.pilot.size()) {
    throw UsageError("sums of classes of other features cannot be merged");
  }
  if (whole.has_unit() != part.has_unit()) {
    throw UsageError("sums of classes with sums of normalized rows cannot be merged with others without");
  }
  if (!is_consistent(whole, whole.pilot.size()) || !is_consistent(part, part.pilot.size())) {
    throw UsageError("sums of classes of other sizes than their classes and features give cannot be merged");
  }
  make_room_for(whole, part.numbers);
  const std::vector<std::size_t> places = places_among(whole.numbers, part.numbers);
  const std::vector<double> step = step_between(part.pilot, whole.pilot);
  const std::vector<double> unit_step = step_between(part.unit_pilot, whole.unit_pilot);
  double step_square = 0;
  for (const double x : step) {
    step_square += x * x;
  }
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::size_t at = places[i];
    const double count = part.counts[i];
    const auto sums = part.sums.view().row(i);
    double along = 0;
    for (std::size_t j = 0; j < step.size(); ++j) {
      along += sums[j] * step[j];
    }
    whole.squares[at] += part.squares[i] + 2 * along + count * step_square;
    whole.counts[at] += count;
    add_row(whole.sums, at, part.sums, i, count, step);
    if (whole.has_unit()) {
      add_row(whole.unit_sums, at, part.unit_sums, i, count, unit_step);
    }
  }
}

}  // namespace collapscope
