#include "collapscope/analysis/accumulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "analysis/batches.hpp"
#include "analysis/in_memory.hpp"
#include "analysis/measure.hpp"
#include "analysis/next_weight.hpp"
#include "analysis/part_fields.hpp"
#include "analysis/part_in_memory.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

using Folding = Batches<MomentFold, Moments>;
using Looking = Batches<ResidualFold, ResidualSums>;

class NoProgress final : public Progress {};

}  // namespace

class Accumulator::Work {
 public:
  Work(std::vector<AccumulatedLayer> layers, std::size_t targets, ElementType target_element,
       AnalysisOptions options, std::unique_ptr<Backend> backend)
      : layers_(std::move(layers)),
        targets_(targets),
        target_element_(target_element),
        options_(std::move(options)),
        backend_(std::move(backend)) {
    check_layers(layers_, targets_);
    options_.layers.clear();
    options_.pool.reset();
    reset();
  }

  void reset() {
    folds_.clear();
    for (const AccumulatedLayer& layer : layers_) {
      folds_.push_back(fold_of(layer));
    }
    FoldSpec spec;
    spec.format = format_in_memory(targets_, {});
    spec.targets = 1;
    target_fold_ = std::make_unique<Folding>(*backend_, targets_, targets_ * sizeof(double), 1);
    spec.rows = target_fold_->segment_rows();
    target_fold_->use(backend_->make_fold(spec));
    model_.reset();
    looks_.clear();
    specs_.clear();
    rows_ = 0;
    is_broken_ = false;
  }

