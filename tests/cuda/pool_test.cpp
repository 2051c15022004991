// Memory that was given back serves again, and goes where it is needed otherwise.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "collapscope/core/error.hpp"
#include "cuda/device.hpp"

namespace collapscope::cuda {
namespace {

constexpr std::size_t mebi = std::size_t{1} << 20U;

class Pool : public ::testing::Test {
 protected:
  void SetUp() override { restart("8G"); }
  void TearDown() override {
    EXPECT_EQ(fake<long>("fake_cuda_violations"), 0);
    EXPECT_EQ(fake<long>("fake_cuda_leaks"), 0);
    ::unsetenv("COLLAPSCOPE_GPU_POOL");
    ::unsetenv("FAKE_CUDA_FAIL_AT");
    ::unsetenv("FAKE_CUDA_FAIL_KIND");
    restart("8G");
  }

  template <class Answer>
  static Answer fake(const char* name) {
    return reinterpret_cast<Answer (*)()>(::dlsym(RTLD_DEFAULT, name))();
  }
  static void restart(const char* memory) {
    ::setenv("FAKE_CUDA_MEMORY", memory, 1);
    fake<void>("fake_cuda_reset");
  }
  static long calls(const char* name) {
    return reinterpret_cast<long (*)(const char*)>(::dlsym(RTLD_DEFAULT, "fake_cuda_count"))(name);
  }
  static void expect_calls(long allocations, long frees) {
    EXPECT_EQ(calls("cudaMalloc") + calls("cudaMallocHost"), allocations);
    EXPECT_EQ(calls("cudaFree") + calls("cudaFreeHost"), frees);
  }
};

TEST_F(Pool, GivesTheSameMemoryForTheSameSize) {
  const Device device(0);
  const long before = calls("cudaMalloc");
  const void* first = nullptr;
  const void* second = nullptr;
  for (int layer = 0; layer < 3; ++layer) {
    const DeviceBuffer<double> a(device, 1000);
    const DeviceBuffer<float> b(device, 2000);  // as many bytes
    const PinnedBuffer<double> c(device, 1000);
    EXPECT_NE(static_cast<const void*>(a.data()), static_cast<const void*>(b.data()));
    if (layer == 0) {
      first = a.data();
      second = b.data();
    }
    EXPECT_TRUE(a.data() == first || a.data() == second);
  }
  expect_calls(before + 3, 0);
  const DeviceBuffer<double> larger(device, 1001);
  expect_calls(before + 4, 0);
}

// The host's own pages, locked: whole huge ones.
TEST_F(Pool, LocksLargePiecesOfTheHostsMemory) {
  constexpr std::size_t bytes = 5 * mebi + 3;
  {
    const Device device(0);
    const long before = calls("cudaMallocHost");
    const void* first = nullptr;
    for (int layer = 0; layer < 3; ++layer) {
      const PinnedBuffer<std::byte> large(device, bytes);
      std::fill_n(large.data(), bytes, std::byte{1});
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % (2 * mebi), 0U);
      first = layer == 0 ? large.data() : first;
      EXPECT_EQ(large.data(), first);
    }
    EXPECT_EQ(calls("cudaHostRegister"), 1);
    EXPECT_EQ(calls("cudaHostUnregister"), 0);
    EXPECT_EQ(calls("cudaMallocHost"), before);
  }
  EXPECT_EQ(calls("cudaHostUnregister"), 1);
}

TEST_F(Pool, HasLargePiecesAllocatedWhereNothingCanBeRegistered) {
  ::setenv("FAKE_CUDA_REGISTERS", "0", 1);
  restart("8G");
  {
    const Device device(0);
    const long before = calls("cudaMallocHost");
    const PinnedBuffer<std::byte> large(device, 5 * mebi);
    std::fill_n(large.data(), large.size(), std::byte{1});
    EXPECT_EQ(calls("cudaMallocHost"), before + 1);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  }
  EXPECT_EQ(calls("cudaFreeHost"), calls("cudaMallocHost"));
  EXPECT_EQ(calls("cudaHostUnregister"), 0);
  ::unsetenv("FAKE_CUDA_REGISTERS");
}

TEST_F(Pool, IsOneForAllWhoHaveTheGpuOpen) {
  auto one = std::make_unique<Device>(0);
  const Device other(0);
  const void* memory = nullptr;
  {
    const DeviceBuffer<double> lent(*one, 5000);
    memory = lent.data();
  }
  one.reset();
  const DeviceBuffer<double> again(other, 5000);
  EXPECT_EQ(again.data(), memory);
}

// cuBLAS has 32 MiB of 100.
TEST_F(Pool, IsEmptiedBeforeMemoryIsSaidToBeMissing) {
  restart("100M");
  const Device device(0);
  {
    const DeviceBuffer<std::byte> some(device, 20 * mebi);
    const DeviceBuffer<std::byte> more(device, 10 * mebi);
    const PinnedBuffer<std::byte> pinned(device, mebi);
  }
  expect_calls(4, 0);
  {
    const DeviceBuffer<std::byte> large(device, 60 * mebi);
    EXPECT_NE(large.data(), nullptr);
  }
  EXPECT_EQ(calls("cudaFree"), 3) << "what waited, and then what is too large to wait";
  EXPECT_EQ(calls("cudaFreeHost"), 1);
  EXPECT_THROW((DeviceBuffer<std::byte>(device, 80 * mebi)), DeviceMemoryError);
  const DeviceBuffer<std::byte> small(device, mebi);
  EXPECT_NE(small.data(), nullptr);
}

// Half of what was free when the device was opened.
TEST_F(Pool, KeepsNoMoreThanItsLimitAndTheYoungest) {
  restart("100M");
  const Device device(0);
  const auto use = [&](std::size_t mebibytes) {
    const DeviceBuffer<std::byte> some(device, mebibytes * mebi);
    return static_cast<const void*>(some.data());
  };
  use(30);
  const void* young = use(15);
  EXPECT_EQ(calls("cudaFree"), 0);
  use(10);
  EXPECT_EQ(calls("cudaFree"), 1);
  EXPECT_EQ(use(15), young);
}

// Nobody knows what a device that does not answer still writes: its memory is not used again.
TEST_F(Pool, TakesNothingFromADeviceThatFailed) {
  ::setenv("FAKE_CUDA_FAIL_AT", "1", 1);  // the first item of work
  ::setenv("FAKE_CUDA_FAIL_KIND", "sticky", 1);
  restart("8G");
  const Device device(0);
  {
    const DeviceBuffer<double> some(device, 1000);
    const PinnedBuffer<double> pinned(device, 1000);
    const LentEvent event(device);
    const Drained drained(device);
    upload(some.data(), pinned.data(), some.size(), device.compute());
  }
  expect_calls(3, 2);
  EXPECT_EQ(calls("cudaEventDestroy"), 1);
  EXPECT_THROW((DeviceBuffer<double>(device, 1000)), DeviceError);
  expect_calls(4, 2);
}

TEST_F(Pool, CanBeSwitchedOff) {
  ::setenv("COLLAPSCOPE_GPU_POOL", "0", 1);
  const Device device(0);
  {
    const DeviceBuffer<double> some(device, 1000);
    const PinnedBuffer<double> pinned(device, 1000);
  }
  expect_calls(3, 2);
}

TEST_F(Pool, LendsEventsAgain) {
  const Device device(0);
  const long before = calls("cudaEventCreateWithFlags");
  for (int layer = 0; layer < 3; ++layer) {
    const LentEvent one(device);
    const LentEvent other(device);
    EXPECT_NE(one.get(), other.get());
  }
  EXPECT_EQ(calls("cudaEventCreateWithFlags"), before + 2);
}

}  // namespace
}  // namespace collapscope::cuda
