// collapscope._core: the accumulator, for Python. collapscope/accumulator.py has what people call.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/analysis/accumulator.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/core/version.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "collapscope/results/results_file.hpp"
#include "collapscope/states/states.hpp"

namespace nb = nanobind;

namespace collapscope::python {

namespace {

using Rows = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig>;  // of the CPU, or of row_stream's device
using Numbers = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
// As Python has them: bool before int, and that before float, which would take large ones rounded.
using Attribute = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

std::optional<ElementKind> find_kind(nb::dlpack::dtype type) {
  const auto with_bits = [&](ElementKind of_8, ElementKind of_16, ElementKind of_32, ElementKind of_64) {
    switch (type.bits) {
      case 8:
        return std::optional(of_8);
      case 16:
        return std::optional(of_16);
      case 32:
        return std::optional(of_32);
      case 64:
        return std::optional(of_64);
      default:
        return std::optional<ElementKind>();
    }
  };
  if (type.lanes != 1) {
    return std::nullopt;
  }
  switch (static_cast<nb::dlpack::dtype_code>(type.code)) {
    case nb::dlpack::dtype_code::Float:
      return type.bits == 8 ? std::nullopt
                            : with_bits(ElementKind::float16, ElementKind::float16, ElementKind::float32,
                                        ElementKind::float64);
    case nb::dlpack::dtype_code::Bfloat:
      return type.bits == 16 ? std::optional(ElementKind::bfloat16) : std::nullopt;
    case nb::dlpack::dtype_code::Int:
      return with_bits(ElementKind::int8, ElementKind::int16, ElementKind::int32, ElementKind::int64);
    case nb::dlpack::dtype_code::UInt:
      return with_bits(ElementKind::uint8, ElementKind::uint16, ElementKind::uint32, ElementKind::uint64);
    default:
      return std::nullopt;
  }
}

// is_bits: of bfloat16, which NumPy does not have.
ElementType element_of(const Rows& rows, bool is_bits) {
  const std::optional<ElementKind> kind = is_bits ? ElementKind::bfloat16 : find_kind(rows.dtype());
  if (!kind) {
    throw UsageError(
        "found numbers of a type that is not measured; expected floats of 16, 32 or 64 bits, bfloat16 or "
        "integers");
  }
  return {*kind, false};
}

RowBytes bytes_of(const Rows& rows) {
  return {{static_cast<const std::byte*>(rows.data()), rows.nbytes()},
          rows.device_type() == nb::device::cuda::value};
}

MatrixView<const double> view_of(const Numbers& numbers) {
  return {numbers.data(), numbers.shape(0), numbers.shape(1)};
}

std::vector<double> numbers_of(const std::optional<Numbers>& numbers) {
  return numbers ? std::vector<double>(numbers->data(), numbers->data() + numbers->size())
                 : std::vector<double>();
}

Matrix matrix_of(const std::optional<Numbers>& numbers) {
  if (!numbers) {
    return {};
  }
  Matrix matrix(numbers->shape(0), numbers->shape(1));
  std::copy_n(numbers->data(), matrix.values().size(), matrix.data());
  return matrix;
}

// The options of an analysis, as the program's command line has them.
struct Options {
  std::string metrics;
  std::string signal_dim;
  std::size_t top = 10;
  std::string precision = "float64";
  std::uint64_t memory = 0;
  std::string device = "cpu";
  std::size_t threads = 0;
  std::optional<std::int64_t> ignore_label;
  bool per_class = false;
};

AnalysisOptions analysis_of(const Options& options) {
  AnalysisOptions analysis;
  analysis.metrics = MetricChoice(options.metrics);
  analysis.top = options.top;
  analysis.memory = options.memory;
  analysis.ignore_label = options.ignore_label;
  analysis.per_class = options.per_class;
  analysis.intrinsic_signal_dim = options.signal_dim == "intrinsic";
  if (!options.signal_dim.empty() && !analysis.intrinsic_signal_dim) {
    std::size_t value = 0;
    const char* const last = options.signal_dim.data() + options.signal_dim.size();
    const auto [end, failure] = std::from_chars(options.signal_dim.data(), last, value);
    if (failure != std::errc() || end != last || value == 0) {
      throw UsageError("signal_dim: found '" + printable(options.signal_dim) +
                       "'; expected a whole number from 1 on, or 'intrinsic'");
    }
    analysis.signal_dim = value;
  }
  if (options.precision == "fast") {
    analysis.precision = Precision::fast;
  } else if (options.precision == "float64-emulated") {
    analysis.precision = Precision::float64_emulated;
  } else if (options.precision != "float64") {
    throw UsageError("precision: expected 'float64', 'fast' or 'float64-emulated'");
  }
  return analysis;
}

std::unique_ptr<Backend> backend_of(const std::string& device, std::size_t threads) {
  return make_backend(device, threads).backend;
}

// A layer before its rows are seen: their type is that of the first ones.
struct Layer {
  std::string name;
  std::size_t features = 0;
  std::optional<Numbers> weight;
  std::optional<std::int64_t> index;
  std::string kind;
  std::optional<Numbers> bias;  // [m, 1]
  bool convolution = false;
};

class PyAccumulator {
 public:
  // targets: n; classes: K; one of them is 0.
  PyAccumulator(const std::vector<Layer>& layers, std::size_t targets, std::uint64_t classes,
                const std::string& target_type, const Options& options)
      : targets_{targets, {}, classes}, options_(options) {
    for (const ElementKind kind :
         {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32, ElementKind::float64}) {
      targets_.element.kind = ElementType{kind, false}.name() == target_type ? kind : targets_.element.kind;
    }
    for (const Layer& layer : layers) {
      layers_.push_back({layer.name,
                         layer.features,
                         {},
                         matrix_of(layer.weight),
                         layer.index,
                         layer.kind,
                         numbers_of(layer.bias),
                         layer.convolution});
    }
    (void)analysis_of(options_);
  }

