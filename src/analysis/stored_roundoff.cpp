#include "analysis/stored_roundoff.hpp"

#include <algorithm>
#include <cmath>

namespace collapscope {

namespace {

// Between neighbours below the smallest normal number, of types in which features can be as small.
double subnormal_step(ElementType element) { return element.kind == ElementKind::float16 ? 0x1p-24 : 0; }

}  // namespace

double stored_roundoff(const std::vector<const DatasetIndex*>& shards, std::size_t features,
                       double mean_square) {
  double most = 0;
  for (const DatasetIndex* shard : shards) {
    const double type = shard->element.unit_roundoff();
    const double relative = shard->loss.relative;
    const auto of_step = [&](double step) {
      return mean_square > 0 ? step * step / 4 * static_cast<double>(features) / mean_square : 0;
    };
    const double subnormal = of_step(subnormal_step(shard->element));
    most = std::max(most, type * type + relative * relative + of_step(shard->loss.step) +
                              (subnormal > 1e-3 * type * type ? subnormal : 0));
  }
  return std::sqrt(most);
}

}  // namespace collapscope
