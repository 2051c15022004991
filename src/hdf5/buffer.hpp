// Memory that only grows, its bytes as they come.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace collapscope::hdf5 {

class Buffer {
 public:
  // Room for `bytes`; what was there before is lost when it grows.
  std::span<std::byte> room(std::size_t bytes) {
    if (bytes > size_) {
      bytes_.reset();
      bytes_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      size_ = bytes;
    }
    return {bytes_.get(), bytes};
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace collapscope::hdf5
