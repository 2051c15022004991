// From an error to an entry in DumpIndex::failures.
#pragma once

#include "collapscope/dump.hpp"
#include "collapscope/error.hpp"

namespace collapscope::hdf5 {

[[nodiscard]] inline Failure failure_of(const InputError& error) {
  return {error.file(), error.object(), error.message()};
}

}  // namespace collapscope::hdf5
