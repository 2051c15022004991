#include "backend/segments.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include "backend/crew.hpp"

namespace collapscope {

namespace {

Crew crew_for(Backend& backend, std::size_t features, std::size_t most) {
  const auto workers = backend.segment_workers(features);
  const std::size_t count = std::min(workers.size(), most);
  return count < 2 ? Crew(backend) : Crew(workers.first(count));
}

// make(Backend&): a fold of one segment at a time.
template <class Value, class Make>
Value take_rows(Backend& backend, const Segments& segments, const Crew& crew, const Make& make,
                const AddRows& add) {
  std::vector<decltype(make(backend))> folds;
  for (std::size_t worker = 0; worker < crew.size(); ++worker) {
    folds.push_back(make(crew[worker]));
  }
  SegmentTree<Value> tree;
  crew.run(segments.count(), [&](std::size_t segment, std::size_t worker) {
    add(*folds[worker], segments.begin(segment), segments.end(segment));
    tree.put(segment, folds[worker]->finish());
  });
  return tree.finish();
}

}  // namespace

Segments segments_of_rows(const Backend& backend, std::uint64_t rows, std::size_t features) {
  const std::uint64_t tile = backend.tile_rows(features);
  return {rows, (backend.segment_rows(rows, features) + tile - 1) / tile * tile};
}

Moments fold_rows(Backend& backend, FoldSpec spec, std::uint64_t rows, const AddRows& add,
                  std::size_t most_workers) {
  const std::size_t features = spec.format.row_length();
  const Segments segments = segments_of_rows(backend, rows, features);
  spec.rows = segments.length;
  return take_rows<Moments>(
      backend, segments, crew_for(backend, features, most_workers),
      [&](Backend& worker) { return worker.make_fold(spec); }, add);
}

ResidualSums look_at_rows(Backend& backend, LookSpec spec, std::uint64_t rows, const AddRows& add) {
  const std::size_t features = spec.feature_mean.size();
  const Segments segments = segments_of_rows(backend, rows, features);
  spec.rows = segments.length;
  return take_rows<ResidualSums>(
      backend, segments, crew_for(backend, features, segments.count()),
      [&](Backend& worker) { return worker.make_look(spec); }, add);
}

}  // namespace collapscope
