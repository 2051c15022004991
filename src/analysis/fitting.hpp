// Checks that an analysis and a look at what it will do share. Throw InputError.
#pragma once

#include <cstddef>
#include <vector>

#include "collapscope/analysis/analysis.hpp"

namespace collapscope {

// Throws UsageError for options that no analysis can have.
void require_sane(const AnalysisOptions& options);

// Targets or predictions of shards have the same columns and type.
void require_alike(const std::vector<DatasetIndex>& shards);

// Of labels of positions: so many rows of a sample, which lie as the labels do.
void require_positions(const DatasetIndex& activations, const RowFormat& format, std::size_t positions);

}  // namespace collapscope
