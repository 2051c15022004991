// An analysis in parts: each folds some of the rows, by itself, anywhere; together they give all that one
// process would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/analysis/state.hpp"

namespace collapscope {

struct PartChoice {
  std::size_t part = 1;   // from 1
  std::size_t parts = 1;  // how many there are
};

using PartBytes = std::vector<std::byte>;

// What a part has of a layer.
struct LayerOfPart {
  LayerFacts facts;
  PartBytes weight;                // empty: another part has it
  std::optional<Failure> failure;  // what kept it from being folded
  MomentsOfSubtrees moments;
};

// Takes what a part gives, a layer at a time. Throws Error.
class PartSink {
 public:
  virtual ~PartSink() = default;
  // What the analysis is: options, checkpoints, layers.
  virtual void put_input(const PartBytes& input) = 0;
  // The targets of a checkpoint, measured.
  virtual void put_checkpoint(std::size_t number, const PartBytes& targets) = 0;
  virtual void put_layer(const LayerOfPart& layer) = 0;
};

// All parts of an analysis. Throws Error.
class PartSource {
 public:
  virtual ~PartSource() = default;
  // What the analysis is, as each part says it, in their order: alike, but for the devices.
  [[nodiscard]] virtual std::vector<PartBytes> inputs() = 0;
  // nullopt: no part has them.
  [[nodiscard]] virtual std::optional<PartBytes> checkpoint(std::size_t number) = 0;
  // What parts have of it but for sums, in their order; these one at a time.
  [[nodiscard]] virtual std::vector<LayerOfPart> layer(const LayerPlace& place) = 0;
  virtual void each_moments(const LayerPlace& place,
                            const std::function<void(const Subtree&, Moments)>& visit) = 0;
};

// Folds one part of the rows: the layers laid end to end are cut into pieces of equal cost. Throws Error,
// Stopped; what fails of single layers goes into the part, as `failures` do: what of the input could not be
// opened. Whether nothing more has failed.
bool fold_part(const std::vector<Checkpoint>& checkpoints, const std::vector<Failure>& failures,
               Backend& backend, const AnalysisOptions& options, const AnalysisContext& context,
               const PartChoice& choice, PartSink& sink);

struct MergeOptions {
  bool dumps = false;  // look at the rows again where that is wanted
  // Instead of the dumps: the sums of a second look at a layer's rows.
  std::function<ResidualSums(const LayerPlace&, const LookSpec&)> look = {};
  std::uint64_t memory = 0;  // as of AnalysisOptions
};

// Of two parts, by what put_input has had: the options that change numbers. Throws Error where one makes
// no sense.
[[nodiscard]] bool have_same_options(const PartBytes& a, const PartBytes& b);

// What the parts were made from.
[[nodiscard]] std::vector<Checkpoint> checkpoints_of(PartSource& parts);

// What one process would give, to the bit on a backend of the same kind; without the dumps what needs a
// second look at the rows is undefined. checkpoints: those of the parts, with files where they lie now.
// Provenance as of analyze.
[[nodiscard]] Results merge_parts(PartSource& parts, const std::vector<Checkpoint>& checkpoints,
                                  Backend& backend, const MergeOptions& options, Progress& progress);

}  // namespace collapscope
