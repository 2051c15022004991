// Which decompositions and maps the metrics that are wanted take.
#pragma once

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Of a plan whose format and looks are known. targets: n.
[[nodiscard]] LayerNeeds layer_needs(const LayerPlan& plan, std::size_t targets,
                                     const AnalysisOptions& options);

// Among so many eigenpairs of S_HH are all that are not 0, where its rows are few: N - 1 at most, or the
// signal subspace and one pair behind it. 0: the rows are not few, all pairs are as quick.
[[nodiscard]] std::size_t pairs_of_few_rows(std::uint64_t rows, std::size_t signal_dim, std::size_t features);

// Whether any of the names is wanted.
[[nodiscard]] bool wants_any(const MetricChoice& metrics, std::span<const std::string_view> names);

}  // namespace collapscope
