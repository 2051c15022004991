// A file that is written while it is read gives numbers of two files.
#pragma once

#include <optional>

#include "collapscope/core/files.hpp"
#include "hdf5/handle.hpp"

namespace collapscope::hdf5 {

// Throws InputError unless a file is as it was; what is not known is not compared.
void require_state(const std::optional<FileState>& was, const std::optional<FileState>& is,
                   const Place& place);

}  // namespace collapscope::hdf5
