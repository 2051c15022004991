// What is wrong with the stored bytes of a chunk; who knows which chunk it is says more.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <stdexcept>

namespace collapscope::hdf5 {

class DamagedChunk : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void refuse_size(std::size_t found, std::size_t expected) {
  throw DamagedChunk(fmt::format("found {} bytes, expected {}", found, expected));
}

}  // namespace collapscope::hdf5
