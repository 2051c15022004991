#include "dump_options.hpp"
#include "choices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/dump/isolation.hpp"
#include "collapscope/metrics/metrics.hpp"
#include "command.hpp"
#include "words.hpp"

namespace collapscope::tools {

namespace {

NamedLayout parse_layout(const std::string& text) {
  if (const auto layout = find_layout(text)) {
    return *layout;
  }
  throw UsageError(
      fmt::format("unknown layout '{}': expected NTD, NCHW, NHWC, NCL, NCDHW or NDHWC", printable(text)));
}

// Says what was probably meant; whatever else is wrong MetricChoice says.
void check_metric_names(std::string_view list) {
  std::vector<std::string> names;
  for (const MetricInfo& info : metric_catalogue()) {
    names.emplace_back(info.name);
  }
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string name(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    const std::string hint = did_you_mean(name, names);
    const auto fits = [&](const std::string& metric) { return glob_match(name, metric); };
    if (!hint.empty() && name.find_first_of(" \t") == std::string::npos &&
        std::ranges::none_of(names, fits)) {
      throw UsageError(fmt::format("no metric is called '{}'{} 'collapscope metrics' lists them all",
                                   printable(name), hint));
    }
  }
}

std::size_t parse_signal_dim(const std::string& text) {
  std::size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value == 0) {
    throw UsageError(
        fmt::format("--signal-dim takes a positive number or 'intrinsic', found '{}'", printable(text)));
  }
  return value;
}

std::int64_t parse_label(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw UsageError(fmt::format("--ignore-label takes a whole number, found '{}'", printable(text)));
  }
  return value;
}

// Which samples and layers, and what of them.
void add_selection(Command& command, DumpOptions& options) {
  command.add({.names = {"DUMP"},
               .target = &options.dumps,
               .description = "HDF5 files, folders of them, quoted globs, or @FILE with one per line",
               .required = true});
  command.add({.names = {"--layers"},
               .target = &options.layers,
               .description = "only layers whose name matches GLOB; may be repeated",
               .placeholder = "GLOB",
               .one_word = true});
  command.add({.names = {"--signal-dim"},
               .target = &options.signal_dim,
               .description =
                   "dimension of the signal subspace: a number, or 'intrinsic' for the targets' rank "
                   "(default: the number of target components)",
               .placeholder = "K",
               .not_empty = true});
  command.add({.names = {"--ignore-label"},
               .target = &options.ignore_label,
               .description = "of classification: leave out samples with this label, e.g. -100",
               .placeholder = "LABEL",
               .not_empty = true});
  command.add({.names = {"--top"},
               .target = &options.top,
               .description = "explained-variance ratios to report",
               .range = Range{0, std::size_t{1} << 20U},
               .preset = std::to_string(options.top)});
  command.add({.names = {"--pool"},
               .target = &options.pool,
               .description =
                   "how sequences and images become samples: mean, max, first, last, flatten, none "
                   "(default: as the file says, else mean)",
               .some = {"mean", "max", "first", "last", "flatten", "none"},
               .not_empty = true});
  command.add({.names = {"--metrics"},
               .target = &options.metrics,
               .description = "only these metrics: names and globs, separated by commas",
               .placeholder = "LIST",
               .not_empty = true});
  command.add({.names = {"--per-class"},
               .target = &options.per_class,
               .description = "of classification: also results of each class; -o FILE.csv writes them to "
                              "FILE.classes.csv"});
}

