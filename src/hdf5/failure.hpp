// From an error to an entry in DumpIndex::failures.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>

#include "collapscope/core/error.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope::hdf5 {

[[nodiscard]] inline Failure failure_of(const InputError& error) {
  return {error.file(), error.object(), error.message()};
}

// Adds what index() gives of the dump at `path`, or its failure.
template <class Index>
void add_index(DumpIndex& all, const std::string& path, Index index) {
  try {
    DumpIndex one = index();
    std::ranges::move(one.checkpoints, std::back_inserter(all.checkpoints));
    std::ranges::move(one.failures, std::back_inserter(all.failures));
    std::ranges::move(one.remarks, std::back_inserter(all.remarks));
    std::ranges::move(one.lost, std::back_inserter(all.lost));
  } catch (const InputError& error) {
    all.failures.push_back(failure_of(error));
    all.lost.push_back(path);
  }
}

}  // namespace collapscope::hdf5
