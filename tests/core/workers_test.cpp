// Sharing tasks out among threads.
#include "core/workers.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace collapscope::testing {
namespace {

TEST(Workers, RunEachTaskOnce) {
  Workers workers;
  for (const std::size_t threads : {0U, 1U, 2U, 5U}) {
    for (const std::size_t tasks : {0U, 1U, 2U, 4U, 1000U}) {
      std::vector<std::atomic<int>> runs(tasks);
      workers.run(threads, tasks, [&](std::size_t task, std::size_t) { ++runs.at(task); });
      EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }))
          << threads << " threads, " << tasks << " tasks";
    }
  }
}

TEST(Workers, GiveEachThreadASlotOfItsOwn) {
  Workers workers;
  for (const std::size_t threads : {1U, 2U, 5U}) {
    std::vector<std::atomic<int>> at_work(threads);
    std::atomic<bool> shared{false};
    workers.run(threads, 200, [&](std::size_t, std::size_t slot) {
      if (++at_work.at(slot) != 1) {
        shared = true;
      }
      std::this_thread::yield();
      --at_work.at(slot);
    });
    EXPECT_FALSE(shared) << threads;
  }
}

TEST(Workers, ThrowWhatTheFirstFailingTaskThrew) {
  Workers workers;
  for (const std::size_t threads : {1U, 2U, 5U}) {
    for (int round = 0; round < 50; ++round) {
      const auto fail = [](std::size_t task, std::size_t) {
        if (task == 13 || task == 14 || task > 90) {
          throw std::runtime_error(std::to_string(task));
        }
      };
      EXPECT_THAT([&] { workers.run(threads, 100, fail); },
                  ::testing::ThrowsMessage<std::runtime_error>("13"))
          << threads;
    }
    std::atomic<std::size_t> sum{0};
    workers.run(threads, 10, [&](std::size_t task, std::size_t) { sum += task; });
    EXPECT_EQ(sum, 45U) << "after a failure";
  }
}

TEST(Workers, ServeSeveralCallers) {
  const auto workers = Workers::shared();
  std::vector<std::size_t> sums(4, 0);
  std::vector<std::thread> callers;
  for (std::size_t& sum : sums) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        std::vector<std::size_t> squares(100);
        workers->run(3, squares.size(), [&](std::size_t task, std::size_t) { squares[task] = task * task; });
        sum += std::accumulate(squares.begin(), squares.end(), std::size_t{0});
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_THAT(sums, ::testing::Each(50U * 328'350U));
}

TEST(Workers, ManyShortRuns) {
  Workers workers;
  std::atomic<std::size_t> sum{0};
  for (std::size_t run = 0; run < 20000; ++run) {
    workers.run(4, 3, [&](std::size_t task, std::size_t) { sum += task; });
  }
  EXPECT_EQ(sum, 60000U);
}

TEST(Workers, ComeBackFromSleep) {
  Workers workers;
  std::atomic<int> runs{0};
  for (int round = 0; round < 5; ++round) {
    workers.run(3, 20, [&](std::size_t, std::size_t) { ++runs; });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(runs, 100);
}

TEST(Workers, MayRunInsideATask) {
  Workers workers;
  std::atomic<int> runs{0};
  workers.run(
      3, 4, [&](std::size_t, std::size_t) { workers.run(3, 5, [&](std::size_t, std::size_t) { ++runs; }); });
  EXPECT_EQ(runs, 20);
}

TEST(Workers, AreSharedWhileSomeoneHoldsThem) {
  const auto workers = Workers::shared();
  EXPECT_EQ(Workers::shared(), workers);
}

}  // namespace
}  // namespace collapscope::testing
