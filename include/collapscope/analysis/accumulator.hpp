// Metrics of layers whose rows come in batches and are in memory: no dump, no file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/analysis/parts.hpp"

namespace collapscope {

// A layer, and how its rows come.
struct AccumulatedLayer {
  std::string name;
  std::size_t features = 0;  // d
  ElementType element;       // of a row's numbers, [rows, d] one after the other
  Matrix weight = {};        // of the module that these rows go into [m, d]; empty: none
  std::optional<std::int64_t> index = std::nullopt;
  std::string kind = {};
  std::vector<double> bias = {};  // of that module [m], which classification takes; empty: zeros
  bool convolution = false;       // the weight is [m, C, kernel ...] as [m kernel, C]
};

// What the rows' targets are: n components of regression, or K classes of classification.
struct AccumulatedTargets {
  std::size_t components = 0;
  ElementType element = {};  // of components
  std::uint64_t classes = 0;
};

// What the results say of the checkpoint beside its metrics.
struct AccumulatedCheckpoint {
  std::string path;
  std::string run;
  std::optional<double> step;
  std::vector<std::pair<std::string, AttributeValue>> attributes;
  std::vector<std::string> class_names = {};  // of label 0, 1 ...
};

// Sums rows up segment by segment as an analysis of a dump does: the same rows in any batches give the bits
// of one process that reads them from a dump, up to 64 segments of rows (of 16,384, or 65,536 beyond 1024
// features, and longer where there are more than 1024 classes), unless the sums were asked for in between or
// merged. For one thread at a time.
class Accumulator {
 public:
  // Of the options `layers` and `pool` are not used. Throws UsageError: no layer, two of one name, a weight
  // that does not act on the features, a weight or bias with NaN or Inf, both components and classes, a
  // signal_dim of 0, no backend.
  Accumulator(std::vector<AccumulatedLayer> layers, const AccumulatedTargets& targets,
              AnalysisOptions options, std::unique_ptr<Backend> backend);
  // What `write` has put, to go on. Throws Error where the source holds something else.
  Accumulator(PartSource& source, std::unique_ptr<Backend> backend);
  ~Accumulator();
  Accumulator(Accumulator&&) noexcept;
  Accumulator& operator=(Accumulator&&) noexcept;
  Accumulator(const Accumulator&) = delete;
  Accumulator& operator=(const Accumulator&) = delete;

  // The next rows: of every layer [rows, d], where the backend has a row_stream also on its device, as they
  // are behind what is on the stream now; targets [rows, n]; predictions [rows, n], or empty, always or
  // never. Of classification, targets are labels [rows, 1] from 0 to K - 1, where the option ignore_label is
  // set also -1 for rows that are left out; predictions are logits [rows, m]. Labels need not all occur.
  // Throws UsageError: other shapes, integers of 64 bits on the host that float64 would round, and more rows
  // than can be held of a layer whose products do not fit the memory; InputError: NaN or Inf, with the layer
  // and the row of all so far. Of predictions that is thrown at once, of the rest when it is summed up, as
  // late as in `compute`. After that only `reset` helps.
  void update(const std::vector<RowBytes>& layers, MatrixView<const double> targets,
              MatrixView<const double> predictions = {});
  // The rows of another one with the same layers, after these. Throws UsageError where it has others, and
  // while a second look of either is at work.
  void merge(Accumulator& other);
  void reset();
  // The same rows, to go on from on another backend. Throws UsageError while a second look is at work.
  [[nodiscard]] Accumulator copy(std::unique_ptr<Backend> backend);
  // In place of a layer's weight and bias so far. Throws UsageError where they do not fit the features or are
  // not finite, for a layer that is not there, and while a second look is at work.
  void set_weight(std::size_t layer, Matrix weight, std::vector<double> bias, bool convolution = false);
  // Backend::row_stream, of rows that are on a device.
  [[nodiscard]] std::optional<DeviceStream> row_stream() const;
  // Without those that are left out.
  [[nodiscard]] std::uint64_t rows() const;
  [[nodiscard]] const std::vector<AccumulatedLayer>& layers() const;
  [[nodiscard]] AccumulatedTargets targets() const;
  [[nodiscard]] std::optional<std::int64_t> ignore_label() const;

  // All that the rows so far give. What needs a second look at them is undefined, with that reason, unless
  // `look` has had all of them again. Throws UsageError: no rows.
  [[nodiscard]] Results compute(const AccumulatedCheckpoint& about = {});

  // Begins a second look: the same rows are passed to `look`, in the order in which they came. Rows may not
  // be added meanwhile. The look ends with `compute`, which throws UsageError where rows are missing. That
  // they are the same is not checked: other rows give wrong numbers.
  void begin_look();
  // Gives a second look up, finished or not: the sums of the first one stay.
  void end_look();
  void look(const std::vector<RowBytes>& layers, MatrixView<const double> targets);

  // All of it as part 1 of 1 of an analysis: `merge_parts` gives what `compute` gives.
  void write(PartSink& sink);

 private:
  class Work;
  explicit Accumulator(std::unique_ptr<Work> work);
  std::unique_ptr<Work> work_;
};

}  // namespace collapscope
