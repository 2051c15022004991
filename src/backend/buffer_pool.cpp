#include "backend/buffer_pool.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace collapscope {

// The buffers that nobody uses.
struct BufferPool::Shelf {
  std::vector<std::unique_ptr<HostBuffer>> buffers;  // with room for those that are lent
  std::size_t lent = 0;
};

class BufferPool::Lent final : public HostBuffer {
 public:
  Lent(std::unique_ptr<HostBuffer> buffer, std::size_t size, std::weak_ptr<Shelf> shelf) noexcept
      : buffer_(std::move(buffer)), size_(size), shelf_(std::move(shelf)) {}
  ~Lent() override {
    if (const std::shared_ptr<Shelf> shelf = shelf_.lock()) {
      --shelf->lent;
      shelf->buffers.push_back(std::move(buffer_));
    }
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  Lent(Lent&&) = delete;
  Lent& operator=(Lent&&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() override { return buffer_->bytes().first(size_); }

 private:
  std::unique_ptr<HostBuffer> buffer_;
  std::size_t size_;
  std::weak_ptr<Shelf> shelf_;
};

BufferPool::BufferPool(Maker make) : make_(std::move(make)), shelf_(std::make_shared<Shelf>()) {}

std::unique_ptr<HostBuffer> BufferPool::make(std::size_t size) {
  auto& free = shelf_->buffers;
  const auto fits = [size](const std::unique_ptr<HostBuffer>& buffer) {
    const std::size_t capacity = buffer->bytes().size();
    return capacity >= size && capacity / 2 <= size;
  };
  std::unique_ptr<HostBuffer> buffer;
  if (const auto found = std::find_if(free.begin(), free.end(), fits); found != free.end()) {
    buffer = std::move(*found);
    free.erase(found);
  } else {
    free.clear();
    buffer = make_(size);
  }
  free.reserve(free.size() + shelf_->lent + 1);
  auto lent = std::make_unique<Lent>(std::move(buffer), size, shelf_);
  ++shelf_->lent;
  return lent;
}

}  // namespace collapscope
