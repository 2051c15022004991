// Items for one worker and for several, and what becomes of a device that fails.
#include "backend/crew.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "linalg/blas.hpp"

namespace collapscope {
namespace {

// A backend that is nothing but workers and a fallback.
class Mock final : public Backend {
 public:
  explicit Mock(std::size_t workers, bool falls_back = true) {
    if (falls_back) {
      fallback_ = std::make_unique<Mock>(0, false);
    }
    for (std::size_t i = 0; i < workers; ++i) {
      workers_.push_back(std::make_unique<Mock>(0));
      pointers_.push_back(workers_.back().get());
    }
  }
  [[nodiscard]] std::string describe() const override { return "mock"; }
  [[nodiscard]] std::size_t threads() const override { return 1; }
  [[nodiscard]] std::size_t tile_rows(std::size_t) const override { return 1; }
  [[nodiscard]] std::uint64_t segment_rows(std::uint64_t, std::size_t) const override { return 1; }
  [[nodiscard]] std::unique_ptr<MomentFold> make_fold(const FoldSpec&) override { return nullptr; }
  [[nodiscard]] std::unique_ptr<ResidualFold> make_look(const LookSpec&) override { return nullptr; }
  [[nodiscard]] Eigenbasis eigenbasis(const Matrix&, std::size_t) override { return {}; }
  [[nodiscard]] Backend* fallback() override { return fallback_.get(); }
  [[nodiscard]] bool works() const override {
    return !lost_ &&
           std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->works(); });
  }
  // The device of a worker, or those of the whole.
  void lose() {
    lost_ = true;
    std::for_each(workers_.begin(), workers_.end(), [](const auto& worker) { worker->lose(); });
  }
  [[nodiscard]] std::span<Backend* const> layer_workers(std::size_t) override { return pointers_; }

 private:
  std::atomic<bool> lost_ = false;
  std::unique_ptr<Mock> fallback_;
  std::vector<std::unique_ptr<Mock>> workers_;
  std::vector<Backend*> pointers_;
};

TEST(Crew, WorkersShareTheMemory) {
  Mock whole(4);
  Crew several(whole.layer_workers(4), 1000);
  ASSERT_EQ(several.size(), 4U);
  EXPECT_EQ(several.worker(3).memory, 250U);
  EXPECT_FALSE(several.worker(3).is_alone);
  Crew alone(whole, 1000);
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone.worker(0).memory, 1000U);
  EXPECT_TRUE(alone.worker(0).is_alone);
  EXPECT_EQ(Crew(std::span<Backend* const>(), 1000).size(), 0U);
}

TEST(Crew, OneWorkerTakesTheItemsInTheirOrderInTheCallersThread) {
  Mock whole(0);
  const Crew crew(whole);
  std::vector<std::size_t> order;
  const std::thread::id caller = std::this_thread::get_id();
  crew.run(4, [&](std::size_t item, std::size_t worker) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(worker, 0U);
    order.push_back(item);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(Crew, SeveralWorkAtTheSameTimeEachOnOneItem) {
  Mock whole(2);
  const Crew crew(whole.layer_workers(2));
  std::latch both(2);  // each waits for the other: neither ends before both have begun
  std::mutex mutex;
  std::set<std::size_t> at_work;
  crew.run(2, [&](std::size_t item, std::size_t worker) {
    EXPECT_EQ(item, worker);
    both.arrive_and_wait();
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(at_work.insert(worker).second);
  });
  EXPECT_EQ(at_work.size(), 2U);
}

TEST(Crew, AnItemMayWaitForAnEarlierOne) {
  Mock whole(2);
  const Crew crew(whole.layer_workers(2));
  std::latch first(1);
  std::atomic<int> waited = 0;
  crew.run(51, [&](std::size_t item, std::size_t) {
    if (item == 0) {
      first.count_down();
    } else {
      first.wait();
      ++waited;
    }
  });
  EXPECT_EQ(waited, 50);
}

TEST(Crew, NobodySharesOutTheBlassWorkMeanwhile) {
  linalg::set_threads(2);
  Mock whole(2);
  std::atomic<std::size_t> most = 0;
  const auto look = [&](std::size_t, std::size_t) { most = std::max<std::size_t>(most, linalg::threads()); };
  Crew(whole.layer_workers(2)).run(20, look);
  EXPECT_EQ(most, 1U);
  Crew(whole).run(1, look);
  EXPECT_EQ(most, 2U);
  linalg::set_threads(1);
}

TEST(Crew, WorkersInTurnsShareOutTheBlassWorkAndTheTurnsOfTheirDevice) {
  linalg::set_threads(2);
  Mock whole(2);
  Crew crew = Crew::in_turns(whole.layer_workers(2), 1000);
  EXPECT_EQ(crew.worker(1).memory, 500U);
  ASSERT_NE(crew.worker(0).turns, nullptr);
  EXPECT_EQ(crew.worker(0).turns, crew.worker(1).turns);
  std::atomic<std::size_t> threads = 0;
  crew.run(8, [&](std::size_t, std::size_t) { threads = std::max(threads.load(), linalg::threads()); });
  EXPECT_EQ(threads, 2U);
  linalg::set_threads(1);
  crew.worker(1).give_up("it fell off the bus");
  EXPECT_EQ(crew.worker(1).turns, nullptr) << "its fallback is not on that device";
  EXPECT_NE(crew.worker(0).turns, nullptr);
}

TEST(Crew, AWorkerWhoseDeviceFailedGoesOnWithItsFallbackAndOthersAsBefore) {
  Mock whole(2);
  Crew crew(whole.layer_workers(2), 2);
  Backend* lost = nullptr;
  std::mutex mutex;
  crew.run(20, [&](std::size_t, std::size_t number) {
    const std::lock_guard lock(mutex);
    Worker& worker = crew.worker(number);
    if (lost == nullptr) {
      lost = worker.backend;
      Backend* const fallback = lost->fallback();
      dynamic_cast<Mock&>(*lost).lose();
      worker.give_up("lost");
      EXPECT_EQ(worker.backend, fallback);
      EXPECT_EQ(worker.lost, "lost");
    } else {
      EXPECT_NE(worker.backend, lost);
    }
  });
  ASSERT_NE(lost, nullptr);
  Crew alone(whole);
  alone.worker(0).use_what_works();
  EXPECT_EQ(alone.worker(0).backend, whole.fallback());
}

TEST(Crew, WhenTheWholeFailsSoDoItsParts) {
  Mock whole(2);
  Crew crew(whole.layer_workers(2));
  whole.lose();
  for (const std::size_t number : {0U, 1U}) {
    crew.worker(number).use_what_works();
    EXPECT_EQ(crew.worker(number).backend, whole.layer_workers(2)[number]->fallback());
  }
}

TEST(Crew, WithoutAFallbackAWorkerKeepsItsBackend) {
  Mock whole(0, false);
  Crew crew(whole);
  whole.lose();
  crew.worker(0).use_what_works();
  EXPECT_EQ(crew.worker(0).backend, &whole);
  EXPECT_EQ(crew.worker(0).lost, "");
}

TEST(Crew, TheFirstExceptionComesOut) {
  Mock whole(2);
  const auto fails = [](std::size_t item, std::size_t) {
    if (item > 0) {
      throw std::runtime_error(std::to_string(item));
    }
  };
  const auto run = [&](const Crew& crew) {
    try {
      crew.run(5, fails);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(run(Crew(whole)), "1");
  EXPECT_EQ(run(Crew(whole.layer_workers(2))), "1");
}

}  // namespace
}  // namespace collapscope
