#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/weights/weights.hpp"
#include "core/fill.hpp"
#include "dump/layer_shapes.hpp"
#include "weights/safetensors.hpp"

namespace collapscope {

namespace {

using Tensors = std::map<std::string, Tensor>;

std::string file_for(const CheckpointIndex& checkpoint, const std::string& pattern) {
  const std::string name = std::filesystem::path(checkpoint.path).stem();
  return fill(fill(pattern, "{checkpoint}", checkpoint.id), "{name}", name);
}

// Names that files give must not lead out of the folder that the user named.
void require_plain_name(const CheckpointIndex& checkpoint, const std::string& pattern) {
  const auto require = [&](const char* placeholder, const std::string& name) {
    const bool leads_on =
        name == "." || name == ".." || name.find_first_of(std::string_view("/\0", 2)) != std::string::npos;
    if (leads_on && pattern.find(placeholder) != std::string::npos) {
      throw InputError(
          checkpoint.path, checkpoint.id,
          fmt::format("its name '{}' stands for {} in --weights, where it leads to another folder; "
                      "expected a plain name: nothing was opened",
                      printable(name), placeholder));
    }
  };
  require("{checkpoint}", checkpoint.id);
  require("{name}", std::filesystem::path(checkpoint.path).stem());
}

// "fc" of "fc#2", the second call of a module.
std::string module_of(const std::string& layer) {
  const std::size_t mark = layer.rfind('#');
  const bool numbered = mark != std::string::npos && mark + 1 < layer.size() &&
                        std::all_of(layer.begin() + static_cast<std::ptrdiff_t>(mark) + 1, layer.end(),
                                    [](char c) { return c >= '0' && c <= '9'; });
  return numbered ? layer.substr(0, mark) : layer;
}

// The tensor of this name for `layer`, or nullptr.
const Tensor* find(const Tensors& tensors, const std::string& naming, const std::string& layer) {
  const auto named = tensors.find(fill(naming, "{layer}", layer));
  if (named != tensors.end()) {
    return &named->second;
  }
  const auto of_module = tensors.find(fill(naming, "{layer}", module_of(layer)));
  return of_module == tensors.end() ? nullptr : &of_module->second;
}

// What the bias may be called where the weight is called so.
std::string bias_like(std::string weight) {
  for (const std::string_view part : {"weight", "kernel"}) {
    if (const std::size_t at = weight.rfind(part); at != std::string::npos) {
      return weight.replace(at, part.size(), "bias");
    }
  }
  return "";
}

DatasetIndex dataset_of(const Tensor& tensor) {
  if (!tensor.readable) {
    throw InputError(tensor.dataset.file, tensor.dataset.object,
                     fmt::format("found numbers of type {}; expected F64, F32, F16, BF16 or integers",
                                 printable(tensor.type)));
  }
  return tensor.dataset;
}

void require_fit(const std::string& misfit, const DatasetIndex& dataset) {
  if (!misfit.empty()) {
    throw InputError(dataset.file, dataset.object, misfit);
  }
}

// What quantized weights have beside them, in place of the end of their name.
constexpr std::array<std::string_view, 8> scale_names{"SCB",    "weight_scale",     "weight_scale_inv",
                                                      "scales", "weight.absmax",    "weight.quant_state",
                                                      "qzeros", "weight_zero_point"};

// Integers that are codes of a quantization: there are scales beside them.
void refuse_codes(const Tensor& weight, const Tensors& tensors) {
  const std::string& name = weight.dataset.object;
  const std::string before = name.substr(0, name.rfind('.') + 1);  // empty without a '.'
  for (const std::string_view scale : scale_names) {
    const auto found = tensors.find(before + std::string(scale));
    if (weight.dataset.element.is_integer() && found != tensors.end()) {
      throw InputError(weight.dataset.file, name,
                       fmt::format("found {} integers beside {}, so they are quantized; expected the weight "
                                   "itself: dequantize it before saving",
                                   printable(weight.type), printable(found->first)));
    }
  }
}

// False when there is no weight for the layer. A vector, a normalization's scale, is none.
bool use_weight(LayerIndex& layer, const Tensors& tensors, const WeightsNaming& naming) {
  const std::string before = layer.bias ? layer.bias->object : "";
  layer.weight.reset();
  layer.bias.reset();
  layer.unused_bias.clear();
  layer.weight_transposed = naming.transposed;
  const Tensor* weight = find(tensors, naming.weight, layer.name);
  if (weight == nullptr || weight->dataset.shape.size() < 2) {
    return false;
  }
  layer.weight = dataset_of(*weight);
  refuse_codes(*weight, tensors);
  const std::size_t axes = layer.weight->shape.size();
  const auto kernel = find_kernel(naming.layout);
  layer.kernel_order = kernel && kernel->axes == axes ? kernel->order
                       : axes == 3                    ? KernelOrder::outputs_first  // as PyTorch writes it
                                                      : KernelOrder::unsaid;
  require_fit(weight_misfit(layer), *layer.weight);
  if (const Tensor* bias = find(tensors, naming.bias, layer.name)) {
    layer.bias = dataset_of(*bias);
    require_fit(bias_misfit(layer), *layer.bias);
  } else {
    const Tensor* beside = find(tensors, bias_like(naming.weight), layer.name);
    layer.unused_bias = beside != nullptr ? beside->dataset.object : before;
  }
  return true;
}

std::string some_names(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", printable(names[i]));
  }
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::vector<std::string> matrices(const Tensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.dataset.shape.size() >= 2) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end(), natural_less);
  return names;
}

