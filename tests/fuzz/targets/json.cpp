// libFuzzer: results files, and the JSON below them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/results/results_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    (void)collapscope::parse_results({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const collapscope::Error&) {
  }
  return 0;
}
