#include "cuda/small_tiles.hpp"

#include <algorithm>

namespace collapscope::test {

std::size_t SmallTiles::tile_rows(std::size_t features) const {
  return std::min(whole_.tile_rows(features), rows_);
}

std::uint64_t SmallTiles::segment_rows(std::uint64_t rows, std::size_t features) const {
  return std::min<std::uint64_t>(whole_.segment_rows(rows, features),
                                 tiles_of_segment_ * tile_rows(features));
}

Backend* SmallTiles::fallback() {
  Backend* const next = whole_.fallback();
  return next == nullptr ? nullptr : wrapped(*next);
}

std::span<Backend* const> SmallTiles::turn_workers() {
  if (turn_workers_.empty()) {
    for (Backend* const worker : whole_.turn_workers()) {
      turn_workers_.push_back(wrapped(*worker));
    }
  }
  return turn_workers_;
}

SmallTiles* SmallTiles::wrapped(Backend& other) {
  auto& wrapper = others_[&other];
  if (wrapper == nullptr) {
    wrapper = std::make_unique<SmallTiles>(other, rows_, tiles_of_segment_);
  }
  return wrapper.get();
}

}  // namespace collapscope::test