  // Before the first rows: this device, or the CPU where it cannot be used, or has too little memory for the
  // sums.
  void prefer_device(const std::string& device) {
    try {
      backend_ = backend_of(device, options_.threads);
      options_.device = device;
      may_leave_device_ = true;
    } catch (const DeviceError&) {
      options_.device = "cpu";
    }
  }

  // The device on which rows may be, and the stream that has to wait for them.
  [[nodiscard]] std::optional<std::pair<int, std::uintptr_t>> row_stream() {
    if (accumulator_ == nullptr && backend_ == nullptr) {
      backend_ = backend_of(options_.device, options_.threads);
    }
    const auto found = accumulator_ ? accumulator_->row_stream() : backend_->row_stream();
    return found ? std::optional(std::pair(found->device, reinterpret_cast<std::uintptr_t>(found->stream)))
                 : std::nullopt;
  }

  // False: the sums are on the CPU after all, and nothing was added: rows have to come there.
  bool update(const std::vector<Rows>& rows, const std::vector<bool>& bits, const Numbers& targets,
              const std::optional<Numbers>& predictions) {
    const std::vector<RowBytes> bytes = taken(rows, bits);
    const nb::gil_scoped_release others_may_go_on;
    Accumulator& sums = made();
    if (may_leave_device_ && !sums.row_stream() &&
        std::ranges::any_of(bytes, [](const RowBytes& some) { return some.on_device; })) {
      return false;
    }
    sums.update(bytes, view_of(targets), predictions ? view_of(*predictions) : MatrixView<const double>());
    return true;
  }

  void look(const std::vector<Rows>& rows, const std::vector<bool>& bits, const Numbers& targets) {
    const std::vector<RowBytes> bytes = taken(rows, bits);
    const nb::gil_scoped_release others_may_go_on;
    made().look(bytes, view_of(targets));
  }
  void begin_look() { made().begin_look(); }
  void end_look() { made().end_look(); }
  void merge(PyAccumulator& other) {
    if (other.accumulator_ == nullptr) {
      return;
    }
    if (accumulator_ == nullptr && layers_.size() == other.known().size()) {
      for (std::size_t i = 0; i < layers_.size(); ++i) {
        layers_[i].element = other.known()[i].element;
      }
      targets_.element = other.made().targets().element;
    }
    made().merge(other.made());
  }
  [[nodiscard]] PyAccumulator copy() {
    const nb::gil_scoped_release others_may_go_on;
    PyAccumulator copied({}, 0, 0, "", options_);
    copied.layers_ = layers_;
    copied.targets_ = targets_;
    copied.may_leave_device_ = may_leave_device_;
    if (accumulator_ != nullptr) {
      copied.accumulator_ =
          std::make_unique<Accumulator>(accumulator_->copy(backend_of(options_.device, options_.threads)));
    }
    return copied;
  }
  void reset() {
    if (accumulator_) {
      accumulator_->reset();
    }
  }
  void set_weight(std::size_t layer, const Numbers& weight, const std::optional<Numbers>& bias,
                  bool convolution) {
    if (accumulator_) {
      accumulator_->set_weight(layer, matrix_of(weight), numbers_of(bias), convolution);
    } else {
      layers_.at(layer).convolution = convolution;
      layers_.at(layer).weight = matrix_of(weight);
      layers_.at(layer).bias = numbers_of(bias);
    }
  }
  [[nodiscard]] std::uint64_t rows() const { return accumulator_ == nullptr ? 0 : accumulator_->rows(); }

