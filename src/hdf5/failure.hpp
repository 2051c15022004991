// From an error to an entry in DumpIndex::failures.
#pragma once

#include "collapscope/core/error.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

[[nodiscard]] inline Failure failure_of(const InputError& error) {
  return {error.file(), error.object(), error.message()};
}

}  // namespace collapscope::hdf5
