// LayerIndex from the parts of a layer.
#pragma once

#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/links.hpp"
#include "hdf5/naming.hpp"

namespace collapscope::hdf5 {

// Throws InputError for what cannot be analysed. What may have been meant otherwise goes to `remarks`.
[[nodiscard]] LayerIndex index_layer(FileSet& files, const Object& checkpoint, const LayerParts& parts,
                                     const IndexOptions& options, const DatasetIndex& targets,
                                     std::vector<Failure>& remarks);

// A layer that is not analysed.
struct UnmeasuredLayer {
  LayerIndex layer;  // name and index alone
  bool is_readable = true;
  bool has_failed = false;  // or it is not wanted
};
[[nodiscard]] UnmeasuredLayer unmeasured_layer(FileSet& files, const Object& checkpoint,
                                               const LayerParts& parts, bool has_failed);

// By index, those without one last, then naturally by name.
[[nodiscard]] bool comes_before(const LayerIndex& a, const LayerIndex& b);

// Throws InputError unless both have the same number of samples; names both.
void require_same_samples(const Place& place, const DatasetIndex& dataset, const DatasetIndex& targets);

}  // namespace collapscope::hdf5
