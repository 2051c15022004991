// collapscope synth: dumps with known answers.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "collapscope/synth.hpp"
#include "commands.hpp"

namespace collapscope::tools {

namespace {

const std::map<std::string, ElementKind> elements{{"float16", ElementKind::float16},
                                                  {"bfloat16", ElementKind::bfloat16},
                                                  {"float32", ElementKind::float32},
                                                  {"float64", ElementKind::float64}};
const std::map<std::string, SynthStorage> storages{{"contiguous", SynthStorage::contiguous},
                                                   {"chunked", SynthStorage::chunked},
                                                   {"gzip", SynthStorage::gzip}};

void add_common(CLI::App& command, SynthSpec& spec, std::string& output) {
  command.add_option("-o,--output", output, "the dump to write")->required()->type_name("FILE");
  command.add_option("-N,--samples", spec.samples, "samples N, more than 2 (d + 1)")->capture_default_str();
  command.add_option("-d,--features", spec.features, "features d")->capture_default_str();
  command.add_option("-n,--targets", spec.targets, "target components n, at most d")->capture_default_str();
  command
      .add_option_function<std::string>(
          "--dtype", [&spec](const std::string& name) { spec.element = elements.at(name); },
          "type of the activations")
      ->transform(CLI::IsMember(elements, CLI::ignore_case))
      ->default_str("float64");
  command
      .add_option_function<std::string>(
          "--storage", [&spec](const std::string& name) { spec.storage = storages.at(name); },
          "storage of the activations")
      ->transform(CLI::IsMember(storages, CLI::ignore_case))
      ->default_str("contiguous");
  command.add_option("--chunk", spec.chunk, "chunk shape: ROWS FEATURES")->expected(2)->type_name("INT INT");
  command.add_option("--run", spec.run, "attribute run");
  command.add_option("--step", spec.step, "attribute step");
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("synth", "write dumps with known answers, of any size");
  command->require_subcommand(1);
  const auto output = std::make_shared<std::string>();

  const auto ufm = std::make_shared<UfmSpec>();
  CLI::App* ufm_command = command->add_subcommand(
      "ufm", "the minimum of the unconstrained feature model: NRC1 = NRC2 = NRC3 = 0");
  add_common(*ufm_command, *ufm, *output);
  ufm_command->add_option("--lambda-w", ufm->lambda_w, "regularization of the weight")->capture_default_str();
  ufm_command->add_option("--lambda-h", ufm->lambda_h, "regularization of the features")
      ->capture_default_str();
  ufm_command->callback([=, &action] {
    action = [=] {
      write_ufm(*output, *ufm);
      return static_cast<int>(done);
    };
  });

  const auto planted = std::make_shared<PlantedSpec>();
  CLI::App* planted_command =
      command->add_subcommand("planted", "layers whose share of noise, and so deep_nrc1, is given");
  add_common(*planted_command, *planted, *output);
  planted_command->add_option("--noise", planted->noise, "share of noise of each layer, e.g. 0.5,0.1,1e-3")
      ->delimiter(',')
      ->capture_default_str();
  planted_command
      ->add_option("--offset", planted->offset, "mean of every feature, in units of their rms deviation")
      ->capture_default_str();
  planted_command->callback([=, &action] {
    action = [=] {
      write_planted(*output, *planted);
      return static_cast<int>(done);
    };
  });
}

}  // namespace collapscope::tools
