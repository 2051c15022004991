#include "hdf5/global_heap.hpp"

#include <cstring>
#include <span>
#include <string_view>

#include "core/little_endian.hpp"

namespace collapscope::hdf5 {

std::optional<std::vector<std::byte>> heap_object(const StoredFile& file, std::uint64_t address,
                                                  std::uint64_t number, std::size_t bytes) {
  constexpr std::string_view signature = "GCOL";
  constexpr std::size_t header_bytes = 16;
  constexpr int most_objects = 65536;
  std::vector<std::byte> header(header_bytes);
  const std::uint64_t file_end = file.size();
  const auto read = [&](std::uint64_t at, std::vector<std::byte>& to) {
    const bool inside = at <= file_end && to.size() <= file_end - at;
    if (inside) {
      file.read(at, to);
    }
    return inside;
  };
  if (!read(address, header) || std::memcmp(header.data(), signature.data(), signature.size()) != 0) {
    return std::nullopt;
  }
  const std::uint64_t size = little_endian(std::span(header).subspan(8), 8);
  std::uint64_t at = header_bytes;
  for (int object = 0; object < most_objects && at + header_bytes <= size && read(address + at, header);
       ++object) {
    const std::uint64_t object_bytes = little_endian(std::span(header).subspan(8), 8);
    at += header_bytes;
    if (little_endian(header, 2) == number) {
      std::vector<std::byte> begin(bytes);
      return object_bytes >= bytes && read(address + at, begin) ? std::optional(begin) : std::nullopt;
    }
    if (object_bytes > size - at) {
      return std::nullopt;
    }
    at += (object_bytes + 7) / 8 * 8;
  }
  return std::nullopt;
}

}  // namespace collapscope::hdf5
