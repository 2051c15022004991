#include "gpu/split_fold.hpp"

#include <algorithm>

namespace collapscope::gpu {

namespace {

// Calls `work` for every part; of several parts with a bad sample, the first sample counts.
template <class Parts, class Work>
void for_all(Parts& parts, const Work& work) {
  std::optional<NonFiniteSample> offending;
  for (auto& part : parts) {
    try {
      work(*part);
    } catch (const NonFiniteSample& found) {
      offending = {std::min(found.sample, offending.value_or(found).sample)};
    }
  }
  if (offending) {
    throw NonFiniteSample{offending->sample};
  }
}

}  // namespace

void SplitMomentFold::add(const RawTile& tile, MatrixView<const double> targets) {
  parts_[next_++ % parts_.size()]->add(tile, targets);
}

void SplitMomentFold::settle() {
  for_all(parts_, [](MomentFold& part) { part.settle(); });
}

Moments SplitMomentFold::finish() {
  Moments whole;
  for_all(parts_, [&](MomentFold& part) { merge(whole, part.finish()); });
  return whole;
}

std::optional<ResidualSums> SplitMomentFold::look_again(const LookSpec& spec) {
  std::optional<ResidualSums> sums = ResidualSums{};
  for (auto& part : parts_) {
    const auto found = part->look_again(spec);
    if (!found) {
      return std::nullopt;
    }
    *sums += *found;
  }
  return sums;
}

void SplitResidualFold::add(const RawTile& tile, MatrixView<const double> targets) {
  parts_[next_++ % parts_.size()]->add(tile, targets);
}

void SplitResidualFold::settle() {
  for_all(parts_, [](ResidualFold& part) { part.settle(); });
}

ResidualSums SplitResidualFold::finish() {
  ResidualSums whole;
  for_all(parts_, [&](ResidualFold& part) { whole += part.finish(); });
  return whole;
}

}  // namespace collapscope::gpu
