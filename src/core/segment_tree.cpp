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

std::uint64_t segment_rows_with_classes(std::uint64_t least, std::uint64_t rows, std::size_t features,
                                        std::uint64_t classes) {
  constexpr std::uint64_t rows_of_class = 16;
  constexpr double room = 1U << 30U;
  const double table = 16 * static_cast<double>(classes) * static_cast<double>(features);
  std::uint64_t segment = least;
  const auto fits = [&] {
    double tables = 1;
    for (std::uint64_t held = segment; held < rows; held *= 2) {
      tables += 1;
    }
    return segment >= rows_of_class * classes && tables * table <= room;
  };
  while (segment < rows && !fits()) {
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
