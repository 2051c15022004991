// How a layer's stored samples become rows.
#pragma once

#include <optional>

#include "collapscope/dump/dump.hpp"
#include "collapscope/metrics/summaries.hpp"

namespace collapscope {

// The format of `layer`, with `pool` before the file's own before `mean`.
[[nodiscard]] RowFormat layer_format(const LayerIndex& layer, std::optional<Pool> pool);

// Throws InputError where the weight, which the layer has, takes another number of features.
void require_weight_fits(const LayerIndex& layer, const RowFormat& format);

// The weight as a map of the rows' features: [m, d], or [m kh kw, C] for a convolution. Empty with a reason
// when it does not act on these rows. Throws InputError when the shapes do not fit.
struct LayerWeight {
  Matrix matrix;
  bool convolution = false;
  std::string missing;                                 // why there is none
  std::vector<double> bias{};                          // [m], where it is read as a classifier
  std::optional<Balancedness> balance = std::nullopt;  // with the next layer's weight
  std::string no_balance{};                            // why there is none
};
[[nodiscard]] LayerWeight layer_weight(const LayerIndex& layer, const RowFormat& format);

}  // namespace collapscope
