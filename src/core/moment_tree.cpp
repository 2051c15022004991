#include "core/moment_tree.hpp"

namespace collapscope {

std::uint64_t segment_rows(std::uint64_t rows) {
  std::uint64_t segment = 65536;
  while ((rows + segment - 1) / segment > 64) {
    segment *= 2;
  }
  return segment;
}

void MomentTree::push(Moments segment) {
  int height = 0;
  while (!subtrees_.empty() && subtrees_.back().first == height) {
    Moments left = std::move(subtrees_.back().second);
    subtrees_.pop_back();
    merge(left, segment);
    segment = std::move(left);
    ++height;
  }
  subtrees_.emplace_back(height, std::move(segment));
}

Moments MomentTree::finish() {
  Moments whole;
  while (!subtrees_.empty()) {
    Moments left = std::move(subtrees_.back().second);
    subtrees_.pop_back();
    merge(left, whole);
    whole = std::move(left);
  }
  return whole;
}

}  // namespace collapscope
