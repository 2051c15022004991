#include "backend/segments.hpp"

#include <algorithm>

#include "backend/lanes.hpp"
#include "core/workers.hpp"

namespace collapscope {

namespace {

// make(is_lane): a fold.
template <class AnyLanes, class Make>
auto take_rows(Backend& backend, std::uint64_t rows, std::size_t features, std::size_t most_lanes,
               const Make& make, const AddRows& add) {
  const std::size_t count = std::min(backend.lanes(features), most_lanes);
  if (count <= 1) {
    const auto fold = make(false);
    add(*fold, 0, rows);
    return fold->finish();
  }
  AnyLanes lanes(count, [&] { return make(true); });
  const std::uint64_t segment = segment_rows(rows, features);
  Team(count).run((rows + segment - 1) / segment, [&](std::size_t number, std::size_t lane) {
    add(lanes[lane], number * segment, std::min((number + 1) * segment, rows));
    lanes.settle(lane, number);
  });
  return lanes.finish();
}

}  // namespace

Moments fold_rows(Backend& backend, FoldSpec spec, const AddRows& add, std::size_t most_lanes) {
  const auto make = [&](bool is_lane) {
    spec.is_lane = is_lane;
    return backend.make_fold(spec);
  };
  return take_rows<FoldLanes>(backend, spec.rows, spec.format.row_length(), most_lanes, make, add);
}

ResidualSums look_at_rows(Backend& backend, LookSpec spec, const AddRows& add) {
  const auto make = [&](bool is_lane) {
    spec.is_lane = is_lane;
    return backend.make_look(spec);
  };
  return take_rows<LookLanes>(backend, spec.rows, spec.feature_mean.size(),
                              backend.lanes(spec.feature_mean.size()), make, add);
}

}  // namespace collapscope
