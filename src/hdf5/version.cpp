#include "collapscope/core/version.hpp"

#include <fmt/format.h>
#include <hdf5.h>

#include "build_config.hpp"
#include "hdf5/handle.hpp"

namespace collapscope {

BuildInfo build_info() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  const hdf5::Session session;  // before the library has started by itself
  H5get_libversion(&major, &minor, &release);
  return {config::version, config::commit, fmt::format("{}.{}.{}", major, minor, release), config::cuda,
          config::mpi};
}

}  // namespace collapscope