  void update(const std::vector<RowBytes>& rows, MatrixView<const double> targets,
              MatrixView<const double> predictions) {
    require_sound();
    if (!looks_.empty()) {
      throw UsageError("a second look has begun: rows cannot be added before compute()");
    }
    require_shapes(rows, targets);
    const bool has_model = predictions.rows() > 0;
    if (has_model && (predictions.rows() != targets.rows() || predictions.cols() != targets.cols())) {
      throw UsageError(
          fmt::format("found predictions of shape [{}, {}]; expected that of the targets, [{}, {}]",
                      predictions.rows(), predictions.cols(), targets.rows(), targets.cols()));
    }
    if (rows_ > 0 && targets.rows() > 0 && has_model != model_.has_value()) {
      throw UsageError("predictions must come with all batches or with none");
    }
    is_broken_ = true;  // until all of it is in the sums
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      through(layers_[i].name, [&] { folds_[i]->add(rows[i], targets); });
    }
    add_targets(targets);
    if (has_model) {
      if (!model_) {
        model_.emplace();
      }
      model_->add(predictions, targets);
    }
    rows_ += targets.rows();
    is_broken_ = false;
  }

  void merge(Work& other) {
    require_sound();
    other.require_sound();
    if (&other == this) {
      throw UsageError("an accumulator cannot be merged with itself");
    }
    if (!has_layers_of(other)) {
      throw UsageError("only accumulators of the same layers, weights, targets and options can be merged");
    }
    if (other.rows_ == 0) {
      return;
    }
    if (rows_ > 0 && model_.has_value() != other.model_.has_value()) {
      throw UsageError("predictions must come with all batches or with none");
    }
    end_segments();
    other.end_segments();
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      append(*folds_[i], *other.folds_[i]);
    }
    append(*target_fold_, *other.target_fold_);
    if (other.model_ && model_) {
      model_->samples += other.model_->samples;
      model_->squares += other.model_->squares;
      model_->absolutes += other.model_->absolutes;
      for (std::size_t i = 0; i < model_->error_moment.values().size(); ++i) {
        model_->error_moment.values()[i] += other.model_->error_moment.values()[i];
      }
    } else if (other.model_) {
      model_ = other.model_;
    }
    rows_ += other.rows_;
  }

  [[nodiscard]] std::uint64_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<AccumulatedLayer>& layers() const { return layers_; }
  [[nodiscard]] std::size_t targets() const { return targets_; }

  Results compute(const AccumulatedCheckpoint& about) {
    MergeOptions merge;
    if (!looks_.empty()) {
      for (const std::unique_ptr<Looking>& look : looks_) {
        if (look != nullptr && look->rows() != rows_) {
          throw UsageError(fmt::format("the second look has had {} rows of {}", look->rows(), rows_));
        }
      }
      merge.look = [this](const LayerPlace& place, const LookSpec& /*spec*/) {
        Looking& look = *looks_.at(place.layer);
        look.end_segment();
        return look.tree().finish();
      };
    }
    Results results = computed(about, looks_.empty() ? Looks::one : Looks::two, merge);
    looks_.clear();
    specs_.clear();
    return results;
  }

  void begin_look() {
    looks_.clear();
    specs_.clear();
    MergeOptions merge;
    merge.look = [this](const LayerPlace& place, const LookSpec& spec) {
      specs_.emplace(place.layer, spec);
      ResidualSums none;
      none.count = rows_;
      return none;
    };
    (void)computed({}, Looks::two, merge);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      looks_.push_back(nullptr);
      if (const auto spec = specs_.find(i); spec != specs_.end()) {
        const AccumulatedLayer& layer = layers_[i];
        looks_.back() = std::make_unique<Looking>(*backend_, layer.features,
                                                  layer.features * layer.element.size(), targets_);
        spec->second.format = format_in_memory(layer.features, layer.element);
        spec->second.rows = looks_.back()->segment_rows();
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
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      if (looks_[i] != nullptr) {
        through(layers_[i].name, [&] { looks_[i]->add(rows[i], targets); });
      }
    }
  }

  void write(const AccumulatedCheckpoint& about, Looks looks, PartSink& sink) {
    require_sound();
    if (rows_ == 0) {
      throw UsageError("there are no rows yet");
    }
    PartInput input{
        options_, options_.metrics.text(), {described(about, rows_, layers_, targets_, target_element_)}};
    input.options.looks = looks;
    sink.put_input(packed(input));
    end_segments();
    PartTargets targets;
    targets.moments = whole(*target_fold_);
    targets.model = model_;
    targets.summary = summarize_targets(*targets.moments, input.checkpoints.front(), *backend_);
    if (model_) {
      targets.summary.model = model_->errors();
    }
    sink.put_checkpoint(0, packed(targets));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Folding& fold = *folds_[i];
      LayerOfPart layer;
      layer.facts = {{0, i},
                     layers_[i].name,
                     fold.segments(),
                     fold.segment_rows(),
                     backend_->is_device() ? "gpu" : "cpu"};
      layer.weight = packed(weight_of(i));
      layer.moments = fold.tree().read([](const auto& subtrees) { return subtrees; });
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
    if (!targets.moments) {
      throw Error("it holds a part of an analysis of dumps; expected the sums of an accumulator");
    }
    rows_ = targets.moments->count;
    target_fold_->put(*std::move(targets.moments), rows_);
    model_ = std::move(targets.model);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      source.each_moments({0, i}, [&](const Subtree& /*place*/, Moments moments) {
        const std::uint64_t rows = moments.count;
        folds_[i]->put(std::move(moments), rows);
      });
    }
  }

 private:
  [[nodiscard]] std::unique_ptr<Folding> fold_of(const AccumulatedLayer& layer) {
    auto fold =
        std::make_unique<Folding>(*backend_, layer.features, layer.features * layer.element.size(), targets_);
    FoldSpec spec;
    spec.format = format_in_memory(layer.features, layer.element);
    spec.targets = targets_;
    spec.rows = fold->segment_rows();
    spec.precision = options_.precision;
    AnalysisOptions one = options_;
    one.looks = Looks::one;
    spec.normalized_scatter =
        plan_layer({described(layer, fold->segment_rows())}, targets_, one, memory(), *backend_)
            .normalized_scatter;
    fold->use(backend_->make_fold(spec));
    return fold;
  }

  [[nodiscard]] LayerWeight weight_of(std::size_t layer) const {
    LayerWeight weight{layers_[layer].weight, false, layers_[layer].weight.empty() ? "no weight" : ""};
    if (layer + 1 == layers_.size()) {
      weight.no_balance = "the last layer";
    } else if (options_.metrics.wants("weight_balancedness") ||
               options_.metrics.wants("weight_balancedness_relative")) {
      compare_with_next(weight, layers_[layer + 1].weight);
    }
    return weight;
  }

  [[nodiscard]] std::uint64_t memory() const {
    return options_.memory != 0 ? options_.memory : default_memory();
  }

  [[nodiscard]] bool has_layers_of(const Work& other) const {
    const auto same = [](const AccumulatedLayer& a, const AccumulatedLayer& b) {
      return a.name == b.name && a.features == b.features && a.element == b.element && a.weight == b.weight;
    };
    return targets_ == other.targets_ && options_.metrics.text() == other.options_.metrics.text() &&
           options_.precision == other.options_.precision &&
           std::equal(layers_.begin(), layers_.end(), other.layers_.begin(), other.layers_.end(), same);
  }

  // Rows that are not finite may be found only now.
  void end_segments() {
    is_broken_ = true;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      through(layers_[i].name, [&] { folds_[i]->end_segment(); });
    }
    through("targets", [&] { target_fold_->end_segment(); });
    is_broken_ = false;
  }

  static void append(Folding& to, Folding& from) {
    from.tree().read([&](const auto& subtrees) {
      for (const auto& [place, moments] : subtrees) {
        to.put(moments, moments.count);
      }
    });
  }

  [[nodiscard]] static Moments whole(Folding& fold) {
    SegmentTree<Moments> copy;
    fold.tree().read([&](const auto& subtrees) {
      for (const auto& [place, moments] : subtrees) {
        copy.put(place, moments);
      }
    });
    return copy.finish();
  }

  void require_sound() const {
    if (is_broken_) {
      throw UsageError("an update has failed, so that the sums have some of its rows; reset() begins anew");
    }
  }

  void require_shapes(const std::vector<RowBytes>& rows, MatrixView<const double> targets) const {
    if (rows.size() != layers_.size() || targets.cols() != targets_) {
      throw UsageError(fmt::format("found rows of {} layers and {} targets; expected {} and {}", rows.size(),
                                   targets.cols(), layers_.size(), targets_));
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const std::size_t expected = targets.rows() * layers_[i].features * layers_[i].element.size();
      if (rows[i].size() != expected) {
        throw UsageError(fmt::format("layer '{}': found {} bytes of rows; expected {}, for {} rows of {} {}",
                                     printable(layers_[i].name), rows[i].size(), expected, targets.rows(),
                                     layers_[i].features, layers_[i].element.name()));
      }
    }
  }

  template <class Add>
  static void through(const std::string& name, const Add& add) {
    try {
      add();
    } catch (const NonFiniteSample& offending) {
      throw InputError(
          "", name,
          fmt::format("found NaN or Inf, first in row {}; expected finite numbers", offending.sample));
    }
  }

  void add_targets(MatrixView<const double> targets) {
    Matrix together;
    MatrixView<const double> rows = targets;
    if (targets.stride() != targets.cols()) {
      together = Matrix(targets.rows(), targets.cols());
      for (std::size_t i = 0; i < targets.rows(); ++i) {
        const auto from = targets.row(i);
        std::copy(from.begin(), from.end(), together.view().row(i).begin());
      }
      rows = together.view();
    }
    const Matrix none(targets.rows(), 1);
    through("targets", [&] {
      target_fold_->add(std::as_bytes(std::span(rows.data(), rows.rows() * rows.cols())), none.view());
    });
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
  std::size_t targets_;
  ElementType target_element_;
  AnalysisOptions options_;
  std::unique_ptr<Backend> backend_;
  std::vector<std::unique_ptr<Folding>> folds_;
  std::unique_ptr<Folding> target_fold_;
  std::optional<ModelSums> model_;
  std::map<std::size_t, LookSpec> specs_;
  std::vector<std::unique_ptr<Looking>> looks_;  // while a second look is at work; null: not needed
  std::uint64_t rows_ = 0;
  bool is_broken_ = false;
};

