// A GPU that comes up on a thread of its own, before anybody knows what for.
#include <dlfcn.h>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

class Start : public test::Pipeline {
 protected:
  static constexpr double enough = 1e6;  // seconds
};

TEST_F(Start, AGpuWorksForThreadsThatHaveNotOpenedIt) {
  fake().restart({{"SCHEDULE", "lazy"}});
  BackendStart start("cuda:1", 1);
  const ChosenBackend chosen = start.take();
  ASSERT_NE(chosen.backend, nullptr);
  EXPECT_TRUE(chosen.backend->is_device());
  const long before = fake().calls();
  constexpr std::size_t order = 600;  // smaller ones are the CPU's
  Matrix matrix(order, order);
  for (std::size_t i = 0; i < order; ++i) {
    matrix(i, i) = static_cast<double>(i + 1);
  }
  EXPECT_NEAR(chosen.backend->eigenbasis(matrix, 3).values.front(), order, 1e-10);
  EXPECT_GT(fake().calls(), before);
  EXPECT_EQ(fake().violations(), 0);
}

// While the libraries are loaded, of the GPU that is opened, and kept by nobody else than whoever opened it.
TEST_F(Start, BringsUpTheContextOfItsGpu) {
  const auto of = [](const char* name, int device) {
    return reinterpret_cast<long (*)(int)>(::dlsym(RTLD_DEFAULT, name))(device);
  };
  fake().restart({});
  const long first = of("fake_cuda_retained", 0);
  const long second = of("fake_cuda_retained", 1);
  {
    BackendStart start("cuda:1", 1);
    const ChosenBackend chosen = start.take();
    EXPECT_EQ(of("fake_cuda_retained", 0), first);
    EXPECT_EQ(of("fake_cuda_retained", 1), second + 1);
    EXPECT_EQ(of("fake_cuda_released", 1), second + 1);
  }
  EXPECT_THROW((void)BackendStart("cuda:7", 1).take(), UsageError) << "there is no such GPU";
  EXPECT_EQ(of("fake_cuda_retained", 1), second + 1);
}

TEST_F(Start, OneThatNobodyTakesLeavesNothing) {
  fake().restart({});
  { const BackendStart start("cuda", 1); }
  EXPECT_GT(fake().calls(), 0);
  EXPECT_EQ(fake().leaks(), 0);
  EXPECT_EQ(fake().violations(), 0);
}

TEST_F(Start, AutoBeginsWhereTheWorkIsCertainlyEnough) {
  fake().restart({});
  { const BackendStart start("auto", 1, 0.5); }
  EXPECT_EQ(fake().calls(), 0);
  {
    BackendStart start("auto", 1, enough);
    EXPECT_TRUE(start.take(enough).backend->is_device());
  }
  EXPECT_GT(fake().calls(), 0);
}

TEST_F(Start, AutoTakesTheCpuWhereTheWorkIsLessThanItSeemed) {
  fake().restart({});
  BackendStart start("auto", 1, enough);
  const ChosenBackend chosen = start.take(0.1);
  EXPECT_FALSE(chosen.backend->is_device());
  EXPECT_NE(chosen.reason, "");
}

TEST_F(Start, WhatIsMissingIsToldWhenItIsTaken) {
  fake().restart({{"DEVICES", "1"}});
  EXPECT_THROW(BackendStart("tpu", 1), UsageError);
  BackendStart start("cuda:7", 1);
  EXPECT_THROW((void)start.take(), UsageError);
}

}  // namespace
}  // namespace collapscope