void add_computation(Command& command, DumpOptions& options) {
  command.add({.names = {"--looks"},
               .target = &options.looks,
               .description = "read the rows once, twice, or as a cost model decides: 1, 2, auto",
               .choices = {"1", "2", "auto"},
               .preset = options.looks});
  command.add({.names = {"--precision"},
               .target = &options.precision,
               .description =
                   "products of features: float64, or fast, float32 within a few hundred rows, with "
                   "higher floors, or float64-emulated, by cuBLAS on GPUs of slow float64",
               .choices = {"float64", "fast", "float64-emulated"},
               .preset = options.precision});
  command.add({.names = {"--spectrum"},
               .target = &options.spectrum,
               .description = "compute all eigenpairs of the features, the leading few, or what the metrics "
                              "need: full, leading, auto",
               .choices = {"full", "leading", "auto"},
               .preset = options.spectrum});
  command.add({.names = {"--device"},
               .target = &options.device,
               .description = "auto, cpu, cuda, cuda:N or cuda:all; only auto falls back to the CPU",
               .some = some_devices(),
               .preset = options.device});
  command.add({.names = {"--threads"},
               .target = &options.threads,
               .description = "threads (default: all that the process may use)",
               .range = Range{1, 4096}});
  command.add({.names = {"--memory"},
               .target = &options.memory,
               .description = "memory for data, e.g. 2GiB (default: half of what is free)",
               .placeholder = "SIZE",
               .not_empty = true});
}

void add_naming(Command& command, DumpOptions& options) {
  const std::string foreign = "Files not written for us";
  command.add({.names = {"--activations"},
               .target = &options.naming.activations,
               .description = "activations, e.g. 'acts/*': * is the layer's name",
               .not_empty = true,
               .group = foreign});
  command.add({.names = {"--targets"},
               .target = &options.naming.targets,
               .description = "targets (default: targets)",
               .not_empty = true,
               .group = foreign});
  command.add({.names = {"--predictions"},
               .target = &options.naming.predictions,
               .description = "predictions",
               .not_empty = true,
               .group = foreign});
  command.add({.names = {"--weight"},
               .target = &options.naming.weight,
               .description =
                   "weights, e.g. 'params/{layer}/kernel'; with --weights, names in that file (default: "
                   "'{layer}.weight')",
               .not_empty = true,
               .group = foreign});
  command.add({.names = {"--bias"},
               .target = &options.naming.bias,
               .description = "biases, e.g. 'params/{layer}/bias'",
               .not_empty = true,
               .group = foreign});
  command.add({.names = {"--transpose-activations"},
               .target = &options.naming.transpose_activations,
               .description =
                   "activations, targets and predictions have their axes in reverse, samples last, as MATLAB "
                   "writes them",
               .group = foreign});
  command.add({.names = {"--transpose-weight"},
               .target = &options.naming.transpose_weight,
               .description = "weights are stored [d, m]",
               .group = foreign});
  command.add(
      {.names = {"--weight-layout"},
       .target = &options.naming.weight_layout,
       .description = "of convolutions' weights with as many axes: OIHW, HWIO, OIW, WIO, OIDHW, DHWIO",
       .choices = {"OIHW", "HWIO", "OIW", "WIO", "OIDHW", "DHWIO"},
       .any_case = true,
       .group = foreign});
  command.add({.names = {"--dtype"},
               .target = &options.dtype,
               .description = "what integers of 16 bits hold: bfloat16 or float16",
               .choices = {"bfloat16", "float16"},
               .group = foreign});
  command.add({.names = {"--task"},
               .target = &options.task,
               .description = "of dumps that say none: classification (targets are labels) or regression",
               .choices = {"classification", "regression"},
               .group = foreign});
  command.add({.names = {"--layout"},
               .target = &options.layout,
               .description = "of activations with as many axes: NTD, NCHW, NHWC, NCL, NCDHW, NDHWC",
               .some = {"NTD", "NCHW", "NHWC", "NCL", "NCDHW", "NDHWC"},
               .not_empty = true,
               .group = foreign});
}

}  // namespace

