// One part of an analysis: its rows folded, its sums handed over layer by layer.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "analysis/fitting.hpp"
#include "analysis/layer_selection.hpp"
#include "analysis/layer_work.hpp"
#include "analysis/part_fields.hpp"
#include "collapscope/analysis/parts.hpp"
#include "collapscope/core/error.hpp"

namespace collapscope {

namespace {

constexpr double least_cut = 0.05;  // seconds of work below which a layer is not cut

struct Piece {
  std::size_t checkpoint = 0;
  std::size_t layer = 0;
  SegmentRange segments;
  bool is_first = false;  // of the layer
};

class PartWork {
 public:
  PartWork(Backend& backend, const AnalysisOptions& options, const AnalysisContext& context, PartSink& sink)
      : sink_(sink),
        journal_(context.progress, provenance_),
        record_(nullptr, context.stop, {}),
        layers_({backend, options, options.memory != 0 ? options.memory : default_memory(), context.progress,
                 journal_, record_}) {}

  [[nodiscard]] bool run(const std::vector<Checkpoint>& checkpoints, const std::vector<Failure>& failures,
                         const PartChoice& choice) {
    const AnalysisOptions& options = layers_.parts().options;
    for (const Checkpoint& checkpoint : checkpoints) {
      layers_.add(checkpoint, layers_in_file_order(checkpoint.front(), options.layers));
    }
    sink_.put_input(packed(PartInput{options, options.metrics.text(), checkpoints, failures,
                                     layers_.whole().backend->describe()}));
    const std::vector<Piece> pieces = pieces_of(choice);
    layers_.parts().progress.start(bytes_of(pieces));
    targets_.assign(checkpoints.size(), Targets::none);
    if (choice.part == choice.parts) {
      for (std::size_t i = 0; i < checkpoints.size(); ++i) {  // which say what is wrong with them
        if (layers_.works()[i].layers() == 0) {
          measure_targets(i);
        }
      }
    }
    for (const Piece& piece : pieces) {
      fold(piece);
    }
    layers_.parts().progress.finish();
    return is_whole_;
  }

 private:
  enum class Targets : unsigned char { none, open, measured };

  [[nodiscard]] std::vector<Piece> pieces_of(const PartChoice& choice) {
    std::vector<LayerCost> costs;
    std::vector<Piece> all;
    for (std::size_t checkpoint = 0; checkpoint < layers_.works().size(); ++checkpoint) {
      for (std::size_t layer = 0; layer < layers_.works()[checkpoint].layers(); ++layer) {
        costs.push_back(layers_.cost(checkpoint, layer));
        all.push_back({checkpoint, layer, {}, false});
      }
    }
    const std::vector<std::vector<Share>> shares = divide(costs, choice.parts, least_cut);
    std::vector<Piece> mine;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (const Share& share : shares[i]) {
        if (share.rank == choice.part - 1) {
          mine.push_back({all[i].checkpoint, all[i].layer, share.segments, share.segments.first == 0});
        }
      }
    }
    return mine;
  }

  [[nodiscard]] std::uint64_t bytes_of(const std::vector<Piece>& pieces) const {
    std::uint64_t bytes = 0;
    for (const Piece& piece : pieces) {
      const std::uint64_t segments = layers_.cost(piece.checkpoint, piece.layer).segments;
      bytes += layers_.bytes_of_rows(piece.checkpoint, piece.layer) * piece.segments.size() / segments;
    }
    return bytes;
  }

  void measure_targets(std::size_t checkpoint) {
    CheckpointWork& work = layers_.works()[checkpoint];
    work.measure_targets(layers_.whole(), layers_.whole().memory / 8);
    targets_[checkpoint] = Targets::measured;
    is_whole_ = is_whole_ && !work.failure() && !work.model_failure();
    sink_.put_checkpoint(checkpoint,
                         packed(PartTargets{work.failure(), work.model_failure(), work.target_summary()}));
  }

  // Whoever has a layer's first segment has its weight, and its checkpoint's targets.
  void fold(const Piece& piece) {
    record_.check();
    CheckpointWork& work = layers_.works()[piece.checkpoint];
    LayerOfPart found;
    found.facts.place = work.place(piece.layer);
    try {
      if (piece.is_first && targets_[piece.checkpoint] != Targets::measured) {
        measure_targets(piece.checkpoint);
      } else if (targets_[piece.checkpoint] == Targets::none) {
        work.open_targets(layers_.whole());
        targets_[piece.checkpoint] = Targets::open;
      }
      if (work.failure()) {
        is_whole_ = false;
        return;
      }
      work.remark_on(piece.layer);
      LayerAccess access = work.access(piece.layer, layers_.whole());
      found.facts = access.sums->facts;
      if (piece.is_first) {
        found.weight = packed(read_weight(access.shards, access.plan));
      }
      LayerPasses passes = access.passes(*layers_.whole().backend);
      passes.fold(access.targets->components(), {piece.segments});
      found.moments = access.sums->moments.take();
    } catch (const Stopped&) {
      throw;
    } catch (const std::exception&) {
      is_whole_ = false;
      found.failure = journal_.failed(work.current_failure(piece.layer));
    }
    record_.drop(found.facts.place);
    sink_.put_layer(found);
  }

  PartSink& sink_;
  Provenance provenance_;
  Journal journal_;
  WorkRecord record_;
  LayerWork layers_;
  std::vector<Targets> targets_;
  bool is_whole_ = true;  // nothing has failed
};

}  // namespace

bool fold_part(const std::vector<Checkpoint>& checkpoints, const std::vector<Failure>& failures,
               Backend& backend, const AnalysisOptions& options, const AnalysisContext& context,
               const PartChoice& choice, PartSink& sink) {
  require_precision(options.precision, backend);
  require_sane(options);
  if (choice.part == 0 || choice.part > choice.parts) {
    throw UsageError(
        fmt::format("found part {} of {}; expected one from 1 to their number", choice.part, choice.parts));
  }
  return PartWork(backend, options, context, sink).run(checkpoints, failures, choice);
}

}  // namespace collapscope
