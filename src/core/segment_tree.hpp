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
#include <vector>

#include "collapscope/core/segments.hpp"

namespace collapscope {

// Rows of a segment, for a layer of `rows` rows of `features`: a power of two, at least 16,384, or 65,536 of
// wide rows, for which a segment's own sums are not small change. At most 64 segments, unless they would hold
// more than a worker should lose when it is interrupted: 2^20 rows, or 2^42 products.
[[nodiscard]] std::uint64_t segment_rows(std::uint64_t rows, std::size_t features);

// The same of a layer whose rows have K classes, where more than `least`, what it has without: 16 rows for
// each class, so that their sums [K, d] stay small beside the rows; and so few segments that the sums of the
// tree's levels, of rows and of normalized rows, fit into 1 GiB. With many classes that is one segment.
[[nodiscard]] std::uint64_t segment_rows_with_classes(std::uint64_t least, std::uint64_t rows,
                                                      std::size_t features, std::uint64_t classes);

// What of `range` lies outside of `done`, in order. done: ranges in order, none in another.
[[nodiscard]] std::vector<SegmentRange> outside(const SegmentRange& range, const std::vector<Subtree>& done);

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
  void put(std::uint64_t number, Value segment) { put(Subtree{number, 0}, std::move(segment)); }

  // A subtree that another tree over the same segments held.
  void put(Subtree place, Value value) {
    while (true) {
      const std::uint64_t size = place.segments().size();
      const bool is_right = (place.first & size) != 0;
      Value other;
      {
        const std::lock_guard lock(mutex_);
        const auto sibling =
            subtrees_.find({is_right ? place.first - size : place.first + size, place.height});
        if (sibling == subtrees_.end()) {
          subtrees_.emplace(place, std::move(value));
          return;
        }
        other = std::move(sibling->second);
        subtrees_.erase(sibling);
      }
      if (is_right) {
        std::swap(other, value);
        place.first -= size;
      }
      merge(value, other);
      ++place.height;
    }
  }

  // The merge of all segments; the identity when there was none. The tree is then empty.
  [[nodiscard]] Value finish() {
    const std::lock_guard lock(mutex_);
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

  // What it holds, in order. The tree is then empty.
  [[nodiscard]] std::map<Subtree, Value> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(subtrees_, {});
  }

  // Calls read(const std::map<Subtree, Value>&) while nothing is put. What a thread merges at this moment is
  // not in it.
  template <class Read>
  auto read(const Read& read) const {
    const std::lock_guard lock(mutex_);
    return read(subtrees_);
  }

  [[nodiscard]] std::vector<Subtree> places() const {
    return read([](const auto& subtrees) {
      std::vector<Subtree> found;
      for (const auto& [place, value] : subtrees) {
        found.push_back(place);
      }
      return found;
    });
  }

 private:
  mutable std::mutex mutex_;
  std::map<Subtree, Value> subtrees_;
};

}  // namespace collapscope
