#include "cuda/moment_classes.hpp"

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"

namespace collapscope::cuda {

namespace {

// Some rows of [., cols], of which the first d numbers are wanted.
Matrix picked_rows(const std::vector<double>& all, const std::vector<std::size_t>& picks, std::size_t cols,
                   std::size_t d) {
  Matrix out(picks.size(), d);
  for (std::size_t i = 0; i < picks.size(); ++i) {
    std::copy_n(all.data() + picks[i] * cols, d, out.view().row(i).data());
  }
  return out;
}

}  // namespace

MomentClasses::MomentClasses(const Device& device, const FoldSpec& spec, std::size_t part_rows)
    : d_(spec.format.row_length()),
      plain_(device, spec.classes, d_ + 1, part_rows),
      unit_(device, spec.unit_classes ? spec.classes : 0, d_, part_rows),
      counts_(spec.classes, 0.0),
      counting_(spec.classes, 0) {}

void MomentClasses::begin(const Device& device) {
  plain_.clear(device);
  unit_.clear(device);
}

std::vector<MomentClasses::Count> MomentClasses::counted(MatrixView<const double> numbers) {
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    if (!(numbers(i, 0) >= 0 && numbers(i, 0) < static_cast<double>(counting_.size()))) {
      throw UsageError("MomentFold::add: a row's target is the number of no class");
    }
  }
  std::vector<Count> counts;
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    ++counting_[static_cast<std::size_t>(numbers(i, 0))];
  }
  for (std::size_t i = 0; i < numbers.rows(); ++i) {
    const auto number = static_cast<std::uint32_t>(numbers(i, 0));
    if (const std::uint32_t rows = std::exchange(counting_[number], 0); rows > 0) {
      counts.push_back({number, rows});
    }
  }
  return counts;
}

void MomentClasses::count(const std::vector<Count>& counts) {
  for (const Count& count : counts) {
    counts_[count.number] += count.rows;
  }
}

void MomentClasses::add(const Device& device, const kernels::ClassRuns& runs, const DeviceMatrix& x,
                        const Column& squares, const double* mean, const DeviceMatrix& unit) {
  plain_.add(device, runs, x, squares.data, squares.stride, mean);
  if (unit_.size() > 0) {
    unit_.add(device, runs, unit, nullptr, 0, nullptr);
  }
}

ClassSums MomentClasses::finish(const Device& device, const PinnedBuffer<double>& staging,
                                std::span<const double> pilot) {
  std::vector<double> plain(plain_.size());
  std::vector<double> unit(unit_.size());
  bring_down(device, staging,
             {{plain.data(), plain_.data(), plain.size()}, {unit.data(), unit_.data(), unit.size()}});
  ClassSums found;
  std::vector<std::size_t> seen;
  for (std::size_t c = 0; c < counts_.size(); ++c) {
    if (const double count = std::exchange(counts_[c], 0.0); count > 0) {
      seen.push_back(c);
      found.numbers.push_back(static_cast<double>(c));
      found.counts.push_back(count);
      found.squares.push_back(plain[c * (d_ + 1) + d_]);
    }
  }
  found.pilot.assign(pilot.begin(), pilot.end());
  found.sums = picked_rows(plain, seen, d_ + 1, d_);
  if (!unit.empty()) {
    found.unit_pilot.assign(d_, 0.0);
    found.unit_sums = picked_rows(unit, seen, d_, d_);
  }
  return found;
}

}  // namespace collapscope::cuda
