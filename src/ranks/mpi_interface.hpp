// What the MPI module gives to the program: a table of C functions would do no more.
#pragma once

#include "collapscope/ranks/ranks.hpp"

namespace collapscope::ranks {

struct MpiInterface {
  using Version = const char* (*)();
  // Joins the job; a new object. Throws Error.
  using Join = Ranks* (*)();

  static constexpr const char* version_name = "collapscope_mpi_version";
  static constexpr const char* join_name = "collapscope_mpi_join";
};

}  // namespace collapscope::ranks
