#include "analysis/layer_format.hpp"

#include <fmt/format.h>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

// [m, C, positions] -> [m positions, C]: the input subspace of a convolution lives in its channels.
Matrix channels_last(const Matrix& weight, std::size_t channels) {
  const std::size_t positions = weight.cols() / channels;
  Matrix out(weight.rows() * positions, channels);
  for (std::size_t m = 0; m < weight.rows(); ++m) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t p = 0; p < positions; ++p) {
        out(m * positions + p, c) = weight(m, c * positions + p);
      }
    }
  }
  return out;
}

Matrix transposed(const Matrix& a) {
  Matrix out(a.cols(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.cols(); ++j) {
      out(j, i) = a(i, j);
    }
  }
  return out;
}

}  // namespace

RowFormat layer_format(const LayerIndex& layer, std::optional<Pool> pool) {
  const std::vector<std::uint64_t>& shape = layer.activations.shape;
  RowFormat format{layer.activations.element, layer.layout, pool.value_or(layer.pool.value_or(Pool::mean)), 1,
                   0};
  switch (layer.layout) {
    case Layout::rows:
      format.channels = shape.at(1);
      break;
    case Layout::ntd:
      format.positions = shape.at(1);
      format.channels = shape.at(2);
      break;
    case Layout::nchw:
      format.channels = shape.at(1);
      format.positions = shape.at(2) * shape.at(3);
      break;
    case Layout::nhwc:
      format.channels = shape.at(3);
      format.positions = shape.at(1) * shape.at(2);
      break;
  }
  return format;
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
    return {channels_last(stored, d), true, {}};
  }
  const std::uint64_t width = layer.weight_transposed ? index.shape.at(0) : index.shape.at(1);
  if (width != d) {
    const bool flat = width == format.sample_elements();
    throw InputError(
        index.file, index.object,
        fmt::format("found shape {}, expected {} input features as the pooled activations have{}",
                    shape_text(index.shape), d, flat ? " (pool 'flatten' would fit)" : ""));
  }
  const Matrix stored = read_matrix(index);
  return {layer.weight_transposed ? transposed(stored) : stored, false, {}};
}

}  // namespace collapscope
