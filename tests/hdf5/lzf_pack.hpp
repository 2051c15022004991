// Makes LZF data as h5py's filter does, if not as small: for tests and benchmarks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace collapscope::testing {

class LzfPacker {
 public:
  explicit LzfPacker(std::span<const unsigned char> data) : data_(data) {}

  std::vector<unsigned char> pack() {
    std::size_t at = 0;
    while (at < data_.size()) {
      const std::size_t length = match(at);
      if (length < 3) {
        ++at;
        continue;
      }
      literals(at);
      reference(at - candidate_, length);
      at += length;
      literal_begin_ = at;
    }
    literals(at);
    return packed_;
  }

 private:
  // Bytes at `at` that repeat those at candidate_, the last place where three bytes hashed alike.
  std::size_t match(std::size_t at) {
    if (at + 3 > data_.size()) {
      return 0;
    }
    const unsigned hash = (data_[at] * 2654435761U + data_[at + 1] * 40503U + data_[at + 2] * 97U) & 8191U;
    candidate_ = last_[hash];
    const bool seen = known_[hash] && at - candidate_ <= 8192;
    last_[hash] = at;
    known_[hash] = true;
    std::size_t length = 0;
    while (seen && length < 264 && at + length < data_.size() &&
           data_[at + length] == data_[candidate_ + length]) {
      ++length;
    }
    return length;
  }

  void literals(std::size_t end) {
    while (literal_begin_ < end) {
      const std::size_t length = std::min<std::size_t>(32, end - literal_begin_);
      packed_.push_back(static_cast<unsigned char>(length - 1));
      packed_.insert(packed_.end(), data_.begin() + static_cast<std::ptrdiff_t>(literal_begin_),
                     data_.begin() + static_cast<std::ptrdiff_t>(literal_begin_ + length));
      literal_begin_ += length;
    }
  }

  void reference(std::size_t distance, std::size_t length) {
    const std::size_t high = (distance - 1) >> 8U;
    packed_.push_back(static_cast<unsigned char>((std::min<std::size_t>(length - 2, 7) << 5U) | high));
    if (length - 2 >= 7) {
      packed_.push_back(static_cast<unsigned char>(length - 9));
    }
    packed_.push_back(static_cast<unsigned char>((distance - 1) & 255U));
  }

  std::span<const unsigned char> data_;
  std::vector<unsigned char> packed_;
  std::array<std::size_t, 8192> last_{};
  std::array<bool, 8192> known_{};
  std::size_t candidate_ = 0;
  std::size_t literal_begin_ = 0;
};

}  // namespace collapscope::testing
