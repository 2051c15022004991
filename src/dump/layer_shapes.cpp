#include "dump/layer_shapes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

using Shape = std::vector<std::uint64_t>;

struct KernelNames {
  std::string_view outputs_first;
  std::string_view outputs_last;
};

// By the number of a weight's axes, from 3 on.
constexpr std::array<KernelNames, 3> kernels{{{"OIW", "WIO"}, {"OIHW", "HWIO"}, {"OIDHW", "DHWIO"}}};

bool is_kernel(const Shape& weight) { return weight.size() >= 3 && weight.size() < 3 + kernels.size(); }

std::string_view kernel_name(KernelOrder order, std::size_t axes) {
  const KernelNames& names = kernels.at(axes - 3);
  return order == KernelOrder::outputs_last ? names.outputs_last : names.outputs_first;
}

std::uint64_t inputs_of(const Shape& kernel, KernelOrder order) {
  return order == KernelOrder::outputs_last ? kernel[kernel.size() - 2] : kernel[1];
}

std::uint64_t outputs_of(const Shape& kernel, KernelOrder order) {
  return order == KernelOrder::outputs_last ? kernel.back() : kernel.front();
}

Shape window_of(const Shape& kernel, KernelOrder order) {
  return order == KernelOrder::outputs_last ? Shape(kernel.begin(), kernel.end() - 2)
                                            : Shape(kernel.begin() + 2, kernel.end());
}

bool is_square(const Shape& window) {
  return std::ranges::all_of(window, [&](std::uint64_t extent) { return extent == window.front(); });
}

std::string reading(const Shape& kernel, KernelOrder order) {
  return fmt::format("{} ({} outputs, {} inputs, a window of {})", kernel_name(order, kernel.size()),
                     outputs_of(kernel, order), inputs_of(kernel, order),
                     fmt::join(window_of(kernel, order), " x "));
}

// Both orders fit. PyTorch's is meant unless the images have their channels last or only the other order has
// a square window; of 1-D convolutions, whose inputs are in the middle either way, where channels are first.
std::string settle(LayerIndex& layer) {
  const Shape& kernel = layer.weight->shape;
  const bool first_is_odd = !is_square(window_of(kernel, KernelOrder::outputs_first)) &&
                            is_square(window_of(kernel, KernelOrder::outputs_last));
  if (kernel.size() == 3 ? layer.layout == Layout::nchw : layer.layout != Layout::nhwc && !first_is_odd) {
    layer.kernel_order = KernelOrder::outputs_first;
    return "";
  }
  return fmt::format(
      "found a weight of shape {}, which may be {} or {}; expected --weight-layout {} or {}, or an attribute "
      "'layout' of the weight that says which",
      shape_text(kernel), reading(kernel, KernelOrder::outputs_first),
      reading(kernel, KernelOrder::outputs_last), kernel_name(KernelOrder::outputs_first, kernel.size()),
      kernel_name(KernelOrder::outputs_last, kernel.size()));
}

bool fits(const LayerIndex& layer, KernelOrder order) {
  return inputs_of(layer.weight->shape, order) == sample_extents(layer).channels;
}

