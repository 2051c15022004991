#include "hdf5/object_header.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/little_endian.hpp"
#include "hdf5/global_heap.hpp"

namespace collapscope::hdf5 {

namespace {

using ByteView = std::span<const std::byte>;

constexpr std::uint64_t layout_message = 0x0008;
constexpr std::uint64_t attribute_message = 0x000c;
constexpr std::uint64_t continuation_message = 0x0010;
constexpr std::size_t most_block_bytes = std::size_t{1} << 20;
constexpr std::size_t most_blocks = 64;
constexpr std::size_t checksum_bytes = 4;

bool begins_with(ByteView bytes, std::string_view signature) {
  return bytes.size() >= signature.size() &&
         std::memcmp(bytes.data(), signature.data(), signature.size()) == 0;
}

struct Block {
  std::uint64_t address;  // in the file
  std::uint64_t bytes;
};

// What is before a message's data.
struct MessageShape {
  std::size_t type_bytes;
  std::size_t header_bytes;
};

struct Header {
  Block first;  // its messages
  MessageShape message;
  bool signed_blocks;  // later blocks begin with a signature and end with a checksum
};

std::optional<Header> version_1(ByteView prefix, std::uint64_t address) {
  constexpr std::size_t prefix_bytes = 16;
  return Header{{address + prefix_bytes, little_endian(prefix.subspan(8), 4)}, {2, 8}, false};
}

std::optional<Header> version_2(ByteView prefix, std::uint64_t address) {
  const std::uint64_t flags = little_endian(prefix.subspan(5), 1);
  const std::size_t times = (flags & 0x20U) != 0 ? 16 : 0;
  const std::size_t limits = (flags & 0x10U) != 0 ? 4 : 0;
  const std::size_t at = 6 + times + limits;
  const std::size_t size_bytes = std::size_t{1} << (flags & 3U);
  const std::size_t message_bytes = (flags & 4U) != 0 ? 6 : 4;
  return Header{
      {address + at + size_bytes, little_endian(prefix.subspan(at), size_bytes)}, {1, message_bytes}, true};
}

std::optional<Header> read_header(const StoredFile& file, std::uint64_t address) {
  std::array<std::byte, 34> prefix{};  // the longest there is
  const std::uint64_t size = file.size();
  if (address >= size) {
    return std::nullopt;
  }
  file.read(address, std::span(prefix).first(std::min<std::uint64_t>(prefix.size(), size - address)));
  if (begins_with(prefix, "OHDR")) {
    return little_endian(ByteView(prefix).subspan(4), 1) == 2 ? version_2(prefix, address) : std::nullopt;
  }
  return little_endian(prefix, 1) == 1 ? version_1(prefix, address) : std::nullopt;
}

// Goes through the blocks of messages until it meets one of a type that is accepted.
class MessageSearch {
 public:
  using Accepts = std::function<bool(ByteView)>;

  MessageSearch(const StoredFile& file, const Header& header, std::uint64_t type, Accepts accepts)
      : file_(file), header_(header), type_(type), accepts_(std::move(accepts)) {}

  std::optional<std::vector<std::byte>> find() {
    blocks_.push_back(header_.first);
    for (std::size_t i = 0; i < std::min(blocks_.size(), most_blocks); ++i) {
      std::vector<std::byte> block;
      if (!read(blocks_[i], block)) {
        return std::nullopt;
      }
      ByteView messages(block);
      if (i > 0 && header_.signed_blocks) {
        constexpr std::string_view signature = "OCHK";
        if (!begins_with(messages, signature) || messages.size() < signature.size() + checksum_bytes) {
          return std::nullopt;
        }
        messages = messages.subspan(signature.size()).first(block.size() - signature.size() - checksum_bytes);
      }
      if (auto message = find_in(messages)) {
        return message;
      }
    }
    return std::nullopt;
  }

 private:
  bool read(const Block& block, std::vector<std::byte>& bytes) const {
    const std::uint64_t size = file_.size();
    if (block.bytes > most_block_bytes || block.address > size || block.bytes > size - block.address) {
      return false;
    }
    bytes.resize(block.bytes);
    file_.read(block.address, bytes);
    return true;
  }

  std::optional<std::vector<std::byte>> find_in(ByteView messages) {
    const MessageShape& shape = header_.message;
    while (messages.size() >= shape.header_bytes) {
      const std::uint64_t type = little_endian(messages, shape.type_bytes);
      const std::size_t size = little_endian(messages.subspan(shape.type_bytes), 2);
      messages = messages.subspan(shape.header_bytes);
      if (size > messages.size()) {
        return std::nullopt;
      }
      const ByteView data = messages.first(size);
      if (type == type_ && accepts_(data)) {
        return std::vector<std::byte>(data.begin(), data.end());
      }
      if (type == continuation_message && size >= 16) {
        blocks_.push_back({file_.base() + little_endian(data, 8), little_endian(data.subspan(8), 8)});
      }
      messages = messages.subspan(size);
    }
    return std::nullopt;
  }

