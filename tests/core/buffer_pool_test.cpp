// Buffers are used again where they fit, and go where they do not.
#include "backend/buffer_pool.hpp"

#include <gtest/gtest.h>

namespace collapscope {
namespace {

// Counts the buffers alive and those ever made.
struct Counts {
  int alive = 0;
  int made = 0;
};

class CountedBuffer final : public HostBuffer {
 public:
  CountedBuffer(std::size_t size, Counts& counts) : bytes_(size), counts_(counts) {
    ++counts_.alive;
    ++counts_.made;
  }
  ~CountedBuffer() override { --counts_.alive; }
  CountedBuffer(const CountedBuffer&) = delete;
  CountedBuffer& operator=(const CountedBuffer&) = delete;
  CountedBuffer(CountedBuffer&&) = delete;
  CountedBuffer& operator=(CountedBuffer&&) = delete;
  [[nodiscard]] std::span<std::byte> bytes() override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  Counts& counts_;
};

BufferPool::Maker counted(Counts& counts) {
  return [&counts](std::size_t size) { return std::make_unique<CountedBuffer>(size, counts); };
}

TEST(BufferPool, GivesTheSameMemoryAgain) {
  Counts counts;
  BufferPool pool(counted(counts));
  const std::byte* first = nullptr;
  {
    const auto one = pool.make(1000);
    const auto two = pool.make(1000);
    EXPECT_EQ(one->bytes().size(), 1000U);
    EXPECT_NE(one->bytes().data(), two->bytes().data());
    first = one->bytes().data();
  }
  const auto one = pool.make(600);
  const auto two = pool.make(1000);
  EXPECT_EQ(one->bytes().size(), 600U);
  EXPECT_EQ(counts.made, 2);
  EXPECT_TRUE(one->bytes().data() == first || two->bytes().data() == first);
}

TEST(BufferPool, LetsGoOfWhatDoesNotFit) {
  for (const std::size_t size : {1001U, 400U}) {
    Counts counts;
    BufferPool pool(counted(counts));
    pool.make(1000).reset();
    EXPECT_EQ(counts.alive, 1);
    const auto other = pool.make(size);
    EXPECT_EQ(other->bytes().size(), size);
    EXPECT_EQ(counts.made, 2);
    EXPECT_EQ(counts.alive, 1);
  }
}

TEST(BufferPool, BuffersMayOutliveIt) {
  Counts counts;
  std::unique_ptr<HostBuffer> buffer;
  {
    BufferPool pool(counted(counts));
    buffer = pool.make(10);
    pool.make(7).reset();
  }
  EXPECT_EQ(counts.alive, 1);
  buffer->bytes()[9] = std::byte{1};
  buffer.reset();
  EXPECT_EQ(counts.alive, 0);
}

}  // namespace
}  // namespace collapscope
