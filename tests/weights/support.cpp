#include "weights/support.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>

#include "collapscope/core/text.hpp"

namespace collapscope::testing {

void write_raw(const std::string& path, std::uint64_t length, std::string_view header,
               std::string_view numbers) {
  std::ofstream file(path, std::ios::binary);
  for (unsigned byte = 0; byte < 8; ++byte) {
    file.put(static_cast<char>((length >> (8U * byte)) & 0xffU));
  }
  file << header << numbers;
  ASSERT_TRUE(file.good());
}

void write_safetensors(const std::string& path, std::string_view header, std::string_view numbers) {
  write_raw(path, header.size(), header, numbers);
}

void write_tensors(const std::string& path, const std::vector<NamedTensor>& tensors) {
  std::string header = R"({"__metadata__": {"format": "pt"})";
  std::string numbers;
  for (const NamedTensor& tensor : tensors) {
    std::string bytes(tensor.numbers.size() * sizeof(float), '\0');
    if (!bytes.empty()) {
      std::memcpy(bytes.data(), tensor.numbers.data(), bytes.size());
    }
    header += fmt::format(R"(, "{}": {{"dtype": "F32", "shape": {}, "data_offsets": [{}, {}]}})", tensor.name,
                          shape_text(tensor.shape), numbers.size(), numbers.size() + bytes.size());
    numbers += bytes;
  }
  write_safetensors(path, header + "}", numbers);
}

}  // namespace collapscope::testing
