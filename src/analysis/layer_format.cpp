#include "analysis/layer_format.hpp"

#include <fmt/format.h>

#include <span>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "dump/layer_shapes.hpp"
#include "linalg/coordinates.hpp"

namespace collapscope {

namespace {

// [m, C, positions] or [positions, C, m] -> [m positions, C]: the input subspace of a convolution lives in
// its channels.
Matrix channels_last(std::span<const double> weight, std::size_t channels, std::size_t outputs,
                     bool outputs_last) {
  const std::size_t positions = weight.size() / channels / outputs;
  Matrix out(outputs * positions, channels);
  for (std::size_t m = 0; m < outputs; ++m) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t p = 0; p < positions; ++p) {
        out(m * positions + p, c) = outputs_last ? weight[(p * channels + c) * outputs + m]
                                                 : weight[(m * channels + c) * positions + p];
      }
    }
  }
  return out;
}

}  // namespace

RowFormat layer_format(const LayerIndex& layer, std::optional<Pool> pool) {
  const SampleExtents extents = sample_extents(layer);
  return {layer.activations.element, layer.layout, pool.value_or(layer.pool.value_or(Pool::mean)),
          extents.positions, extents.channels};
}

void require_weight_fits(const LayerIndex& layer, const RowFormat& format) {
  const DatasetIndex& index = *layer.weight;
  if (index.shape.size() > 2) {  // channels, which the index has compared, or no weight of flattened ones
    return;
  }
  const std::size_t d = format.row_length();
  const std::uint64_t width = layer.weight_transposed ? index.shape.at(0) : index.shape.at(1);
  if (width != d) {
    const bool flat = width == format.sample_elements();
    throw InputError(
        index.file, index.object,
        fmt::format("found shape {}, expected {} input features as the pooled activations have{}",
                    shape_text(index.shape), d, flat ? " (pool 'flatten' would fit)" : ""));
  }
}

LayerWeight layer_weight(const LayerIndex& layer, const RowFormat& format) {
  if (!layer.weight) {
    return {{}, false, "no weight"};
  }
  const DatasetIndex& index = *layer.weight;
  const std::size_t d = format.row_length();
  if (index.shape.size() > 2) {
    if (format.pool == Pool::flatten && format.positions > 1) {
      return {{}, true, "convolution of flattened features"};
    }
    const Matrix stored = read_matrix(index);
    const bool outputs_last = layer.kernel_order == KernelOrder::outputs_last;
    return {channels_last(stored.values(), d, outputs_last ? index.shape.back() : index.shape.front(),
                          outputs_last),
            true,
            {}};
  }
  require_weight_fits(layer, format);
  const Matrix stored = read_matrix(index);
  return {layer.weight_transposed ? linalg::transposed(stored) : stored, false, {}};
}

}  // namespace collapscope