  const StoredFile& file_;
  const Header& header_;
  std::uint64_t type_;
  Accepts accepts_;
  std::vector<Block> blocks_;
};

// The first message that is accepted, of the object whose header lies at `address` of HDF5's.
std::optional<std::vector<std::byte>> message_at(const StoredFile& file, std::uint64_t address,
                                                 std::uint64_t type, MessageSearch::Accepts accepts) {
  const std::optional<Header> header = read_header(file, file.base() + address);
  return header ? MessageSearch(file, *header, type, std::move(accepts)).find() : std::nullopt;
}

std::optional<std::vector<std::byte>> layout_at(const StoredFile& file, std::uint64_t address) {
  return message_at(file, address, layout_message, [](ByteView) { return true; });
}

// Where the parts of an attribute's message lie in it.
struct AttributeParts {
  std::size_t name;
  std::size_t name_bytes;
  std::size_t value;

  static std::optional<AttributeParts> of(ByteView message) {
    constexpr std::size_t prefix_bytes = 8;
    if (message.size() < prefix_bytes + 1) {
      return std::nullopt;
    }
    const std::uint64_t version = little_endian(message, 1);
    // Version 1 pads each part to 8 bytes, version 3 says how the name is encoded.
    const auto padded = [&](std::size_t bytes) { return version == 1 ? (bytes + 7) / 8 * 8 : bytes; };
    AttributeParts parts{};
    parts.name = prefix_bytes + (version == 3 ? 1 : 0);
    parts.name_bytes = little_endian(message.subspan(2), 2);
    parts.value = parts.name + padded(parts.name_bytes) + padded(little_endian(message.subspan(4), 2)) +
                  padded(little_endian(message.subspan(6), 2));
    const bool sound = version >= 1 && version <= 3 && parts.value <= message.size();
    return sound ? std::optional(parts) : std::nullopt;
  }
};

bool is_attribute_named(ByteView message, std::string_view name) {
  const auto parts = AttributeParts::of(message);
  return parts && parts->name_bytes == name.size() + 1 && begins_with(message.subspan(parts->name), name);
}

std::uint64_t header_address(hid_t dataset, const Place& place) {
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t info{};
#else
  H5O_info_t info{};
#endif
  check(H5Oget_info2(dataset, &info, H5O_INFO_BASIC), place, "read the object");
  return info.addr;
}

}  // namespace

std::optional<std::uint64_t> mapping_count(hid_t object, std::uint64_t address, const Place& place) {
  const std::optional<StoredFile> file = StoredFile::of(object, place);
  return file && file->has_wide_addresses() ? mapping_count(*file, address) : std::nullopt;
}

std::optional<std::uint64_t> mapping_count(const StoredFile& file, std::uint64_t address) {
  const auto layout = layout_at(file, address);
  // version 4, class "virtual", address of a collection, number of the object in it
  if (!layout || layout->size() < 14 || little_endian(*layout, 1) != 4 ||
      little_endian(ByteView(*layout).subspan(1), 1) != 3) {
    return std::nullopt;
  }
  const ByteView bytes(*layout);
  // a version, the number of mappings
  const auto mappings = heap_object(file, file.base() + little_endian(bytes.subspan(2), 8),
                                    little_endian(bytes.subspan(10), 4), 9);
  return mappings ? std::optional(little_endian(ByteView(*mappings).subspan(1), 8)) : std::nullopt;
}

std::optional<std::uint64_t> chunk_tree_address(hid_t dataset, std::size_t rank, std::size_t element_size,
                                                const StoredFile& file, const Place& place) {
  return file.has_wide_addresses()
             ? chunk_tree_address(file, header_address(dataset, place), rank, element_size)
             : std::nullopt;
}

std::optional<std::uint64_t> chunk_tree_address(const StoredFile& file, std::uint64_t address,
                                                std::size_t rank, std::size_t element_size) {
  const auto layout = layout_at(file, address);
  // version 3, class "chunked", rank and 1, address, chunk shape, bytes of an element
  const std::size_t expected_bytes = 11 + 4 * (rank + 1);
  if (!layout || layout->size() < expected_bytes) {
    return std::nullopt;
  }
  const ByteView bytes(*layout);
  if (little_endian(bytes, 1) != 3 || little_endian(bytes.subspan(1), 1) != 2 ||
      little_endian(bytes.subspan(2), 1) != rank + 1 ||
      little_endian(bytes.subspan(expected_bytes - 4), 4) != element_size) {
    return std::nullopt;
  }
  return little_endian(bytes.subspan(3), 8);
}

std::optional<std::uint64_t> variable_length(hid_t object, const std::string& attribute, const Place& place) {
  const std::optional<StoredFile> file = StoredFile::of(object, place);
  return file && file->has_wide_addresses() ? variable_length(*file, header_address(object, place), attribute)
                                            : std::nullopt;
}

std::optional<std::uint64_t> variable_length(const StoredFile& file, std::uint64_t address,
                                             const std::string& attribute) {
  const auto named = [&](ByteView message) { return is_attribute_named(message, attribute); };
  const auto message = message_at(file, address, attribute_message, named);
  const auto parts = message ? AttributeParts::of(*message) : std::nullopt;
  if (!parts || message->size() - parts->value < 4) {
    return std::nullopt;
  }
  return little_endian(ByteView(*message).subspan(parts->value), 4);
}

}  // namespace collapscope::hdf5
