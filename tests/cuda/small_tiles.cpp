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
  if (next == nullptr) {
    return nullptr;
  }
  auto& wrapped = fallbacks_[next];
  if (wrapped == nullptr) {
    wrapped = std::make_unique<SmallTiles>(*next, rows_, tiles_of_segment_);
  }
  return wrapped.get();
}

}  // namespace collapscope::test
