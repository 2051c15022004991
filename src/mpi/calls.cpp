#include "mpi/calls.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <string>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::mpi {

void check(int code, std::string_view what) {
  if (code == MPI_SUCCESS) {
    return;
  }
  std::string text(MPI_MAX_ERROR_STRING, '\0');
  int size = 0;
  MPI_Error_string(code, text.data(), &size);
  text.resize(static_cast<std::size_t>(size));
  throw Error(fmt::format("MPI cannot {}: {}", what, printable(text)));
}

}  // namespace collapscope::mpi