  std::string compute(const std::string& path, const std::string& run, std::optional<double> step,
                      const Attributes& attributes, const std::vector<std::string>& class_names) {
    AccumulatedCheckpoint about{path, run, step, {}, class_names};
    for (const auto& [name, value] : attributes) {
      about.attributes.emplace_back(name,
                                    std::visit([](const auto& held) { return AttributeValue(held); }, value));
    }
    const nb::gil_scoped_release others_may_go_on;
    Results results = made().compute(about);
    const BuildInfo build = build_info();
    results.provenance.version = build.version;
    results.provenance.commit = build.commit;
    return results_json(results);
  }

  void save(const std::string& path) {
    const nb::gil_scoped_release others_may_go_on;
    const auto file = make_part_file(path, identity_of_memory(), {1, 1});
    made().write(*file);
    file->finish();
  }

  static PyAccumulator load(const std::string& path, const std::string& device, std::size_t threads) {
    const OpenParts parts = open_parts({path});
    Options options;
    options.device = device;
    options.threads = threads;
    PyAccumulator found({}, 0, 0, "", options);
    found.accumulator_ = std::make_unique<Accumulator>(*parts.source, backend_of(device, threads));
    return found;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const AccumulatedLayer& layer : known()) {
      names.push_back(layer.name);
    }
    return names;
  }
  [[nodiscard]] std::vector<std::size_t> features() const {
    std::vector<std::size_t> features;
    for (const AccumulatedLayer& layer : known()) {
      features.push_back(layer.features);
    }
    return features;
  }
  [[nodiscard]] std::size_t targets() const { return about_targets().components; }
  [[nodiscard]] std::string target_type() const { return about_targets().element.name(); }
  [[nodiscard]] std::uint64_t classes() const { return about_targets().classes; }
  [[nodiscard]] std::optional<std::int64_t> ignore_label() const {
    return accumulator_ ? accumulator_->ignore_label() : options_.ignore_label;
  }

 private:
  [[nodiscard]] AccumulatedTargets about_targets() const {
    return accumulator_ ? accumulator_->targets() : targets_;
  }
  [[nodiscard]] const std::vector<AccumulatedLayer>& known() const {
    return accumulator_ ? accumulator_->layers() : layers_;
  }

  // Checked against what came before; the first ones say what type they have.
  std::vector<RowBytes> taken(const std::vector<Rows>& rows, const std::vector<bool>& bits) {
    const std::size_t expected = known().size();
    if (rows.size() != expected || bits.size() != expected) {
      throw UsageError("rows of another number of layers");
    }
    std::vector<RowBytes> bytes;
    for (std::size_t i = 0; i < expected; ++i) {
      if (rows[i].device_type() != nb::device::cpu::value && !is_of_stream(rows[i])) {
        throw UsageError("layer '" + known()[i].name + "': found rows on another device than the sums");
      }
      const ElementType element = element_of(rows[i], bits[i]);
      if (accumulator_ == nullptr) {
        layers_[i].element = element;
      } else if (known()[i].element != element) {
        throw UsageError("layer '" + known()[i].name + "': found " + element.name() + " after " +
                         known()[i].element.name() + "; expected one type in all batches");
      }
      if (rows[i].shape(1) != known()[i].features) {
        throw UsageError("layer '" + known()[i].name + "': found rows of " +
                         std::to_string(rows[i].shape(1)) + " features; expected " +
                         std::to_string(known()[i].features));
      }
      bytes.push_back(bytes_of(rows[i]));
    }
    return bytes;
  }

  [[nodiscard]] bool is_of_stream(const Rows& rows) {
    const auto stream = row_stream();
    return rows.device_type() == nb::device::cuda::value && stream && rows.device_id() == stream->first;
  }

  Accumulator& made() {
    if (accumulator_ == nullptr) {
      try {
        accumulator_ = std::make_unique<Accumulator>(
            layers_, targets_, analysis_of(options_),
            backend_ != nullptr ? std::move(backend_) : backend_of(options_.device, options_.threads));
      } catch (const DeviceError&) {
        if (!may_leave_device_) {
          throw;
        }
        options_.device = "cpu";
        accumulator_ = std::make_unique<Accumulator>(layers_, targets_, analysis_of(options_),
                                                     backend_of(options_.device, options_.threads));
      }
    }
    return *accumulator_;
  }

