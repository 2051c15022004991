// The cost model behind one look or two.
#pragma once

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Sets looks, spares_look, normalized_scatter and reason. dear: the bytes are compressed or have to be put
// together.
void choose_looks(LayerPlan& plan, std::size_t targets, const AnalysisOptions& options, bool dear);

}  // namespace collapscope
