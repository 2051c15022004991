// libFuzzer: headers of safetensors files, and the numbers that they name.
#include "weights/safetensors.hpp"

#include <memory>
#include <vector>

#include "collapscope/core/error.hpp"
#include "in_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace collapscope;
  try {
    for (const auto& [name, tensor] : index_safetensors(fuzz::file_of(data, size))) {
      if (tensor.readable && tensor.dataset.bytes() > 0 && !tensor.dataset.shape.empty()) {
        std::vector<std::byte> bytes(tensor.dataset.bytes());
        open_rows(tensor.dataset, 0)->read(0, tensor.dataset.samples(), bytes);
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
