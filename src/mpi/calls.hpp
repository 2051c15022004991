// Calls of MPI, checked.
#pragma once

#include <string_view>

namespace collapscope::mpi {

// Throws Error with MPI's own words where `code` is no success. what: "send to rank 3".
void check(int code, std::string_view what);

}  // namespace collapscope::mpi
