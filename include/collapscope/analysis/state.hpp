// What is done of an analysis, and who keeps it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/moments.hpp"
#include "collapscope/core/residuals.hpp"
#include "collapscope/core/segments.hpp"
#include "collapscope/results/results.hpp"

namespace collapscope {

// What NRC3 of one layer at one checkpoint needs.
struct Nrc3Inputs {
  std::string layer;
  Matrix gram;  // W W^T
  Matrix root;  // S_YY^(1/2)
  double lambda_min = 0;
};

// A layer of an analysis: the place of its checkpoint among those analysed, and its own in the index of that
// checkpoint's first shard.
struct LayerPlace {
  std::size_t checkpoint = 0;
  std::size_t layer = 0;
  bool operator==(const LayerPlace&) const = default;
  friend bool operator<(const LayerPlace& a, const LayerPlace& b) {
    return std::tie(a.checkpoint, a.layer) < std::tie(b.checkpoint, b.layer);
  }
};

struct FinishedLayer {
  LayerPlace place;
  LayerResult result;
  std::optional<Nrc3Inputs> nrc3;
};

// A layer whose rows are at work. Sums over segments of another length, or by workers of another kind, do not
// go together with its.
struct LayerFacts {
  LayerPlace place;
  std::string name;                   // for people: "run/epoch_10.h5: fc3"
  std::uint64_t segments = 0;         // of the layer
  std::uint64_t segment_samples = 0;  // of each but the last
  std::string workers;                // "cpu" or "gpu"
  bool operator==(const LayerFacts&) const = default;
};

using MomentsOfSubtrees = std::map<Subtree, Moments>;
using ResidualsOfSubtrees = std::map<Subtree, ResidualSums>;

struct LayerAtWork {
  LayerFacts facts;
  MomentsOfSubtrees moments;
  ResidualsOfSubtrees residuals;
};

// A checkpoint whose targets are measured.
struct KnownCheckpoint {
  CheckpointResult result;               // without layers
  std::optional<Failure> model_failure;  // of the predictions
};

struct AnalysisState {
  std::map<std::size_t, KnownCheckpoint> checkpoints;
  std::vector<FinishedLayer> finished;
  std::vector<LayerAtWork> at_work;
};

// The same, without copies of sums.
struct StateView {
  using Visitor =
      std::function<void(const LayerFacts&, const MomentsOfSubtrees&, const ResidualsOfSubtrees&)>;

  const std::map<std::size_t, KnownCheckpoint>& checkpoints;
  std::span<const FinishedLayer> finished;
  std::size_t layers = 0;                            // of the analysis
  std::function<void(const Visitor&)> each_at_work;  // calls it for each, with sums that are valid meanwhile
};

// Where the state of an analysis is kept. Calls come from one thread at a time.
class StateKeeper {
 public:
  virtual ~StateKeeper() = default;
  // What was kept of this analysis by earlier runs: all that is finished, and the layers at work that are
  // wanted. Throws Error where it belongs to another analysis.
  using Wants = std::function<bool(const LayerPlace&)>;
  [[nodiscard]] virtual AnalysisState load(const Wants& wants) = 0;
  // Whole, or as if it had not been called. Throws Error.
  virtual void save(const StateView& state) = 0;
  // Seconds between saves; 0: after every segment.
  [[nodiscard]] virtual double interval() const = 0;
};

}  // namespace collapscope
