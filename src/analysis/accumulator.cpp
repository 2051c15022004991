#include "collapscope/analysis/accumulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "analysis/batches.hpp"
#include "analysis/fitting.hpp"
#include "analysis/in_memory.hpp"
#include "analysis/next_weight.hpp"
#include "analysis/part_fields.hpp"
#include "analysis/part_in_memory.hpp"
#include "analysis/target_sums.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "core/exact_integers.hpp"

namespace collapscope {

namespace {

using Folding = Batches<MomentFold, Moments>;
using Looking = Batches<ResidualFold, ResidualSums>;

class NoProgress final : public Progress {};

// Rows of classes are not checked one by one in a second look, as those of the first were finite.
void require_finite(const std::string& layer, const ResidualSums& sums) {
  const auto is_finite = [](double value) { return std::isfinite(value); };
  if (!is_finite(sums.affine) || !is_finite(sums.published) ||
      !std::ranges::all_of(sums.classes.squares, is_finite)) {
    throw InputError("", layer,
                     "found NaN or Inf in the second look; expected the rows and targets of the first one");
  }
}

void require_backend(const Backend* backend) {
  if (backend == nullptr) {
    throw UsageError("expected a backend, such as make_cpu_backend makes");
  }
}

}  // namespace

class Accumulator::Work {
  // Of a layer whose products do not fit the memory, and why.
  struct RowLimit {
    std::string layer;
    std::uint64_t rows;
    std::string refusal;
  };

 public:
  Work(std::vector<AccumulatedLayer> layers, const AccumulatedTargets& targets, AnalysisOptions options,
       std::unique_ptr<Backend> backend)
      : layers_(checked(std::move(layers), targets)),
        target_element_(targets.element),
        options_(std::move(options)),
        backend_(std::move(backend)),
        // Few numbers, which are on the host: not worth a device's while.
        targets_(backend_->host() != nullptr ? *backend_->host() : *backend_, targets.components,
                 targets.classes, options_.ignore_label.has_value()) {
    require_precision(options_.precision, *backend_);
    require_sane(options_);
    fill_biases();
    options_.layers.clear();
    options_.pool.reset();
    reset();
  }

  void reset() {
    folds_.clear();
    limits_.clear();
    for (const AccumulatedLayer& layer : layers_) {
      folds_.push_back(fold_of(layer));
    }
    targets_.reset();
    looks_.clear();
    specs_.clear();
    is_broken_ = false;
  }

  void update(const std::vector<RowBytes>& rows, MatrixView<const double> targets,
              MatrixView<const double> predictions) {
    require_sound();
    if (!looks_.empty()) {
      throw UsageError("a second look has begun: rows cannot be added before compute()");
    }
    require_shapes(rows, targets);
    require_exact(rows);
    require_room(targets.rows());
    targets_.check(targets, predictions);
    is_broken_ = true;  // until all of it is in the sums
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      with_place(layers_[i].name, [&] { folds_[i]->add(rows[i], targets); });
    }
    targets_.add(targets, predictions);
    for (const std::unique_ptr<Folding>& fold : folds_) {
      fold->settle();
    }
    is_broken_ = false;
  }