  std::vector<AccumulatedLayer> layers_;
  AccumulatedTargets targets_;
  Options options_;
  std::unique_ptr<Backend> backend_;  // until there is an accumulator
  bool may_leave_device_ = false;     // nobody asked for it
  std::unique_ptr<Accumulator> accumulator_;
};

}  // namespace

}  // namespace collapscope::python

NB_MODULE(_core, m) {
  using namespace collapscope;
  using namespace collapscope::python;
  nb::set_leak_warnings(false);  // interpreters end without cleaning up
  m.doc() = "What collapscope.Accumulator stands on.";
  m.attr("version") = build_info().version;
  // The package raises its own errors: (kind, message).
  nb::exception<Error>(m, "CoreError", PyExc_RuntimeError);
  nb::exception<UsageError>(m, "CoreUsageError", PyExc_ValueError);
  nb::exception<InputError>(m, "CoreInputError", PyExc_ValueError);

  m.def(
      "parse_bytes", [](const std::string& text) { return parse_bytes(text); }, nb::arg("text"));

  nb::class_<Layer>(m, "Layer")
      .def(
          "__init__",
          [](Layer* self, std::string name, std::size_t features, std::optional<Numbers> weight,
             std::optional<std::int64_t> index, std::string kind, std::optional<Numbers> bias,
             bool convolution) {
            new (self) Layer{std::move(name), features,        std::move(weight), index,
                             std::move(kind), std::move(bias), convolution};
          },
          nb::arg("name"), nb::arg("features"), nb::arg("weight") = nb::none(), nb::arg("index") = nb::none(),
          nb::arg("kind") = "", nb::arg("bias") = nb::none(), nb::arg("convolution") = false);
  nb::class_<Options>(m, "Options")
      .def(nb::init<>())
      .def_rw("metrics", &Options::metrics)
      .def_rw("signal_dim", &Options::signal_dim)
      .def_rw("top", &Options::top)
      .def_rw("precision", &Options::precision)
      .def_rw("memory", &Options::memory)
      .def_rw("device", &Options::device)
      .def_rw("threads", &Options::threads)
      .def_rw("ignore_label", &Options::ignore_label, nb::arg().none())
      .def_rw("per_class", &Options::per_class);
  nb::class_<PyAccumulator>(m, "Accumulator")
      .def(nb::init<const std::vector<Layer>&, std::size_t, std::uint64_t, const std::string&,
                    const Options&>(),
           nb::arg("layers"), nb::arg("targets"), nb::arg("classes"), nb::arg("target_type"),
           nb::arg("options"))
      .def("update", &PyAccumulator::update, nb::arg("rows"), nb::arg("bits"), nb::arg("targets"),
           nb::arg("predictions") = nb::none())
      .def("look", &PyAccumulator::look, nb::arg("rows"), nb::arg("bits"), nb::arg("targets"))
      .def("begin_look", &PyAccumulator::begin_look)
      .def("end_look", &PyAccumulator::end_look)
      .def("prefer_device", &PyAccumulator::prefer_device, nb::arg("device"))
      .def_prop_ro("row_stream", &PyAccumulator::row_stream)
      .def("merge", &PyAccumulator::merge, nb::arg("other"))
      .def("copy", &PyAccumulator::copy)
      .def("reset", &PyAccumulator::reset)
      .def("set_weight", &PyAccumulator::set_weight, nb::arg("layer"), nb::arg("weight"),
           nb::arg("bias") = nb::none(), nb::arg("convolution") = false)
      .def("compute", &PyAccumulator::compute, nb::arg("path"), nb::arg("run"), nb::arg("step").none(),
           nb::arg("attributes"), nb::arg("class_names"))
      .def("save", &PyAccumulator::save, nb::arg("path"))
      .def_static("load", &PyAccumulator::load, nb::arg("path"), nb::arg("device"), nb::arg("threads"))
      .def_prop_ro("names", &PyAccumulator::names)
      .def_prop_ro("features", &PyAccumulator::features)
      .def_prop_ro("targets", &PyAccumulator::targets)
      .def_prop_ro("target_type", &PyAccumulator::target_type)
      .def_prop_ro("classes", &PyAccumulator::classes)
      .def_prop_ro("ignore_label", &PyAccumulator::ignore_label)
      .def_prop_ro("rows", &PyAccumulator::rows);
}
