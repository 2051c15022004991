// collapscope synth: dumps with known answers.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "choices.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/synth/synth.hpp"
#include "command.hpp"
#include "commands.hpp"
#include "outputs.hpp"
#include "stop_signals.hpp"

namespace collapscope::tools {

namespace {

const Choices<ElementKind> elements{{"float16", ElementKind::float16},
                                    {"bfloat16", ElementKind::bfloat16},
                                    {"float32", ElementKind::float32},
                                    {"float64", ElementKind::float64}};
const Choices<SynthStorage> storages{{"contiguous", SynthStorage::contiguous},
                                     {"chunked", SynthStorage::chunked},
                                     {"gzip", SynthStorage::gzip}};

// Of samples, features, classes and chunks: none below 0. What is too few the specification knows, and what
// is too much the disk.
constexpr Range some{0, std::size_t{1} << 60U};

// Beside a SynthSpec.
struct CommonOptions {
  std::string output;
  std::string element = "float64";
  std::string storage = "contiguous";
};
struct UfmOptions : CommonOptions {
  UfmSpec spec;
};
struct PlantedOptions : CommonOptions {
  PlantedSpec spec;
};

struct ClassOptions : CommonOptions {
  ClassSpec spec;
  std::string geometry = "etf";
};

void add_output(Command& command, CommonOptions& options) {
  command.add({.names = {"-o", "--output"},
               .target = &options.output,
               .description = "the dump to write",
               .placeholder = "FILE",
               .not_empty = true,
               .required = true});
}

void add_storage(Command& command, CommonOptions& options, SynthSpec& spec) {
  command.add({.names = {"--dtype"},
               .target = &options.element,
               .description = "type of the activations",
               .choices = names_of(elements),
               .any_case = true,
               .preset = options.element});
  command.add({.names = {"--storage"},
               .target = &options.storage,
               .description = "storage of the activations",
               .choices = names_of(storages),
               .any_case = true,
               .preset = options.storage});
  command.add({.names = {"--chunk"},
               .target = &spec.chunk,
               .description = "chunk shape, with --storage chunked or gzip: ROWS FEATURES",
               .placeholder = "INT INT",
               .range = some,
               .count = 2});
  command.add({.names = {"--run"}, .target = &spec.run, .description = "attribute run"});
  command.add({.names = {"--step"}, .target = &spec.step, .description = "attribute step"});
}

void add_common(Command& command, CommonOptions& options, SynthSpec& spec) {
  add_output(command, options);
  command.add({.names = {"-N", "--samples"},
               .target = &spec.samples,
               .description = "samples N, more than 2 (d + 1)",
               .range = some,
               .preset = std::to_string(spec.samples)});
  command.add({.names = {"-d", "--features"},
               .target = &spec.features,
               .description = "features d",
               .range = some,
               .preset = std::to_string(spec.features)});
  command.add({.names = {"-n", "--targets"},
               .target = &spec.targets,
               .description = "target components n, at most d",
               .range = some,
               .preset = std::to_string(spec.targets)});
  add_storage(command, options, spec);
}

void complete(SynthSpec& spec, const CommonOptions& options) {
  spec.element = elements.at(options.element);
  spec.storage = storages.at(options.storage);
}

// With write_ufm or another one that fits the specification. The exit status.
template <class Options, class Write>
int write(const Options& options, Write write_dump) {
  if (options.output == "-") {
    throw UsageError(
        "-o -: a dump is a file, which standard output cannot be; expected a name, or ./- for that name");
  }
  check_writable(options.output);
  StopRequest stop;
  const StopSignals signals(stop);
  try {
    write_dump(options.output, options.spec, &stop);
  } catch (const Stopped& stopped) {
    throw Stopped(fmt::format("{}; {} is not written, and what there was of it is removed", stopped.what(),
                              printable(options.output)));
  }
  return done;
}

Command ufm_command() {
  const auto options = std::make_shared<UfmOptions>();
  Command command("ufm", "the minimum of the unconstrained feature model: NRC1 = NRC2 = NRC3 = 0");
  add_common(command, *options, options->spec);
  command.add({.names = {"--lambda-w"},
               .target = &options->spec.lambda_w,
               .description = "regularization of the weight",
               .preset = fmt::format("{}", options->spec.lambda_w)});
  command.add({.names = {"--lambda-h"},
               .target = &options->spec.lambda_h,
               .description = "regularization of the features",
               .preset = fmt::format("{}", options->spec.lambda_h)});
  command.action = [options] {
    complete(options->spec, *options);
    return write(*options, write_ufm);
  };
  return command;
}

Command planted_command() {
  const auto options = std::make_shared<PlantedOptions>();
  Command command("planted", "layers whose share of noise, and so deep_nrc1, is given");
  add_common(command, *options, options->spec);
  command.add({.names = {"--noise"},
               .target = &options->spec.noise,
               .description = "share of noise of each layer, e.g. 0.5,0.1,1e-3",
               .separator = ',',
               .preset = list_preset(options->spec.noise)});
  command.add({.names = {"--offset"},
               .target = &options->spec.offset,
               .description = "mean of every feature, in units of their rms deviation",
               .preset = fmt::format("{}", options->spec.offset)});
  command.action = [options] {
    complete(options->spec, *options);
    std::ranges::for_each(coarse_layers(options->spec), tell);
    return write(*options, write_planted);
  };
  return command;
}

// name: etf, whose layers have collapsed unless --nc1 says otherwise, or classes.
Command class_command(const std::string& name, const std::string& summary, bool is_etf) {
  const auto options = std::make_shared<ClassOptions>();
  ClassSpec& spec = options->spec;
  if (is_etf) {
    spec.nc1 = {0};
  }
  Command command(name, summary);
  add_output(command, *options);
  command.add({.names = {"-K", "--classes"},
               .target = &spec.classes,
               .description = is_etf ? "classes K, at most d + 1" : "classes K",
               .range = some,
               .preset = std::to_string(spec.classes)});
  command.add({.names = {"-n", "--rows"},
               .target = &spec.rows,
               .description = "rows of each class, of the rarer ones with --imbalance; 3 or more with noise",
               .range = some,
               .preset = std::to_string(spec.rows)});
  command.add({.names = {"-d", "--features"},
               .target = &spec.features,
               .description = "features d",
               .range = some,
               .preset = std::to_string(spec.features)});
  command.add({.names = {"--nc1"},
               .target = &spec.nc1,
               .description = "nc1 of each layer, e.g. 1,0.1,1e-3",
               .separator = ',',
               .preset = list_preset(spec.nc1)});
  command.add({.names = {"--imbalance"},
               .target = &spec.imbalance,
               .description = "the first half of the classes has so many times as many rows",
               .range = some,
               .preset = std::to_string(spec.imbalance)});
  if (is_etf) {
    command.add({.names = {"--geometry"},
                 .target = &options->geometry,
                 .description =
                     "of the class means and the weight: etf, or seli, what SELI predicts for the imbalance",
                 .choices = {"etf", "seli"},
                 .preset = options->geometry});
  }
  add_storage(command, *options, spec);
  command.action = [options, is_etf] {
    complete(options->spec, *options);
    options->spec.geometry = options->geometry == "seli" ? ClassGeometry::seli : ClassGeometry::etf;
    if (is_etf && options->spec.features + 1 < options->spec.classes) {
      throw UsageError(
          fmt::format("a simplex of {} classes needs {} features, found {}; 'synth classes' takes any number",
                      options->spec.classes, options->spec.classes - 1, options->spec.features));
    }
    std::ranges::for_each(coarse_layers(options->spec), tell);
    return write(*options, write_classes);
  };
  return command;
}

}  // namespace

Command synth_command() {
  Command command("synth", "write dumps with known answers, of any size");
  command.commands = {
      ufm_command(), planted_command(),
      class_command("etf", "a collapsed classifier: class means and weight are a simplex", true),
      class_command("classes", "layers of a classifier whose nc1 is given, of any number of classes", false)};
  return command;
}

}  // namespace collapscope::tools
