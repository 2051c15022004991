// Workers: every task once, exceptions, reuse.
#include "cpu/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace collapscope::cpu {
namespace {

TEST(Workers, RunEveryTaskOnce) {
  for (const std::size_t threads : {0U, 1U, 2U, 3U, 8U}) {
    Workers workers(threads);
    for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
      std::vector<std::atomic<int>> done(count);
      workers.run(count, [&](std::size_t worker, std::size_t index) {
        EXPECT_LT(worker, workers.threads());
        ++done[index];
      });
      for (const std::atomic<int>& times : done) {
        EXPECT_EQ(times, 1);
      }
    }
  }
}

TEST(Workers, ManyShortRuns) {
  Workers workers(4);
  std::atomic<std::size_t> sum = 0;
  for (std::size_t run = 0; run < 20000; ++run) {
    workers.run(3, [&](std::size_t, std::size_t index) { sum += index; });
  }
  EXPECT_EQ(sum, 60000U);
}

TEST(Workers, WhatATaskThrowsComesOutAndTheyGoOn) {
  for (const std::size_t threads : {1U, 2U, 4U}) {
    Workers workers(threads);
    for (int round = 0; round < 50; ++round) {
      EXPECT_THROW(workers.run(100,
                               [](std::size_t, std::size_t index) {
                                 if (index % 10 == 3) {
                                   throw std::runtime_error("three");
                                 }
                               }),
                   std::runtime_error);
      std::atomic<int> done = 0;
      workers.run(100, [&](std::size_t, std::size_t) { ++done; });
      EXPECT_EQ(done, 100);
    }
  }
}

}  // namespace
}  // namespace collapscope::cpu
