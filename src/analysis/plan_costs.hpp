// The cost model behind one look or two.
#pragma once

#include "collapscope/analysis.hpp"

namespace collapscope {

// Sets looks, normalized_scatter and reason. filtered: the bytes are compressed.
void choose_looks(LayerPlan& plan, std::size_t targets, const AnalysisOptions& options, bool filtered);

}  // namespace collapscope
