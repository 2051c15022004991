#include "core/segment_tree.hpp"

namespace collapscope {

std::uint64_t segment_rows(std::uint64_t rows, std::size_t features) {
  constexpr std::size_t narrow = 1024;
  std::uint64_t segment = features <= narrow ? 16384 : 65536;
  while ((rows + segment - 1) / segment > 64) {
    segment *= 2;
  }
  return segment;
}

}  // namespace collapscope
