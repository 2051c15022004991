// What of a checkpoint may have been meant otherwise, or can only have been.
#pragma once

#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/naming.hpp"

namespace collapscope::hdf5 {

// "epoch" without "step", strengths of regularization that are no numbers.
void remark_on_attributes(const CheckpointIndex& checkpoint, const Attributes& attributes, const Place& place,
                          std::vector<Failure>& remarks);

// Layers, in their order, that lack an index or named parameters, while others have them, or share an index.
void remark_on_layers(const CheckpointIndex& checkpoint, const DumpNaming& naming, const Place& place,
                      std::vector<Failure>& remarks);

// Throws InputError where one name stands for the weights of several layers: each would get those of one.
void require_own_parameters(const std::vector<LayerParts>& layers, const DumpNaming& naming,
                            const Place& place);

}  // namespace collapscope::hdf5
