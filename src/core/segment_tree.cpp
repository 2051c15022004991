#include "core/segment_tree.hpp"

namespace collapscope {

std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) {
  constexpr std::size_t narrow = 1024;
  constexpr std::uint64_t most_rows = std::uint64_t{1} << 20U;
  constexpr std::uint64_t most_products = std::uint64_t{1} << 42U;
  std::uint64_t segment = features <= narrow ? 16384 : 65536;
  const auto may_double = [&] {
    return 2 * segment <= most_rows && 2 * segment * features <= most_products / features;
  };
  while ((rows + segment - 1) / segment > 64 && may_double()) {
    segment *= 2;
  }
  return segment;
}

std::vector<SegmentRange> outside(const SegmentRange& range, const std::vector<Subtree>& done) {
  std::vector<SegmentRange> found;
  std::uint64_t next = range.first;
  for (const Subtree& subtree : done) {
    const SegmentRange taken = subtree.segments();
    if (taken.first >= range.last) {
      break;
    }
    if (taken.first > next) {
      found.push_back({next, taken.first});
    }
    next = std::max(next, taken.last);
  }
  if (next < range.last) {
    found.push_back({next, range.last});
  }
  return found;
}

}  // namespace collapscope
