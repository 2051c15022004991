// The segments of a layer's rows, and what they give, put together in one fixed binary tree: sums do not
// depend on who took which segment, or when.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

namespace collapscope {

// Rows of a segment, for a layer of `rows` rows of `features`: a power of two such that there are at most 64
// segments; at least 16,384, or 65,536 of wide rows, for which a segment's own sums are not small change.
[[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features);

// Items 0 to size - 1 of some kind, in segments of equal length but the last.
struct Segments {
  std::uint64_t size = 0;
  std::uint64_t length = 1;

  [[nodiscard]] std::uint64_t count() const { return (size + length - 1) / length; }
  [[nodiscard]] std::uint64_t begin(std::uint64_t number) const { return number * length; }
  [[nodiscard]] std::uint64_t end(std::uint64_t number) const {
    return std::min(size, (number + 1) * length);
  }
};

// Holds finished subtrees: when segments come about in order, log2(segments) + 1 values at a time. Value: its
// default is the identity of merge(Value& whole, const Value& part). Any number of threads may put.
template <class Value>
class SegmentTree {
 public:
  // Segment `number`, each once, in any order.
  void put(std::uint64_t number, Value segment) {
    for (int height = 0;; ++height) {
      const std::uint64_t size = std::uint64_t{1} << static_cast<unsigned>(height);
      const bool is_right = (number & size) != 0;
      Value other;
      {
        const std::lock_guard lock(mutex_);
        const auto sibling = subtrees_.find({is_right ? number - size : number + size, height});
        if (sibling == subtrees_.end()) {
          subtrees_.emplace(Place{number, height}, std::move(segment));
          return;
        }
        other = std::move(sibling->second);
        subtrees_.erase(sibling);
      }
      if (is_right) {
        std::swap(other, segment);
        number -= size;
      }
      merge(segment, other);
    }
  }

  // The merge of all segments; the identity when there was none. The tree is then empty.
  [[nodiscard]] Value finish() {
    Value whole;
    while (!subtrees_.empty()) {
      const auto last = std::prev(subtrees_.end());
      Value left = std::move(last->second);
      subtrees_.erase(last);
      merge(left, whole);
      whole = std::move(left);
    }
    return whole;
  }

 private:
  using Place = std::pair<std::uint64_t, int>;  // first segment, height
  std::mutex mutex_;
  std::map<Place, Value> subtrees_;
};

}  // namespace collapscope
