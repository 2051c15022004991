// Selections as boxes, and whether they cover a shape.
#include "hdf5/boxes.hpp"

#include <gtest/gtest.h>

#include "hdf5/support.hpp"

namespace collapscope::hdf5 {

static bool operator==(const Box& a, const Box& b) { return a.first == b.first && a.last == b.last; }

}  // namespace collapscope::hdf5

namespace collapscope::testing {
namespace {

using hdf5::Box;
using hdf5::Cover;
using hdf5::cover_of;
using Boxes = std::vector<Box>;

Handle space_of(const Shape& shape) {
  return {must(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr)), H5Sclose};
}

void select(const Handle& space, H5S_seloper_t how, const Shape& start, const Shape& stride,
            const Shape& count, const Shape& block) {
  must(H5Sselect_hyperslab(space.get(), how, start.data(), stride.data(), count.data(), block.data()));
}

std::optional<Boxes> boxes(const Handle& space, std::uint64_t limit = 100) {
  return hdf5::selection_boxes(space.get(), {6, 4}, {"file", "object"}, limit);
}

TEST(SelectionBoxes, OfEverythingIsTheShape) {
  EXPECT_EQ(boxes(space_of({6, 4})), (Boxes{{{0, 0}, {5, 3}}}));
}

TEST(SelectionBoxes, MergeBlocksThatTouch) {
  const Handle space = space_of({6, 4});
  select(space, H5S_SELECT_SET, {1, 0}, {1, 2}, {3, 2}, {1, 2});
  EXPECT_EQ(boxes(space, 1), (Boxes{{{1, 0}, {3, 3}}}));
}

TEST(SelectionBoxes, KeepBlocksApart) {
  const Handle space = space_of({6, 4});
  select(space, H5S_SELECT_SET, {0, 1}, {3, 1}, {2, 2}, {2, 1});
  EXPECT_EQ(boxes(space), (Boxes{{{0, 1}, {1, 2}}, {{3, 1}, {4, 2}}}));
  EXPECT_EQ(boxes(space, 1), std::nullopt);
}

TEST(SelectionBoxes, OfIrregularHyperslabs) {
  const Handle space = space_of({6, 4});
  select(space, H5S_SELECT_SET, {0, 0}, {1, 1}, {1, 1}, {2, 2});
  select(space, H5S_SELECT_OR, {3, 1}, {1, 1}, {1, 1}, {1, 3});
  EXPECT_EQ(boxes(space), (Boxes{{{0, 0}, {1, 1}}, {{3, 1}, {3, 3}}}));
  EXPECT_EQ(boxes(space, 1), std::nullopt);
}

TEST(SelectionBoxes, OfPointsAreUnknown) {
  const Handle space = space_of({6, 4});
  const Shape point{1, 1};
  must(H5Sselect_elements(space.get(), H5S_SELECT_SET, 1, point.data()));
  EXPECT_EQ(boxes(space), std::nullopt);
}

TEST(CoverOf, TellsExactCoversFromOthers) {
  const Box top{{0, 0}, {2, 3}};
  const Box left{{3, 0}, {5, 1}};
  const Box right{{3, 2}, {5, 3}};
  EXPECT_EQ(cover_of({6, 4}, {right, top, left}), Cover::exact);
  EXPECT_EQ(cover_of({6, 4}, {top, left}), Cover::incomplete);
  EXPECT_EQ(cover_of({6, 4}, {top, left, right, left}), Cover::overlapping);
  EXPECT_EQ(cover_of({6, 4}, {top, left, left}), Cover::overlapping);  // as many elements as the shape
  EXPECT_EQ(cover_of({5, 4}, {top, left, right}), Cover::outside);
  EXPECT_EQ(cover_of({6, 4, 1}, {top, left, right}), Cover::outside);
  EXPECT_EQ(cover_of({6, 4}, {}), Cover::incomplete);
}

// As virtual datasets of features from many files have them.
TEST(CoverOf, ColumnsThatAllBeginAtTheFirstRow) {
  constexpr std::uint64_t columns = 50'000;
  Boxes boxes;
  for (std::uint64_t column = columns; column-- > 0;) {
    boxes.push_back({{0, column}, {9, column}});
  }
  EXPECT_EQ(cover_of({10, columns}, boxes), Cover::exact);
  boxes[3] = boxes[4];
  EXPECT_EQ(cover_of({10, columns}, boxes), Cover::overlapping);
  boxes.pop_back();
  boxes.erase(boxes.begin() + 3);
  EXPECT_EQ(cover_of({10, columns}, boxes), Cover::incomplete);
}

}  // namespace
}  // namespace collapscope::testing