  void merge(Work& other) {
    require_sound();
    other.require_sound();
    if (&other == this) {
      throw UsageError("an accumulator cannot be merged with itself");
    }
    if (!looks_.empty() || !other.looks_.empty()) {
      throw UsageError("a second look has begun: accumulators cannot be merged before compute()");
    }
    if (const std::string what = difference_from(other); !what.empty()) {
      throw UsageError(fmt::format(
          "only accumulators of the same layers, weights, targets, classes, types and options can "
          "be merged; found different {}",
          what));
    }
    if (other.targets_.rows() == 0) {
      return;
    }
    targets_.require_same_predictions(other.targets_);
    require_room(other.targets_.rows());
    end_segments();
    other.end_segments();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      for (const auto& [place, moments] : subtrees_of(other.folds_[i]->tree())) {
        folds_[i]->put(moments, moments.count);
      }
      folds_[i]->skip(other.targets_.rows() - other.targets_.kept());
    }
    targets_.merge(other.targets_);
  }

  [[nodiscard]] std::unique_ptr<Work> copy(std::unique_ptr<Backend> backend) {
    require_sound();
    if (!looks_.empty()) {
      throw UsageError("a second look has begun: the sums cannot be copied before compute()");
    }
    auto copied = std::make_unique<Work>(layers_, targets(), options_, std::move(backend));
    if (targets_.rows() > 0) {
      PartInMemory part;
      write({}, Looks::one, part);
      copied->read(part);
    }
    return copied;
  }

  void set_weight(std::size_t layer, Matrix weight, std::vector<double> bias, bool convolution) {
    if (!looks_.empty()) {
      throw UsageError("a second look has begun: weights cannot change before compute()");
    }
    if (layer >= layers_.size()) {
      throw UsageError(fmt::format("found layer {}; expected one of {}, from 0 on", layer, layers_.size()));
    }
    const AccumulatedLayer& old = layers_[layer];
    std::vector<AccumulatedLayer> changed{{old.name, old.features, old.element, std::move(weight), old.index,
                                           old.kind, std::move(bias), convolution}};
    layers_[layer] = std::move(checked(std::move(changed), targets()).front());
    fill_biases();
  }

  [[nodiscard]] std::optional<DeviceStream> row_stream() const { return backend_->row_stream(); }
  [[nodiscard]] std::shared_ptr<void> visit() const { return backend_->visit(); }
  [[nodiscard]] std::uint64_t rows() const { return targets_.kept(); }
  [[nodiscard]] const std::vector<AccumulatedLayer>& layers() const { return layers_; }
  [[nodiscard]] AccumulatedTargets targets() const {
    return {targets_.targets(), target_element_, targets_.classes()};
  }
  [[nodiscard]] const AnalysisOptions& options() const { return options_; }

  Results compute(const AccumulatedCheckpoint& about) {
    MergeOptions merge;
    if (!looks_.empty()) {
      for (const std::unique_ptr<Looking>& look : looks_) {
        if (look != nullptr && look->rows() != targets_.rows()) {
          throw UsageError(
              fmt::format("the second look has had {} rows of {}", look->rows(), targets_.rows()));
        }
      }
      merge.look = [this](const LayerPlace& place, const LookSpec& /*spec*/) {
        Looking& look = *looks_.at(place.layer);
        const std::string& name = layers_[place.layer].name;
        with_place(name, [&] { look.end_segment(); });
        ResidualSums sums = look.tree().finish();
        require_finite(name, sums);
        return sums;
      };
    }
    Results results = computed(about, looks_.empty() ? Looks::one : Looks::two, merge);
    end_look();
    return results;
  }

  void end_look() {
    looks_.clear();
    specs_.clear();
  }

  void begin_look() {
    end_look();
    MergeOptions merge;
    merge.look = [this](const LayerPlace& place, const LookSpec& spec) {
      specs_.emplace(place.layer, spec);
      ResidualSums none;
      none.count = targets_.kept();
      if (spec.classes != nullptr) {
        none.classes.squares.assign(spec.classes->means->rows(), 0.0);
        none.classes.nearest_own.assign(spec.classes->means->rows(), 0.0);
      }
      return none;
    };
    (void)computed({}, Looks::two, merge);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      looks_.push_back(nullptr);
      if (const auto spec = specs_.find(i); spec != specs_.end()) {
        const AccumulatedLayer& layer = layers_[i];
        looks_.back() =
            std::make_unique<Looking>(*backend_, layer.features, layer.features * layer.element.size(),
                                      targets_.columns(), targets_.classes());
        spec->second.format = format_in_memory(layer.features, layer.element);
        spec->second.rows = looks_.back()->segment_rows();
        spec->second.tiles = looks_.back()->tiles();
        looks_.back()->use(backend_->make_look(spec->second));
      }
    }
  }

  void look(const std::vector<RowBytes>& rows, MatrixView<const double> targets) {
    require_sound();
    if (looks_.empty()) {
      throw UsageError("a second look begins with begin_look()");
    }
    require_shapes(rows, targets);
    Matrix numbers;
    if (targets_.are_labels()) {
      targets_.check_labels(targets);
      numbers = targets_.numbered(targets);
      targets = numbers.view();
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (looks_[i] != nullptr) {
        with_place(layers_[i].name, [&] { looks_[i]->add(rows[i], targets); });
      }
    }
    for (const std::unique_ptr<Looking>& look : looks_) {
      if (look != nullptr) {
        look->settle();
      }
    }
  }

  void write(const AccumulatedCheckpoint& about, Looks looks, PartSink& sink) {
    require_sound();
    if (targets_.kept() == 0) {
      throw UsageError(targets_.rows() == 0 ? "there are no rows yet"
                                            : fmt::format("every row has the ignored label {}",
                                                          options_.ignore_label.value_or(0)));
    }
    PartInput input{options_,
                    options_.metrics.text(),
                    {described(about, targets_.kept(), layers_, targets_.targets(), target_element_)}};
    if (targets_.are_labels()) {
      describe_classes(input.checkpoints.front().shards.front(), about);
    }
    input.options.looks = looks;
    sink.put_input(packed(input));
    end_segments();
    sink.put_checkpoint(0, packed(targets_.measured(input.checkpoints.front())));
    const std::vector<std::int64_t> labels = targets_.labels();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Folding& fold = *folds_[i];
      LayerOfPart layer;
      layer.facts = {{0, i},
                     layers_[i].name,
                     fold.segments(),
                     fold.segment_rows(),
                     backend_->is_device() ? "gpu" : "cpu"};
      layer.weight = packed(weight_of(i));
      for (auto& [place, moments] : subtrees_of(fold.tree())) {
        number_classes(moments.classes, labels);
        layer.moments.emplace(place, std::move(moments));
      }
      sink.put_layer(layer);
    }
  }

  // What `write` has put.
  void read(PartSource& source) {
    const std::optional<PartBytes> bytes = source.checkpoint(0);
    if (!bytes) {
      throw Error("it has no targets");
    }
    PartTargets targets = unpacked<PartTargets>(*bytes);
    if (!targets.moments && !targets.labels) {
      throw Error("it holds a part of an analysis of dumps; expected the sums of an accumulator");
    }
    targets_.read(std::move(targets));
    const std::vector<std::int64_t> labels = targets_.labels();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      source.each_moments({0, i}, [&](const Subtree& /*place*/, Moments moments) {
        const std::uint64_t rows = moments.count;
        name_classes(moments.classes, labels);
        folds_[i]->put(std::move(moments), rows);
      });
      folds_[i]->skip(targets_.rows() - targets_.kept());
    }
  }

 private:
  // Of classifiers, zeros where there are none. A convolution is no classifier.
  void fill_biases() {
    for (AccumulatedLayer& layer : layers_) {
      if (layer.convolution) {
        layer.bias.clear();
      } else if (layer.bias.empty() && targets_.are_labels()) {
        layer.bias.assign(layer.weight.rows(), 0.0);
      }
    }
  }

  [[nodiscard]] std::unique_ptr<Folding> fold_of(const AccumulatedLayer& layer) {
    auto fold = std::make_unique<Folding>(*backend_, layer.features, layer.features * layer.element.size(),
                                          targets_.columns(), targets_.classes());
    FoldSpec spec;
    spec.format = format_in_memory(layer.features, layer.element);
    spec.targets = targets_.targets();
    spec.classes = targets_.classes();
    spec.unit_classes = targets_.are_labels() && options_.metrics.wants("nc1_unit");
    spec.rows = fold->segment_rows();
    spec.tiles = fold->tiles();
    spec.precision = options_.precision;
    spec.keeping = RowKeeping::while_few;
    try {
      spec.normalized_scatter = planned(layer, fold->segment_rows()).normalized_scatter;
    } catch (const UsageError& refusal) {
      const RowLimit& limit = limits_.emplace_back(limit_of(layer, refusal));
      spec.normalized_scatter = planned(layer, limit.rows).normalized_scatter;
    }
    fold->use(backend_->make_fold(spec));
    return fold;
  }

  // Throws UsageError: that many rows do not fit the memory.
  [[nodiscard]] LayerPlan planned(const AccumulatedLayer& layer, std::uint64_t rows) const {
    AnalysisOptions one = options_;
    one.looks = Looks::one;
    return plan_layer({described(layer, rows)}, targets_.targets(), one, memory(), *backend_,
                      targets_.classes());
  }

  // While rows are few, they are held in place of products, which do not fit. Throws the refusal of these
  // where no rows are few enough.
  [[nodiscard]] RowLimit limit_of(const AccumulatedLayer& layer, const UsageError& refusal) const {
    const auto fits = [&](std::uint64_t rows) {
      try {
        return planned(layer, rows).few_rows;
      } catch (const UsageError&) {
        return false;
      }
    };
    if (backend_->is_device() || !fits(1)) {
      throw UsageError(fmt::format("layer '{}': {}", printable(layer.name), refusal.what()));
    }
    std::uint64_t most = 1;
    for (std::uint64_t beyond = layer.features; beyond - most > 1;) {
      const std::uint64_t middle = most + (beyond - most) / 2;
      (fits(middle) ? most : beyond) = middle;
    }
    return {layer.name, most, refusal.what()};
  }

  void require_room(std::uint64_t more) const {
    for (const RowLimit& limit : limits_) {
      if (targets_.rows() + more > limit.rows) {
        throw UsageError(
            fmt::format("layer '{}': found {} rows; expected at most {}, which are held as they are; "
                        "for more it {}",
                        printable(limit.layer), targets_.rows() + more, limit.rows, limit.refusal));
      }
    }
  }

  [[nodiscard]] LayerWeight weight_of(std::size_t layer) const {
    const AccumulatedLayer& here = layers_[layer];
    LayerWeight weight{here.weight, here.convolution, here.weight.empty() ? "no weight" : ""};
    if (targets_.are_labels()) {
      weight.bias = here.bias;
    }
    if (here.weight.empty() || here.convolution) {
      weight.no_balance = here.convolution ? "convolution" : weight.missing;
    } else if (layer + 1 == layers_.size()) {
      weight.no_balance = "the last layer";
    } else if (layers_[layer + 1].convolution) {
      weight.no_balance = "the next layer is a convolution";
    } else if (options_.metrics.wants("weight_balancedness") ||
               options_.metrics.wants("weight_balancedness_relative")) {
      compare_with_next(weight, layers_[layer + 1].weight);
    }
    return weight;
  }

  [[nodiscard]] std::uint64_t memory() const {
    return options_.memory != 0 ? options_.memory : default_memory();
  }

  // What keeps the sums from being merged; empty: nothing.
  [[nodiscard]] std::string difference_from(const Work& other) const {
    const AnalysisOptions& theirs = other.options_;
    const std::pair<bool, const char*> same[] = {
        {targets_.classes() == other.targets_.classes(), "classes"},
        {targets_.targets() == other.targets_.targets(), "targets"},
        {targets_.are_labels() || target_element_ == other.target_element_, "types of targets"},
        {options_.ignore_label == theirs.ignore_label, "ignore_label"},
        {options_.metrics.text() == theirs.metrics.text(), "metrics"},
        {options_.signal_dim == theirs.signal_dim &&
             options_.intrinsic_signal_dim == theirs.intrinsic_signal_dim,
         "signal_dim"},
        {options_.top == theirs.top, "top"},
        {options_.per_class == theirs.per_class, "per_class"},
        {options_.precision == theirs.precision, "precision"},
        {layers_.size() == other.layers_.size(), "numbers of layers"}};
    for (const auto& [is_same, what] : same) {
      if (!is_same) {
        return what;
      }
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (const char* const what = difference_of(layers_[i], other.layers_[i]); what != nullptr) {
        return fmt::format("{} of layer '{}'", what, printable(layers_[i].name));
      }
    }
    return {};
  }

  [[nodiscard]] static const char* difference_of(const AccumulatedLayer& a, const AccumulatedLayer& b) {
    if (a.name != b.name) {
      return "names";
    }
    if (a.features != b.features) {
      return "widths";
    }
    if (!(a.element == b.element)) {
      return "types";
    }
    return a.weight == b.weight && a.bias == b.bias && a.convolution == b.convolution ? nullptr : "weights";
  }

  // Rows that are not finite may be found only now.
  void end_segments() {
    is_broken_ = true;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      with_place(layers_[i].name, [&] { folds_[i]->end_segment(); });
    }
    targets_.end_segment();
    is_broken_ = false;
  }

  void require_sound() const {
    if (is_broken_) {
      throw UsageError("an update has failed, so that the sums have some of its rows; reset() begins anew");
    }
  }

  void require_shapes(const std::vector<RowBytes>& rows, MatrixView<const double> targets) const {
    if (rows.size() != layers_.size() || targets.cols() != targets_.columns()) {
      throw UsageError(fmt::format("found rows of {} layers and {} targets; expected {} and {}", rows.size(),
                                   targets.cols(), layers_.size(), targets_.columns()));
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const std::size_t expected = targets.rows() * layers_[i].features * layers_[i].element.size();
      if (rows[i].on_device && !backend_->row_stream()) {
        throw UsageError(
            fmt::format("layer '{}': found rows on a device; expected rows of the host, as {} takes",
                        printable(layers_[i].name), backend_->describe()));
      }
      if (rows[i].bytes.size() != expected) {
        throw UsageError(fmt::format("layer '{}': found {} bytes of rows; expected {}, for {} rows of {} {}",
                                     printable(layers_[i].name), rows[i].bytes.size(), expected,
                                     targets.rows(), layers_[i].features, layers_[i].element.name()));
      }
    }
  }

  // Rows on a device are taken as they are.
  void require_exact(const std::vector<RowBytes>& rows) const {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const auto found = rows[i].on_device ? std::nullopt : first_rounded(rows[i].bytes, layers_[i].element);
      if (found) {
        const std::uint64_t row = targets_.rows() + found->place / layers_[i].features;
        throw UsageError(
            fmt::format("layer '{}': {}", printable(layers_[i].name), rounded_message(*found, row)));
      }
    }
  }

  Results computed(const AccumulatedCheckpoint& about, Looks looks, const MergeOptions& merge) {
    PartInMemory part;
    write(about, looks, part);
    NoProgress progress;
    MergeOptions options = merge;
    options.memory = options_.memory;
    Results results = merge_parts(part, checkpoints_of(part), *backend_, options, progress);
    if (!results.failures.empty()) {
      const Failure& failure = results.failures.front();
      throw InputError(failure.path, failure.object, failure.message);
    }
    return results;
  }

  std::vector<AccumulatedLayer> layers_;
  ElementType target_element_;
  AnalysisOptions options_;
  std::unique_ptr<Backend> backend_;
  TargetSums targets_;
  std::vector<std::unique_ptr<Folding>> folds_;
  std::vector<RowLimit> limits_;
  std::map<std::size_t, LookSpec> specs_;
  std::vector<std::unique_ptr<Looking>> looks_;  // while a second look is at work; null: not needed
  bool is_broken_ = false;
};

