// The layout and the pooling of activations: as the user, their group or they themselves say.
#pragma once

#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// What stands at a layer's group, or nothing where it has none.
struct GroupSays {
  const Attributes& attributes;
  const Place& place;
  bool is_dump = true;  // false: a file that was not written for us
};

// Fills in layout and pool of a layer whose activations are described. What is not heeded goes to `remarks`.
// Throws InputError.
void read_layout(const GroupSays& group, const Object& activations, const Place& place,
                 const IndexOptions& options, LayerIndex& layer, std::vector<Failure>& remarks);

}  // namespace collapscope::hdf5