void add_dump_options(Command& command, DumpOptions& options) {
  add_selection(command, options);
  add_computation(command, options);
  command.add({.names = {"--shards"},
               .target = &options.shards,
               .description = "the dumps are parts of the same checkpoints, to be joined"});
  command.add({.names = {"--weights"},
               .target = &options.weights,
               .description =
                   "weights from a safetensors file instead of the dump; {name} in it stands for the "
                   "dump's file name without extension, so that each dump has its own",
               .placeholder = "FILE",
               .not_empty = true});
  command.add({.names = {"--trust"},
               .target = &options.trust,
               .description =
                   "open the dumps in this process: a damaged one may end it (default: in helpers, with few "
                   "rights and bounds of memory and time)"});
  add_naming(command, options);
}

void isolate_unless_trusted(const DumpOptions& options) {
  if (options.trust) {
    return;
  }
  try {
    isolate_hdf5();
  } catch (const Error& error) {
    throw Error(fmt::format("{}; --trust opens the dumps without another process", error.what()));
  }
}

std::uint64_t memory_option(const std::string& text) {
  const std::uint64_t bytes = text.empty() ? 0 : parse_bytes(text);
  if (bytes == 0 && !text.empty()) {
    throw UsageError(
        fmt::format("--memory takes a size above 0, found '{}'; without it half of what is free is "
                    "taken",
                    printable(text)));
  }
  return bytes;
}

AnalysisOptions analysis_options(const DumpOptions& options) {
  AnalysisOptions result;
  result.layers = options.layers;
  result.intrinsic_signal_dim = options.signal_dim == "intrinsic";
  if (!options.signal_dim.empty() && !result.intrinsic_signal_dim) {
    result.signal_dim = parse_signal_dim(options.signal_dim);
  }
  if (!options.ignore_label.empty()) {
    result.ignore_label = parse_label(options.ignore_label);
  }
  result.top = options.top;
  if (!options.pool.empty()) {
    result.pool = parse_pool(options.pool);
  }
  check_metric_names(options.metrics);
  result.metrics = MetricChoice(options.metrics);
  result.per_class = options.per_class;
  result.looks = options.looks == "1" ? Looks::one : options.looks == "2" ? Looks::two : Looks::automatic;
  result.precision = options.precision == "fast"               ? Precision::fast
                     : options.precision == "float64-emulated" ? Precision::float64_emulated
                                                               : Precision::float64;
  result.spectrum = options.spectrum == "full"      ? SpectrumChoice::full
                    : options.spectrum == "leading" ? SpectrumChoice::leading
                                                    : SpectrumChoice::automatic;
  result.memory = memory_option(options.memory);
  return result;
}

IndexOptions index_options(const DumpOptions& options) {
  IndexOptions result;
  result.naming = options.naming;
  result.layers = options.layers;
  result.memory = memory_option(options.memory);
  if (!options.weights.empty()) {  // which --weight and --bias then name
    result.naming.weight.clear();
    result.naming.bias.clear();
    result.naming.transpose_weight = false;
  }
  if (!options.layout.empty()) {
    result.naming.layout = parse_layout(options.layout);
  }
  if (!options.dtype.empty()) {
    result.read_as = options.dtype == "float16" ? ElementKind::float16 : ElementKind::bfloat16;
  }
  result.task = options.task;
  const bool extra = !result.naming.predictions.empty() || !result.naming.weight.empty() ||
                     !result.naming.bias.empty() || !result.naming.targets.empty();
  if (extra && options.naming.activations.empty()) {
    throw UsageError(
        "--targets, --predictions, --weight and --bias go with --activations, the last two also with "
        "--weights");
  }
  return result;
}

WeightsNaming weights_naming(const DumpOptions& options) {
  WeightsNaming result;
  result.file = options.weights;
  result.transposed = options.naming.transpose_weight;
  result.layout = options.naming.weight_layout;
  if (!options.naming.weight.empty()) {
    result.weight = options.naming.weight;
  }
  if (!options.naming.bias.empty()) {
    result.bias = options.naming.bias;
  }
  return result;
}

}  // namespace collapscope::tools
