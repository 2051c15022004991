#include <memory>

#include "collapscope/backend.hpp"

namespace collapscope {

namespace {

class PlainBuffer final : public HostBuffer {
 public:
  explicit PlainBuffer(std::size_t size)
      : size_(size), data_(std::make_unique_for_overwrite<std::byte[]>(size)) {}
  [[nodiscard]] std::span<std::byte> bytes() override { return {data_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> data_;
};

}  // namespace

std::unique_ptr<HostBuffer> make_plain_buffer(std::size_t size) {
  return std::make_unique<PlainBuffer>(size);
}

}  // namespace collapscope
