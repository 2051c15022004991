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
      watched(part.lost, [&] { work(*part.fold); });
    } catch (const NonFiniteSample& found) {
      offending = {std::min(found.sample, offending.value_or(found).sample)};
    }
  }
  if (offending) {
    throw NonFiniteSample{offending->sample};
  }
}

template <class Part>
void add_to(FoldOnGpu<Part>& part, const RawTile& tile, MatrixView<const double> targets) {
  watched(part.lost, [&] { part.fold->add(tile, targets); });
}

}  // namespace

void SplitMomentFold::add(const RawTile& tile, MatrixView<const double> targets) {
  add_to(parts_[next_++ % parts_.size()], tile, targets);
}

void SplitMomentFold::settle() {
  for_all(parts_, [](MomentFold& part) { part.settle(); });
}

Moments SplitMomentFold::finish() {
  if (parts_.size() == 1) {
    return watched(parts_.front().lost, [&] { return parts_.front().fold->finish(); });
  }
  Moments whole;
  for_all(parts_, [&](MomentFold& part) { merge(whole, part.finish()); });
  return whole;
}

std::optional<ResidualSums> SplitMomentFold::look_again(const LookSpec& spec) {
  std::optional<ResidualSums> sums = ResidualSums{};
  for (auto& part : parts_) {
    const auto found = watched(part.lost, [&] { return part.fold->look_again(spec); });
    if (!found) {
      return std::nullopt;
    }
    *sums += *found;
  }
  return sums;
}

void SplitResidualFold::add(const RawTile& tile, MatrixView<const double> targets) {
  add_to(parts_[next_++ % parts_.size()], tile, targets);
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
