// What this build is made of.
#pragma once

#include <string>

namespace collapscope {

struct BuildInfo {
  std::string version;  // "0.1.0"
  std::string commit;   // git commit, or "unknown"
  std::string hdf5;     // version of the HDF5 library in use
  std::string cuda;     // "CUDA 13.0" when the build has a GPU module, else why not
  std::string mpi;      // "standard 3.1" when the build has an MPI module, else why not
};

[[nodiscard]] BuildInfo build_info();

}  // namespace collapscope
