#include "core/segments.hpp"

#include <algorithm>

#include "core/lanes.hpp"
#include "core/workers.hpp"

namespace collapscope {

namespace {

template <class AnyLanes>
auto fill(AnyLanes&& lanes, std::size_t count, std::uint64_t rows, std::uint64_t segment,
          const AddRows& add) {
  Team(count).run((rows + segment - 1) / segment, [&](std::size_t number, std::size_t lane) {
    add(lanes[lane], number * segment, std::min((number + 1) * segment, rows));
    lanes.settle(lane, number);
  });
  return lanes.finish();
}

}  // namespace

Moments fold_rows(Backend& backend, FoldSpec spec, const AddRows& add) {
  const std::size_t d = spec.format.row_length();
  const std::size_t lanes = backend.lanes(d);
  spec.is_lane = lanes > 1;
  const auto make = [&] { return backend.make_fold(spec); };
  if (lanes > 1) {
    return fill(FoldLanes(lanes, make), lanes, spec.rows, segment_rows(spec.rows, d), add);
  }
  const auto fold = make();
  add(*fold, 0, spec.rows);
  return fold->finish();
}

ResidualSums look_at_rows(Backend& backend, LookSpec spec, const AddRows& add) {
  const std::size_t d = spec.feature_mean.size();
  const std::size_t lanes = backend.lanes(d);
  spec.is_lane = lanes > 1;
  const auto make = [&] { return backend.make_look(spec); };
  if (lanes > 1) {
    return fill(LookLanes(lanes, make), lanes, spec.rows, segment_rows(spec.rows, d), add);
  }
  const auto look = make();
  add(*look, 0, spec.rows);
  return look->finish();
}

}  // namespace collapscope