Accumulator::Accumulator(std::vector<AccumulatedLayer> layers, const AccumulatedTargets& targets,
                         AnalysisOptions options, std::unique_ptr<Backend> backend) {
  require_backend(backend.get());
  const auto visit = backend->visit();
  work_ = std::make_unique<Work>(std::move(layers), targets, std::move(options), std::move(backend));
}

Accumulator::Accumulator(PartSource& source, std::unique_ptr<Backend> backend) {
  require_backend(backend.get());
  const auto visit = backend->visit();
  PartInput input = unpacked<PartInput>(source.inputs().front());
  input.options.metrics = MetricChoice(input.metrics);
  if (input.checkpoints.size() != 1 || input.checkpoints.front().shards.size() != 1) {
    throw Error("it holds several checkpoints; expected the sums of an accumulator");
  }
  const CheckpointIndex& checkpoint = input.checkpoints.front().front();
  std::vector<AccumulatedLayer> layers;
  for (std::size_t i = 0; i < checkpoint.layers.size(); ++i) {
    const LayerIndex& index = checkpoint.layers[i];
    AccumulatedLayer& layer = layers.emplace_back();
    layer.name = index.name;
    layer.features = static_cast<std::size_t>(index.activations.shape.at(1));
    layer.element = index.activations.element;
    layer.index = index.index;
    layer.kind = index.kind;
    for (const LayerOfPart& part : source.layer({0, i})) {
      if (!part.weight.empty()) {
        LayerWeight weight = unpacked<LayerWeight>(part.weight);
        layer.weight = std::move(weight.matrix);
        layer.bias = std::move(weight.bias);
        layer.convolution = weight.convolution;
      }
    }
  }
  AccumulatedTargets targets{0, checkpoint.targets.element, 0};
  if (is_classification(checkpoint)) {
    const std::optional<PartBytes> bytes = source.checkpoint(0);
    const auto labels = bytes ? unpacked<PartTargets>(*bytes).labels : std::nullopt;
    targets.classes = labels ? labels->counts.size() : 1;  // without any, read() says so
  } else {
    targets.components = checkpoint.targets.shape.at(1);
  }
  work_ = std::make_unique<Work>(std::move(layers), targets, std::move(input.options), std::move(backend));
  work_->read(source);
}

