// The cost model behind one look or two.
#pragma once

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Rough rates of one machine and one core.
inline constexpr double product_rate = 20e9;    // float64 operations per second
inline constexpr double plain_read_rate = 2e9;  // bytes per second, from the page cache
inline constexpr double dear_read_rate = 2e8;   // bytes per second, inflating or putting together

// Operations of the products and decompositions of rows of d features.
[[nodiscard]] double operations_of(std::uint64_t rows, std::size_t features);

// Sets few_rows. signal_dim: k.
void choose_rows(LayerPlan& plan, std::size_t signal_dim, const AnalysisOptions& options);

// Sets looks, spares_look, normalized_scatter and reason. dear: the bytes are compressed or have to be put
// together.
void choose_looks(LayerPlan& plan, std::size_t targets, const AnalysisOptions& options, bool dear);

// The same for a plan with classes, and what their sums have.
void choose_looks_of_classes(LayerPlan& plan, const AnalysisOptions& options);

}  // namespace collapscope
