#include "analysis/divide.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace collapscope {

std::vector<std::vector<Share>> divide(const std::vector<LayerCost>& layers, std::size_t ranks,
                                       double least_shared) {
  const double total =
      std::accumulate(layers.begin(), layers.end(), 0.0,
                      [](double sum, const LayerCost& layer) { return sum + layer.seconds; });
  const auto rank_at = [&](double seconds) {
    const double share = total > 0 ? seconds / total * static_cast<double>(ranks) : 0;
    return std::min(static_cast<std::size_t>(share), ranks - 1);
  };
  std::vector<std::vector<Share>> divided;
  double before = 0;
  for (const LayerCost& layer : layers) {
    std::vector<Share>& shares = divided.emplace_back();
    if (layer.segments < 2 || layer.seconds < least_shared) {
      shares.push_back({rank_at(before + layer.seconds / 2), {0, layer.segments}});
    } else {
      const double each = layer.seconds / static_cast<double>(layer.segments);
      for (std::uint64_t segment = 0; segment < layer.segments; ++segment) {
        const std::size_t rank = rank_at(before + (static_cast<double>(segment) + 0.5) * each);
        if (shares.empty() || shares.back().rank != rank) {
          shares.push_back({rank, {segment, segment}});
        }
        ++shares.back().segments.last;
      }
    }
    before += layer.seconds;
  }
  return divided;
}

}  // namespace collapscope
