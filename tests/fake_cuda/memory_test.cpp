// Memory that shows every misuse.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "support.hpp"
#include "test_launchers.hpp"

namespace fake_cuda_test {
namespace {

using Memory = Fake;
using MemoryDeathTest = Fake;

TEST_F(Memory, FreshIsNaN) {
  for (const double value : download(new_device(1000), 1000)) {
    EXPECT_TRUE(std::isnan(value));
  }
  EXPECT_TRUE(std::isnan(new_pinned(10)[9]));
}

TEST_F(Memory, IsAligned) {
  for (const std::size_t count : {1, 3, 100, 1000}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(new_device(count)) % 256, 0U);
  }
}

TEST_F(Memory, OfZeroBytesIsNull) {
  EXPECT_EQ(new_device(0), nullptr);
  EXPECT_CUDA(cudaFree(nullptr));
}

TEST_F(Memory, EndsWithTheCapacityOfTheDevice) {
  configure({{"MEMORY", "1M"}, {"MEMORY_IN_USE", "256K"}});
  std::size_t free = 0;
  std::size_t total = 0;
  EXPECT_CUDA(cudaMemGetInfo(&free, &total));
  EXPECT_EQ(total, 1U << 20);
  EXPECT_EQ(free, 768U << 10);
  void* half = nullptr;
  EXPECT_CUDA(cudaMalloc(&half, 512 << 10));
  void* more = nullptr;
  EXPECT_EQ(cudaMalloc(&more, 512 << 10), cudaErrorMemoryAllocation);
  EXPECT_EQ(more, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_CUDA(cudaGetLastError());
  EXPECT_CUDA(cudaFree(half));
  EXPECT_CUDA(cudaMalloc(&more, 512 << 10));
}

TEST_F(Memory, OfABigDeviceCostsNothingBeforeItIsUsed) {
  configure({{"MEMORY", "141G"}});
  double* x = new_device(std::size_t{16} << 30);
  EXPECT_CUDA(cudaMemset(x + (std::size_t{16} << 30) - 1, 0, sizeof(double)));
  EXPECT_EQ(download(x + (std::size_t{16} << 30) - 1, 1)[0], 0);
  EXPECT_CUDA(cudaFree(x));
}

TEST_F(Memory, CopiesAreBounded) {
  double* x = new_device(10);
  double host[11] = {};
  EXPECT_EQ(cudaMemcpy(x, host, 11 * sizeof(double), cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpy(host, x + 5, 6 * sizeof(double), cudaMemcpyDeviceToHost), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(x, 0, 11 * sizeof(double)), cudaErrorInvalidValue);
  double* p = new_pinned(10);
  EXPECT_EQ(cudaMemcpy(x, p + 1, 10 * sizeof(double), cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 4);
  configure({});
}

TEST_F(Memory, DirectionsAreChecked) {
  double* x = new_device(10);
  double host[10] = {};
  EXPECT_EQ(cudaMemcpy(host, x, sizeof host, cudaMemcpyHostToDevice), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

TEST_F(Memory, RowsAreCopiedWithTheirPitch) {
  double* x = new_device(12);
  upload(x, std::vector<double>(12, 0.0));
  const double host[4] = {1, 2, 3, 4};
  EXPECT_CUDA(cudaMemcpy2D(x, 6 * sizeof(double), host, 2 * sizeof(double), 2 * sizeof(double), 2,
                           cudaMemcpyHostToDevice));
  EXPECT_EQ(download(x, 12), (std::vector<double>{1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0}));
  EXPECT_EQ(cudaMemcpy2D(x, sizeof(double), host, 2 * sizeof(double), 2 * sizeof(double), 2,
                         cudaMemcpyHostToDevice),
            cudaErrorInvalidPitchValue);
}

TEST_F(Memory, WrongFreesAreReported) {
  double* x = new_device(10);
  EXPECT_EQ(cudaFree(x + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(x), cudaErrorInvalidValue);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_EQ(cudaFree(x), cudaErrorInvalidValue);
  double on_host = 0;
  EXPECT_EQ(cudaFree(&on_host), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 4);
  configure({});
}

TEST_F(Memory, UseAfterFreeIsReported) {
  double* x = new_device(10);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_EQ(cudaMemset(x, 0, 8), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

TEST_F(Memory, WritesBesideAnAllocationShowWhenItIsFreed) {
  double* x = new_device(10);
  upload(x, std::vector<double>(10, 1.0));
  EXPECT_CUDA(number(x, 11, 1, nullptr));
  EXPECT_EQ(control().violations(), 0);
  EXPECT_CUDA(cudaFree(x));
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

TEST_F(Memory, OfTheProgramsOwnIsWatchedWhileItIsPageLocked) {
  configure({{"RACES", "1"}});
  const std::unique_ptr<double, decltype(&std::free)> own(
      static_cast<double*>(std::aligned_alloc(4096, 8192)), std::free);
  EXPECT_CUDA(cudaHostRegister(own.get(), 8192, 0));
  double* x = new_device(1024);
  const cudaStream_t stream = new_stream();
  EXPECT_CUDA(cudaMemcpyAsync(x, own.get(), 8192, cudaMemcpyHostToDevice, stream));
  own.get()[1000] = 1;
  EXPECT_EQ(control().violations(), 1);
  EXPECT_EQ(cudaFreeHost(own.get()), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 2);
  EXPECT_CUDA(cudaHostUnregister(own.get()));
  own.get()[1000] = 2;
  EXPECT_EQ(control().violations(), 2);
  configure({});
}

TEST_F(MemoryDeathTest, TheHostCannotReadIt) {
  const double* x = new_device(10);
  EXPECT_DEATH({ static_cast<void>(*static_cast<const volatile double*>(x + 3)); },
               "the host touches byte 24 of device 0 allocation");
}

TEST_F(MemoryDeathTest, TheDeviceCannotGoBeyondIt) {
  double* x = new_device(32);
  EXPECT_DEATH(static_cast<void>(number(x, 33, 1, nullptr)),
               "Number.* touches .* beyond device 0 allocation");
}

TEST_F(MemoryDeathTest, FreedPinnedMemoryIsGone) {
  double* p = new_pinned(4);
  EXPECT_CUDA(cudaFreeHost(p));
  EXPECT_DEATH({ static_cast<volatile double*>(p)[0] = 1; }, "touches freed memory");
}

TEST_F(MemoryDeathTest, WhatWasBeforeARestartIsGoneToo) {
  double* p = new_pinned(4);
  double* x = new_device(4);
  configure({{"SCHEDULE", "eager"}});
  double* fresh = new_pinned(4);
  EXPECT_NE(p, fresh);
  EXPECT_TRUE(std::isnan(fresh[3]));
  EXPECT_DEATH({ static_cast<volatile double*>(p)[0] = 1; }, "the host touches");
  EXPECT_EQ(cudaMemset(x, 0, 8), cudaErrorInvalidValue);
  EXPECT_EQ(control().violations(), 1);
  configure({});
}

}  // namespace
}  // namespace fake_cuda_test
