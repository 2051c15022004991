// What belongs to a GPU is given back while that GPU is the current one; whatever else the thread did
// meanwhile.
#include "cuda/device.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

namespace collapscope::cuda {
namespace {

long asked(const char* name) { return reinterpret_cast<long (*)()>(::dlsym(RTLD_DEFAULT, name))(); }

class DevicesOfOneThread : public ::testing::Test {
 protected:
  void SetUp() override { restart("3"); }
  void TearDown() override { restart("1"); }

  static void restart(const char* devices) {
    ::setenv("FAKE_CUDA_DEVICES", devices, 1);
    reinterpret_cast<void (*)()>(::dlsym(RTLD_DEFAULT, "fake_cuda_reset"))();
  }
};

TEST_F(DevicesOfOneThread, AreCurrentWhenTheyGo) {
  auto first = std::make_unique<Device>(0);
  const auto second = std::make_unique<Device>(1);
  first.reset();
  EXPECT_EQ(asked("fake_cuda_violations"), 0);
}

TEST_F(DevicesOfOneThread, LeaveNothing) {
  {
    const Device first(0);
    const Device second(2);
  }
  EXPECT_EQ(asked("fake_cuda_violations"), 0);
  EXPECT_EQ(asked("fake_cuda_leaks"), 0);
}

}  // namespace
}  // namespace collapscope::cuda
