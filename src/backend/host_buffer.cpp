#include <sys/mman.h>

#include <memory>
#include <new>

#include "collapscope/backend/backend.hpp"

namespace collapscope {

namespace {

// A page, so that what is read lies in the page as it does in the file. On an AMD Zen 3, reads from the page
// cache ran at a third of their rate into memory 16 bytes further into its page than the source, and that is
// where large blocks of malloc begin.
constexpr std::size_t page = 4096;
// Bands of rows are asked for in huge pages: touching small ones for the first time takes as long as reading.
// For hundreds of megabytes it was no gain, and finding as many in one piece may stall.
constexpr std::size_t buffer_page = std::size_t{2} << 20U;
constexpr std::size_t most_in_huge_pages = std::size_t{64} << 20U;

class PlainBuffer final : public HostBuffer {
 public:
  explicit PlainBuffer(std::size_t size)
      : size_(size), data_(allocate(size, alignment_for(size)), Free{alignment_for(size)}) {}
  [[nodiscard]] std::span<std::byte> bytes() override { return {data_.get(), size_}; }

 private:
  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* data) const noexcept { ::operator delete(data, alignment); }
  };

  static std::align_val_t alignment_for(std::size_t size) {
    return std::align_val_t{size < 2 * buffer_page || size > most_in_huge_pages ? page : buffer_page};
  }

  static std::byte* allocate(std::size_t size, std::align_val_t alignment) {
    auto* data = static_cast<std::byte*>(::operator new(size, alignment));
    if (alignment == std::align_val_t{buffer_page}) {
      (void)madvise(data, size / buffer_page * buffer_page, MADV_HUGEPAGE);  // a wish: without it all works
    }
    return data;
  }

  std::size_t size_;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace

std::unique_ptr<HostBuffer> make_plain_buffer(std::size_t size) {
  return std::make_unique<PlainBuffer>(size);
}

}  // namespace collapscope
