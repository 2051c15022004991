#include "dump_options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "collapscope/error.hpp"
#include "collapscope/text.hpp"

namespace collapscope::tools {

namespace {

NamedLayout parse_layout(const std::string& text) {
  if (const auto layout = find_layout(text)) {
    return *layout;
  }
  throw UsageError(
      fmt::format("unknown layout '{}': expected NTD, NCHW, NHWC, NCL, NCDHW or NDHWC", printable(text)));
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

}  // namespace

void add_dump_options(CLI::App& command, DumpOptions& options) {
  command
      .add_option("DUMP", options.dumps,
                  "HDF5 files, folders of them, quoted globs, or @FILE with one per line")
      ->required();
  command.add_option("--layers", options.layers, "only layers whose name matches GLOB; may be repeated")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  command
      .add_option("--signal-dim", options.signal_dim,
                  "dimension of the signal subspace: a number, or 'intrinsic' for the targets' rank "
                  "(default: the number of target components)")
      ->type_name("K");
  command.add_option("--top", options.top, "explained-variance ratios to report")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 20U))
      ->capture_default_str();
  command.add_option("--pool", options.pool,
                     "how sequences and images become samples: mean, max, first, last, flatten, none "
                     "(default: as the file says, else mean)");
  command
      .add_option("--metrics", options.metrics, "only these metrics: names and globs, separated by commas")
      ->type_name("LIST");
  command
      .add_option("--looks", options.looks,
                  "read the rows once, twice, or as a cost model decides: 1, 2, auto")
      ->check(CLI::IsMember({"1", "2", "auto"}))
      ->capture_default_str();
  command
      .add_option("--precision", options.precision,
                  "products of features: float64, or fast, float32 within a few hundred rows, with higher "
                  "floors")
      ->check(CLI::IsMember({"float64", "fast"}))
      ->capture_default_str();
  command
      .add_option("--spectrum", options.spectrum,
                  "compute all eigenpairs of the features, the leading few, or what the metrics need: full, "
                  "leading, auto")
      ->check(CLI::IsMember({"full", "leading", "auto"}))
      ->capture_default_str();
  command.add_option("--device", options.device, "auto, cpu, cuda, cuda:N or cuda:all")
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads (default: all that the process may use)")
      ->check(CLI::Range(std::size_t{1}, std::size_t{4096}));
  command
      .add_option("--memory", options.memory, "memory for data, e.g. 2GiB (default: half of what is free)")
      ->type_name("SIZE");
  command.add_flag("--shards", options.shards, "the dumps are parts of the same checkpoints, to be joined");
  command
      .add_option(
          "--weights", options.weights,
          "weights from a safetensors file instead of the dump; {name} in it stands for the dump's file "
          "name without extension, so that each dump has its own")
      ->type_name("FILE");
  const std::string foreign = "Files not written for us";
  command
      .add_option("--activations", options.naming.activations,
                  "activations, e.g. 'acts/*': * is the layer's name")
      ->group(foreign);
  command.add_option("--targets", options.naming.targets, "targets (default: targets)")->group(foreign);
  command.add_option("--predictions", options.naming.predictions, "predictions")->group(foreign);
  command
      .add_option("--weight", options.naming.weight,
                  "weights, e.g. 'params/{layer}/kernel'; with --weights, names in that file (default: "
                  "'{layer}.weight')")
      ->group(foreign);
  command.add_option("--bias", options.naming.bias, "biases, e.g. 'params/{layer}/bias'")->group(foreign);
  command
      .add_flag("--transpose-activations", options.naming.transpose_activations,
                "activations, targets and predictions have their axes in reverse, samples last, as MATLAB "
                "writes them")
      ->group(foreign);
  command.add_flag("--transpose-weight", options.naming.transpose_weight, "weights are stored [d, m]")
      ->group(foreign);
  command
      .add_option("--weight-layout", options.naming.weight_layout,
                  "of convolutions' weights with as many axes: OIHW, HWIO, OIW, WIO, OIDHW, DHWIO")
      ->check(CLI::IsMember({"OIHW", "HWIO", "OIW", "WIO", "OIDHW", "DHWIO"}, CLI::ignore_case))
      ->group(foreign);
  command.add_option("--dtype", options.dtype, "what integers of 16 bits hold: bfloat16 or float16")
      ->check(CLI::IsMember({"bfloat16", "float16"}))
      ->group(foreign);
  command
      .add_option("--layout", options.layout,
                  "of activations with as many axes: NTD, NCHW, NHWC, NCL, NCDHW, NDHWC")
      ->group(foreign);
}

AnalysisOptions analysis_options(const DumpOptions& options) {
  AnalysisOptions result;
  result.layers = options.layers;
  result.intrinsic_signal_dim = options.signal_dim == "intrinsic";
  if (!options.signal_dim.empty() && !result.intrinsic_signal_dim) {
    result.signal_dim = parse_signal_dim(options.signal_dim);
  }
  result.top = options.top;
  if (!options.pool.empty()) {
    result.pool = parse_pool(options.pool);
  }
  result.metrics = MetricChoice(options.metrics);
  result.looks = options.looks == "1" ? Looks::one : options.looks == "2" ? Looks::two : Looks::automatic;
  result.precision = options.precision == "fast" ? Precision::fast : Precision::float64;
  result.spectrum = options.spectrum == "full"      ? SpectrumChoice::full
                    : options.spectrum == "leading" ? SpectrumChoice::leading
                                                    : SpectrumChoice::automatic;
  result.memory = options.memory.empty() ? 0 : parse_bytes(options.memory);
  return result;
}

IndexOptions index_options(const DumpOptions& options) {
  IndexOptions result;
  result.naming = options.naming;
  result.layers = options.layers;
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
