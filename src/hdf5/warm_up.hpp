// What helpers would each do anew: HDF5's first steps, before they are forked.
#pragma once

namespace collapscope::hdf5 {

// Indexes a small dump in memory, so that HDF5 is set up and every function that indexing calls is bound. What
// fails here costs helpers time, nothing else.
void warm_up();

}  // namespace collapscope::hdf5
