// Safetensors files made for one test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hdf5/support.hpp"

namespace collapscope::testing {

// Writes 8 bytes of header length, the header and the numbers.
void write_raw(const std::string& path, std::uint64_t length, std::string_view header,
               std::string_view numbers);
// The same with the header's own length.
void write_safetensors(const std::string& path, std::string_view header, std::string_view numbers);

// Tensors of float32, one after another, as a file.
struct NamedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<float> numbers;
};
void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors);

}  // namespace collapscope::testing