Accumulator::Accumulator(std::vector<AccumulatedLayer> layers, std::size_t targets,
                         ElementType target_element, AnalysisOptions options,
                         std::unique_ptr<Backend> backend)
    : work_(std::make_unique<Work>(std::move(layers), targets, target_element, std::move(options),
                                   std::move(backend))) {}

Accumulator::Accumulator(PartSource& source, std::unique_ptr<Backend> backend) {
  PartInput input = unpacked<PartInput>(source.input());
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
        layer.weight = unpacked<LayerWeight>(part.weight).matrix;
      }
    }
  }
  work_ = std::make_unique<Work>(std::move(layers), checkpoint.targets.shape.at(1),
                                 checkpoint.targets.element, std::move(input.options), std::move(backend));
  work_->read(source);
}

Accumulator::~Accumulator() = default;
Accumulator::Accumulator(Accumulator&&) noexcept = default;
Accumulator& Accumulator::operator=(Accumulator&&) noexcept = default;

void Accumulator::update(const std::vector<RowBytes>& layers, MatrixView<const double> targets,
                         MatrixView<const double> predictions) {
  work_->update(layers, targets, predictions);
}
void Accumulator::merge(Accumulator& other) { work_->merge(*other.work_); }
void Accumulator::reset() { work_->reset(); }
std::uint64_t Accumulator::rows() const { return work_->rows(); }
const std::vector<AccumulatedLayer>& Accumulator::layers() const { return work_->layers(); }
std::size_t Accumulator::targets() const { return work_->targets(); }
Results Accumulator::compute(const AccumulatedCheckpoint& about) { return work_->compute(about); }
void Accumulator::begin_look() { work_->begin_look(); }
void Accumulator::look(const std::vector<RowBytes>& layers, MatrixView<const double> targets) {
  work_->look(layers, targets);
}
void Accumulator::write(PartSink& sink) { work_->write({}, Looks::one, sink); }

}  // namespace collapscope
