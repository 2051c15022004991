#include "hdf5/boxes.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "hdf5/chunks.hpp"

namespace collapscope::hdf5 {

namespace {

// A regular hyperslab: count[i] blocks of block[i] elements, stride[i] apart.
struct Pattern {
  explicit Pattern(std::size_t rank) : start(rank), stride(rank), count(rank), block(rank) {}
  std::vector<hsize_t> start;
  std::vector<hsize_t> stride;
  std::vector<hsize_t> count;
  std::vector<hsize_t> block;
};

std::size_t rank_of(hid_t space) {
  const int rank = H5Sget_simple_extent_ndims(space);
  return rank < 0 ? 0 : static_cast<std::size_t>(rank);
}

bool is_regular(hid_t space) {
  return H5Sget_select_type(space) == H5S_SEL_HYPERSLABS && H5Sis_regular_hyperslab(space) > 0;
}

Pattern regular_pattern(hid_t space) {
  Pattern pattern(rank_of(space));
  H5Sget_regular_hyperslab(space, pattern.start.data(), pattern.stride.data(), pattern.count.data(),
                           pattern.block.data());
  return pattern;
}

// Blocks that touch become one.
void merge_blocks(Pattern& pattern) {
  for (std::size_t i = 0; i < pattern.start.size(); ++i) {
    if (pattern.stride[i] == pattern.block[i]) {
      pattern.block[i] *= pattern.count[i];
      pattern.count[i] = 1;
    }
  }
}

std::vector<Box> boxes_of(const Pattern& pattern, std::uint64_t count) {
  const std::size_t rank = pattern.start.size();
  std::vector<Box> boxes;
  boxes.reserve(count);
  for (std::uint64_t k = 0; k < count; ++k) {
    Box box{std::vector<std::uint64_t>(rank), std::vector<std::uint64_t>(rank)};
    std::uint64_t rest = k;
    for (std::size_t i = rank; i-- > 0;) {
      box.first[i] = pattern.start[i] + (rest % pattern.count[i]) * pattern.stride[i];
      box.last[i] = box.first[i] + pattern.block[i] - 1;
      rest /= pattern.count[i];
    }
    boxes.push_back(std::move(box));
  }
  return boxes;
}

// Irregular hyperslabs, as HDF5 lists them: the first and the last corner of each block.
std::vector<Box> listed_boxes(hid_t space, std::uint64_t count, const Place& place) {
  const std::size_t rank = rank_of(space);
  std::vector<hsize_t> corners(2 * rank * count);
  check(H5Sget_select_hyper_blocklist(space, 0, count, corners.data()), place, "read the selection");
  std::vector<Box> boxes;
  for (auto corner = corners.begin(); corner != corners.end();) {
    const auto middle = corner + static_cast<std::ptrdiff_t>(rank);
    const auto end = middle + static_cast<std::ptrdiff_t>(rank);
    boxes.push_back({{corner, middle}, {middle, end}});
    corner = end;
  }
  return boxes;
}

Box whole(const std::vector<std::uint64_t>& shape) {
  Box box{std::vector<std::uint64_t>(shape.size(), 0), shape};
  std::for_each(box.last.begin(), box.last.end(), [](std::uint64_t& last) { --last; });
  return box;
}

std::uint64_t volume(const Box& box) {
  std::vector<std::uint64_t> extents;
  for (std::size_t i = 0; i < box.first.size(); ++i) {
    extents.push_back(box.last[i] - box.first[i] + 1);
  }
  return element_count(extents);
}

bool fits(const Box& box, const std::vector<std::uint64_t>& shape) {
  if (box.first.size() != shape.size()) {
    return false;
  }
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (box.first[i] > box.last[i] || box.last[i] >= shape[i]) {
      return false;
    }
  }
  return true;
}

bool overlap(const Box& a, const Box& b) {
  for (std::size_t i = 0; i < a.first.size(); ++i) {
    if (a.last[i] < b.first[i] || b.last[i] < a.first[i]) {
      return false;
    }
  }
  return true;
}

// Where most boxes begin at different places: the axis along which a sweep meets the fewest at a time.
std::size_t axis_of_most_beginnings(const std::vector<Box>& boxes) {
  std::size_t best = 0;
  std::size_t most = 0;
  for (std::size_t axis = 0; !boxes.empty() && axis < boxes.front().first.size(); ++axis) {
    std::set<std::uint64_t> beginnings;
    for (const Box& box : boxes) {
      beginnings.insert(box.first[axis]);
    }
    if (beginnings.size() > most) {
      most = beginnings.size();
      best = axis;
    }
  }
  return best;
}

// Sweeps along one axis, comparing only boxes that share a part of it.
bool any_overlap(std::vector<Box>& boxes) {
  const std::size_t axis = axis_of_most_beginnings(boxes);
  std::sort(boxes.begin(), boxes.end(),
            [&](const Box& a, const Box& b) { return a.first[axis] < b.first[axis]; });
  std::vector<const Box*> open;
  for (const Box& box : boxes) {
    std::erase_if(open, [&](const Box* earlier) { return earlier->last[axis] < box.first[axis]; });
    if (std::any_of(open.begin(), open.end(), [&](const Box* other) { return overlap(*other, box); })) {
      return true;
    }
    open.push_back(&box);
  }
  return false;
}

}  // namespace

bool is_unlimited(hid_t space) {
  if (!is_regular(space)) {
    return false;
  }
  const Pattern pattern = regular_pattern(space);
  const auto endless = [](const std::vector<hsize_t>& extents) {
    return std::find(extents.begin(), extents.end(), H5S_UNLIMITED) != extents.end();
  };
  return endless(pattern.count) || endless(pattern.block);
}

std::optional<std::vector<Box>> selection_boxes(hid_t space, const std::vector<std::uint64_t>& shape,
                                                const Place& place, std::uint64_t limit) {
  const H5S_sel_type kind = H5Sget_select_type(space);
  if (kind == H5S_SEL_ALL) {
    return std::vector<Box>{whole(shape)};  // HDF5 does not keep the extent of such a selection
  }
  if (is_regular(space)) {
    Pattern pattern = regular_pattern(space);
    merge_blocks(pattern);
    const std::uint64_t count = element_count({pattern.count.begin(), pattern.count.end()});
    return count > limit ? std::nullopt : std::optional(boxes_of(pattern, count));
  }
  if (kind != H5S_SEL_HYPERSLABS) {
    return std::nullopt;
  }
  const hssize_t count = check(H5Sget_select_hyper_nblocks(space), place, "read the selection");
  if (static_cast<std::uint64_t>(count) > limit) {
    return std::nullopt;
  }
  return listed_boxes(space, static_cast<std::uint64_t>(count), place);
}

Cover cover_of(const std::vector<std::uint64_t>& shape, std::vector<Box> boxes) {
  std::uint64_t covered = 0;
  for (const Box& box : boxes) {
    if (!fits(box, shape)) {
      return Cover::outside;
    }
    const std::uint64_t size = volume(box);
    if (covered > std::numeric_limits<std::uint64_t>::max() - size) {
      return Cover::overlapping;
    }
    covered += size;
  }
  if (any_overlap(boxes)) {
    return Cover::overlapping;
  }
  return covered == element_count(shape) ? Cover::exact : Cover::incomplete;
}

}  // namespace collapscope::hdf5