Accumulator::Accumulator(std::unique_ptr<Work> work) : work_(std::move(work)) {}

Accumulator::~Accumulator() {
  if (work_ != nullptr) {
    const auto visit = work_->visit();
    work_.reset();
  }
}
Accumulator::Accumulator(Accumulator&&) noexcept = default;
Accumulator& Accumulator::operator=(Accumulator&&) noexcept = default;

void Accumulator::update(const std::vector<RowBytes>& layers, MatrixView<const double> targets,
                         MatrixView<const double> predictions) {
  const auto visit = work_->visit();
  work_->update(layers, targets, predictions);
}
void Accumulator::merge(Accumulator& other) {
  const auto visit = work_->visit();
  work_->merge(*other.work_);
}
Accumulator Accumulator::copy(std::unique_ptr<Backend> backend) {
  require_backend(backend.get());
  const auto visit = work_->visit();
  const auto visit_of_copy = backend->visit();
  return Accumulator(work_->copy(std::move(backend)));
}
void Accumulator::set_weight(std::size_t layer, Matrix weight, std::vector<double> bias, bool convolution) {
  work_->set_weight(layer, std::move(weight), std::move(bias), convolution);
}
void Accumulator::reset() {
  const auto visit = work_->visit();
  work_->reset();
}
std::optional<DeviceStream> Accumulator::row_stream() const { return work_->row_stream(); }
std::uint64_t Accumulator::rows() const { return work_->rows(); }
const std::vector<AccumulatedLayer>& Accumulator::layers() const { return work_->layers(); }
AccumulatedTargets Accumulator::targets() const { return work_->targets(); }
std::optional<std::int64_t> Accumulator::ignore_label() const { return work_->options().ignore_label; }
Results Accumulator::compute(const AccumulatedCheckpoint& about) {
  const auto visit = work_->visit();
  return work_->compute(about);
}
void Accumulator::end_look() {
  const auto visit = work_->visit();
  work_->end_look();
}
void Accumulator::begin_look() {
  const auto visit = work_->visit();
  work_->begin_look();
}
void Accumulator::look(const std::vector<RowBytes>& layers, MatrixView<const double> targets) {
  const auto visit = work_->visit();
  work_->look(layers, targets);
}
void Accumulator::write(PartSink& sink) {
  const auto visit = work_->visit();
  work_->write({}, Looks::one, sink);
}

}  // namespace collapscope
