// libFuzzer: what helpers answer.
#include "hdf5/index_wire.hpp"

#include "collapscope/core/error.hpp"
#include "hdf5/index_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace collapscope;
  try {
    hdf5::check_index(hdf5::read_index_answer(std::as_bytes(std::span(data, size))), "/dev/null", {});
  } catch (const Error&) {
  }
  return 0;
}