std::string kernel_misfit(LayerIndex& layer) {
  const Shape& kernel = layer.weight->shape;
  const std::uint64_t channels = sample_extents(layer).channels;
  if (layer.kernel_order != KernelOrder::unsaid) {
    return fits(layer, layer.kernel_order)
               ? ""
               : fmt::format(
                     "found a weight of shape {}, that is {}; expected {} inputs for activations of "
                     "shape {}",
                     shape_text(kernel), reading(kernel, layer.kernel_order), channels,
                     shape_text(layer.activations.shape));
  }
  const bool first = fits(layer, KernelOrder::outputs_first);
  const bool last = fits(layer, KernelOrder::outputs_last);
  if (first && last) {
    return settle(layer);
  }
  // A weight of PyTorch's that is another layer's may happen to fit the other way around.
  if (!first && (!last || layer.layout != Layout::nhwc)) {
    constexpr std::array<std::string_view, 3> windows{"k", "kh, kw", "kd, kh, kw"};
    const bool grouped = !last && channels % kernel[1] == 0;
    return fmt::format(
        "found a weight of shape {0}; expected [m, {1}, {2}]{3} for activations of shape {4}{5}",
        shape_text(kernel), channels, windows.at(kernel.size() - 3),
        last ? fmt::format(", or --weight-layout {} if it is [{}, {}, m]",
                           kernel_name(KernelOrder::outputs_last, kernel.size()),
                           windows.at(kernel.size() - 3), channels)
             : fmt::format(" or [{}, {}, m]", windows.at(kernel.size() - 3), channels),
        shape_text(layer.activations.shape),
        grouped ? fmt::format("; a convolution in {} groups? Store its weight in full, with zeros "
                              "between groups, or leave it out",
                              channels / kernel[1])
                : "");
  }
  layer.kernel_order = first ? KernelOrder::outputs_first : KernelOrder::outputs_last;
  return "";
}

}  // namespace

SampleExtents sample_extents(const LayerIndex& layer) {
  const Shape& shape = layer.activations.shape;
  const std::size_t channels_at = layer.layout == Layout::nchw || shape.size() == 2 ? 1 : shape.size() - 1;
  SampleExtents extents{shape.at(channels_at), 1};
  for (std::size_t axis = 1; axis < shape.size(); ++axis) {
    extents.positions *= axis == channels_at ? 1 : shape[axis];
  }
  return extents;
}

std::optional<NamedKernel> find_kernel(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::ranges::replace(name, 'L', 'W');  // OIL
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    if (name == kernels[i].outputs_first) {
      return NamedKernel{KernelOrder::outputs_first, i + 3};
    }
    if (name == kernels[i].outputs_last) {
      return NamedKernel{KernelOrder::outputs_last, i + 3};
    }
  }
  return std::nullopt;
}

std::string weight_misfit(LayerIndex& layer) {
  const Shape& shape = layer.weight->shape;
  if (is_kernel(shape) && !layer.weight_transposed) {
    return kernel_misfit(layer);
  }
  const SampleExtents extents = sample_extents(layer);
  const std::uint64_t flat = extents.channels * extents.positions;
  if (shape.size() == 2) {
    const std::uint64_t inputs = shape[layer.weight_transposed ? 0 : 1];
    if (inputs == extents.channels || inputs == flat) {
      return "";
    }
  }
  const std::string lengths =
      flat == extents.channels ? fmt::format("{}", flat) : fmt::format("{} or {}", extents.channels, flat);
  return fmt::format("found a weight of shape {}; expected {} with d = {}{} for activations of shape {}{}",
                     shape_text(shape), layer.weight_transposed ? "[d, m]" : "[m, d]", lengths,
                     layer.weight_transposed ? "" : fmt::format(", or [m, {}, kh, kw]", extents.channels),
                     shape_text(layer.activations.shape),
                     shape.size() == 1 ? "; of a normalization's scale leave it out" : "");
}

std::string bias_misfit(const LayerIndex& layer) {
  const std::vector<std::uint64_t>& shape = layer.bias->shape;
  std::optional<std::uint64_t> outputs;
  if (layer.weight) {
    const bool last = layer.weight_transposed || layer.kernel_order == KernelOrder::outputs_last;
    outputs = last ? layer.weight->shape.back() : layer.weight->shape.front();
  }
  if (shape.size() == 1 && (!outputs || shape[0] == *outputs)) {
    return "";
  }
  return fmt::format(
      "found a bias of shape {}; expected [{}]{}", shape_text(shape),
      outputs ? fmt::format("{}", *outputs) : "m",
      outputs ? fmt::format(" as the weight has shape {}", shape_text(layer.weight->shape)) : "");
}

}  // namespace collapscope
