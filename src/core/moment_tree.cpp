#include "core/moment_tree.hpp"

#include <iterator>

namespace collapscope {

std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) {
  constexpr std::size_t narrow = 1024;
  std::uint64_t segment = features <= narrow ? 16384 : 65536;
  while ((rows + segment - 1) / segment > 64) {
    segment *= 2;
  }
  return segment;
}

void MomentTree::put(std::uint64_t number, Moments segment) {
  for (int height = 0;; ++height) {
    const std::uint64_t size = std::uint64_t{1} << static_cast<unsigned>(height);
    const bool is_right = (number & size) != 0;
    const auto sibling = subtrees_.find({is_right ? number - size : number + size, height});
    if (sibling == subtrees_.end()) {
      subtrees_.emplace(Place{number, height}, std::move(segment));
      return;
    }
    Moments other = std::move(sibling->second);
    subtrees_.erase(sibling);
    if (is_right) {
      std::swap(other, segment);
      number -= size;
    }
    merge(segment, other);
  }
}

Moments MomentTree::finish() {
  Moments whole;
  while (!subtrees_.empty()) {
    const auto last = std::prev(subtrees_.end());
    Moments left = std::move(last->second);
    subtrees_.erase(last);
    merge(left, whole);
    whole = std::move(left);
  }
  return whole;
}

}  // namespace collapscope
