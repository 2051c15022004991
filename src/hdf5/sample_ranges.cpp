#include "hdf5/sample_ranges.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "hdf5/boxes.hpp"

namespace collapscope::hdf5 {

namespace {

struct Samples {
  std::uint64_t first;
  std::uint64_t count;
};

// The samples of a selection; nullopt when it has parts of some, or several ranges.
std::optional<Samples> whole_samples(hid_t space, const std::vector<std::uint64_t>& shape,
                                     const Place& place) {
  const auto boxes = selection_boxes(space, shape, place, 1);
  if (shape.empty() || !boxes || boxes->size() != 1 || boxes->front().first.size() != shape.size()) {
    return std::nullopt;
  }
  const Box& box = boxes->front();
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    if (box.first[axis] != 0 || box.last[axis] + 1 != shape[axis]) {
      return std::nullopt;
    }
  }
  return Samples{box.first[0], box.last[0] - box.first[0] + 1};
}

}  // namespace

void SampleRanges::add(hid_t target, hid_t source, const DatasetIndex& dataset, const Place& place) {
  const auto to = whole_samples(target, index_.shape, place);
  const auto from = whole_samples(source, dataset.shape, place);
  const bool alike = dataset.element == index_.element && dataset.shape.size() == index_.shape.size() &&
                     std::equal(dataset.shape.begin() + 1, dataset.shape.end(), index_.shape.begin() + 1);
  if (!to || !from || !alike || to->count != from->count || !found_) {
    found_.reset();
    return;
  }
  SampleRange range{to->first, to->count, source_number(dataset), from->first};
  std::vector<SampleRange>& ranges = found_->ranges;
  const bool goes_on = !ranges.empty() && ranges.back().source == range.source &&
                       ranges.back().first + ranges.back().count == range.first &&
                       ranges.back().source_first + ranges.back().count == range.source_first;
  if (goes_on) {
    ranges.back().count += range.count;
  } else {
    ranges.push_back(range);
  }
}

std::shared_ptr<const VirtualSamples> SampleRanges::take() {
  if (!found_) {
    return nullptr;
  }
  std::ranges::sort(found_->ranges, {}, &SampleRange::first);
  return std::make_shared<const VirtualSamples>(*std::move(found_));
}

std::size_t SampleRanges::source_number(const DatasetIndex& dataset) {
  const auto [known, fresh] = numbers_.try_emplace(dataset.file + '\n' + dataset.object, numbers_.size());
  if (fresh) {
    found_->sources.push_back(dataset);
    // The virtual dataset has them, and names its own row.
    found_->sources.back().missing.clear();
    found_->sources.back().fills.clear();
  }
  return known->second;
}

}  // namespace collapscope::hdf5
