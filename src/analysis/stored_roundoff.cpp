#include "analysis/stored_roundoff.hpp"

#include <algorithm>
#include <cmath>

namespace collapscope {

double stored_roundoff(const std::vector<const DatasetIndex*>& shards, std::size_t features,
                       double mean_square) {
  double most = 0;
  for (const DatasetIndex* shard : shards) {
    const double type = shard->element.unit_roundoff();
    const double relative = shard->loss.relative;
    const double half_step = shard->loss.step / 2;
    const double of_step =
        mean_square > 0 ? half_step * half_step * static_cast<double>(features) / mean_square : 0;
    most = std::max(most, type * type + relative * relative + of_step);
  }
  return std::sqrt(most);
}

}  // namespace collapscope
