#include "core/segments.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "core/moment_tree.hpp"
#include "core/workers.hpp"
#include "linalg/blas.hpp"

namespace collapscope {

namespace {

// take(segment, its sums): called by one thread at a time.
template <class Make, class Take>
void in_lanes(std::size_t lanes, std::uint64_t rows, std::uint64_t segment, const Make& make,
              const AddRows& add, const Take& take) {
  std::vector<decltype(make())> folds(lanes);
  std::generate(folds.begin(), folds.end(), make);
  std::mutex taking;
  const linalg::SingleThread each_lane_alone;
  Team(lanes).run((rows + segment - 1) / segment, [&](std::size_t number, std::size_t lane) {
    add(*folds[lane], number * segment, std::min((number + 1) * segment, rows));
    auto sums = folds[lane]->finish();
    const std::lock_guard lock(taking);
    take(number, std::move(sums));
  });
}

}  // namespace

Moments fold_rows(Backend& backend, FoldSpec spec, const AddRows& add) {
  const std::size_t d = spec.format.row_length();
  const std::size_t lanes = backend.lanes(d);
  if (lanes == 1) {
    const auto fold = backend.make_fold(spec);
    add(*fold, 0, spec.rows);
    return fold->finish();
  }
  spec.is_lane = true;
  MomentTree tree;
  in_lanes(
      lanes, spec.rows, segment_rows(spec.rows, d), [&] { return backend.make_fold(spec); }, add,
      [&](std::uint64_t number, Moments part) { tree.put(number, std::move(part)); });
  return tree.finish();
}

ResidualSums look_at_rows(Backend& backend, LookSpec spec, const AddRows& add) {
  const std::size_t d = spec.feature_mean.size();
  const std::size_t lanes = backend.lanes(d);
  if (lanes == 1) {
    const auto look = backend.make_look(spec);
    add(*look, 0, spec.rows);
    return look->finish();
  }
  spec.is_lane = true;
  std::map<std::uint64_t, ResidualSums> parts;
  in_lanes(
      lanes, spec.rows, segment_rows(spec.rows, d), [&] { return backend.make_look(spec); }, add,
      [&](std::uint64_t number, const ResidualSums& part) { parts.emplace(number, part); });
  ResidualSums whole;
  for (const auto& [number, part] : parts) {
    whole += part;
  }
  return whole;
}

}  // namespace collapscope
