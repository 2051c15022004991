// Which decompositions and maps the metrics that are wanted take.
#pragma once

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Of a plan whose format and looks are known. targets: n.
[[nodiscard]] LayerNeeds layer_needs(const LayerPlan& plan, std::size_t targets,
                                     const AnalysisOptions& options);

// Whether any of the names is wanted.
[[nodiscard]] bool wants_any(const MetricChoice& metrics, std::span<const std::string_view> names);

}  // namespace collapscope