std::string found_text(const Tensors& tensors) {
  if (tensors.empty()) {
    return "nothing";
  }
  const std::vector<std::string> names = matrices(tensors);
  if (!names.empty()) {
    return some_names(names);
  }
  const auto& [name, tensor] = *tensors.begin();
  return fmt::format("no tensor of two axes or more, but {} of shape {}", printable(name),
                     shape_text(tensor.dataset.shape));
}

[[noreturn]] void refuse(const std::string& file, const Tensors& tensors, const WeightsNaming& naming,
                         const std::vector<std::string>& layers) {
  std::vector<std::string> expected;
  for (const std::string& layer : layers) {
    expected.push_back(fill(naming.weight, "{layer}", module_of(layer)));
  }
  throw InputError(file, "",
                   fmt::format("has a weight for none of the layers: found {}; expected {}. --weight "
                               "'PREFIX.{{layer}}.weight' tells how they are named",
                               found_text(tensors), some_names(expected)));
}

// One name for the layers of several modules would give each the weight of one.
void require_own_names(const std::string& file, const std::vector<LayerIndex>& layers,
                       const WeightsNaming& naming) {
  std::set<std::string> modules;
  for (const LayerIndex& layer : layers) {
    modules.insert(module_of(layer.name));
  }
  for (const auto& [option, pattern] : {std::pair{"--weight", naming.weight}, {"--bias", naming.bias}}) {
    if (modules.size() > 1 && pattern.find("{layer}") == std::string::npos) {
      throw InputError(file, "",
                       fmt::format("{} '{}' names one tensor for {} layers; expected {{layer}} in it, which "
                                   "stands for a layer's name, or a single layer, as --layers chooses it",
                                   option, printable(pattern), modules.size()));
    }
  }
}

void use_file(CheckpointIndex& part, const std::string& file, const Tensors& tensors,
              const WeightsNaming& naming, FoundWeights& found) {
  std::vector<LayerIndex> layers;
  std::vector<std::string> without;
  const std::size_t all = part.layers.size();
  for (LayerIndex& layer : part.layers) {
    try {
      if (!use_weight(layer, tensors, naming)) {
        without.push_back(layer.name);
      }
      layers.push_back(std::move(layer));
    } catch (const InputError& error) {
      found.failures.push_back({part.path, layer.name, error.what()});
    }
  }
  part.layers = std::move(layers);
  if (all > 0 && without.size() == all) {
    refuse(file, tensors, naming, without);
  }
  for (const LayerIndex& layer : part.layers) {
    if (layer.weight && layer.weight->element.is_integer()) {
      found.notes.push_back(
          fmt::format("{}: {}: {} integers, measured as they are; of a quantized weight they would "
                      "lack its scales",
                      printable(file), printable(layer.weight->object), layer.weight->element.name()));
    }
  }
  if (!without.empty()) {
    found.notes.push_back(fmt::format("{}: no weight for {} of {} layers: {}", printable(file),
                                      without.size(), all, some_names(without)));
  }
}

std::string title(const CheckpointIndex& checkpoint) {
  return printable(checkpoint.path) +
         (checkpoint.id.empty() ? "" : " checkpoint " + printable(checkpoint.id));
}

// Throws UsageError unless every checkpoint has a file of its own.
std::vector<std::string> files_of(const std::vector<Checkpoint>& checkpoints, const WeightsNaming& naming) {
  std::vector<std::string> files;
  std::map<std::string, const CheckpointIndex*> owners;
  for (const Checkpoint& checkpoint : checkpoints) {
    files.push_back(file_for(checkpoint.front(), naming.file));
    const auto [owner, fresh] = owners.emplace(files.back(), &checkpoint.front());
    if (!fresh) {
      throw UsageError(
          fmt::format("--weights gives {} to {} and to {}: expected a file for each checkpoint; {{name}} "
                      "stands for the dump's name without extension, {{checkpoint}} for the checkpoint's "
                      "name in it",
                      printable(files.back()), title(*owner->second), title(checkpoint.front())));
    }
  }
  return files;
}

}  // namespace

FoundWeights use_weights(std::vector<Checkpoint>& checkpoints, const WeightsNaming& naming) {
  const std::vector<std::string> files = files_of(checkpoints, naming);
  FoundWeights found;
  std::vector<Checkpoint> kept;
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    Checkpoint& checkpoint = checkpoints[i];
    FoundWeights here;
    try {
      require_plain_name(checkpoint.front(), naming.file);
      const Tensors tensors = index_safetensors(files[i]);
      for (CheckpointIndex& part : checkpoint.shards) {
        require_own_names(files[i], part.layers, naming);
        use_file(part, files[i], tensors, naming, here);
      }
      if (std::ranges::all_of(checkpoint.shards,
                              [](const CheckpointIndex& part) { return !part.layers.empty(); })) {
        kept.push_back(std::move(checkpoint));
      }
    } catch (const InputError& error) {
      here.failures.assign(1, {checkpoint.front().path, checkpoint.front().id, error.what()});
      here.notes.clear();
    }
    std::ranges::move(here.failures, std::back_inserter(found.failures));
    std::ranges::move(here.notes, std::back_inserter(found.notes));
  }
  checkpoints = std::move(kept);
  return found;
}

}  // namespace collapscope
