// A layer's rows through the backend or those who stand in for it: folded, and looked at again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "analysis/tile_stream.hpp"
#include "backend/crew.hpp"
#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

class LayerPasses {
 public:
  LayerPasses(const std::vector<LayerIndex>& shards, TargetRows& targets, const LayerPlan& plan,
              Precision precision, Backend& backend, const TileStream::ReadListener& listener);

  // Each at most once, the fold first; targets: n. Throw InputError, for NaN and Inf with the first such row.
  [[nodiscard]] Moments fold(std::size_t targets);
  [[nodiscard]] ResidualSums look(LookSpec spec);

 private:
  template <class Work>
  auto guarded(const Work& work);
  [[nodiscard]] Crew crew();
  template <class Value, class AnyFold>
  Value through(const Crew& crew, const std::vector<std::unique_ptr<AnyFold>>& folds,
                std::vector<std::vector<std::uint64_t>>& segments);
  [[nodiscard]] std::optional<ResidualSums> look_at_kept(const LookSpec& spec);

  std::vector<DatasetIndex> shards_;
  const LayerPlan& plan_;
  Precision precision_;
  Backend& backend_;
  TileStream stream_;
  // While they may be asked to look again: the folds of the workers, and the segments that each has finished.
  std::optional<Crew> folders_;
  std::vector<std::unique_ptr<MomentFold>> folds_;
  std::vector<std::vector<std::uint64_t>> folded_;
};

}  // namespace collapscope
