// A checksum of bytes: whether they are still those that were written. No protection from intent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace collapscope {

// FNV-1a over words of 8 bytes, the last filled up with zeros in each call but counted. All calls but the
// last have a multiple of 8 bytes.
class Checksum {
 public:
  void add(std::span<const std::byte> bytes) {
    while (bytes.size() >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data(), 8);
      mix(word);
      bytes = bytes.subspan(8);
    }
    if (!bytes.empty()) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data(), bytes.size());
      mix(word);
      mix(bytes.size());
    }
  }

  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  void mix(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x100000001b3U;
    state_ ^= state_ >> 29U;
  }

  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace collapscope
