// Tasks alone and side by side, and what becomes of a device that fails.
#include "analysis/layer_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>

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

TEST(LayerQueue, WorkersShareTheMemory) {
  Mock whole(4);
  LayerQueue queue(whole, 1000, 4);
  EXPECT_EQ(queue.workers(), 4U);
  EXPECT_EQ(queue.desk(true).memory, 250U);
  EXPECT_EQ(queue.desk(false).memory, 1000U);
  EXPECT_EQ(LayerQueue(whole, 1000, 0).workers(), 0U);
}

TEST(LayerQueue, TasksGoSideBySideAndAlone) {
  Mock whole(3);
  LayerQueue queue(whole, 3, 3);
  std::mutex mutex;
  std::vector<int> order;
  const auto note = [&](int number) {
    const std::lock_guard lock(mutex);
    order.push_back(number);
  };
  std::latch both(2);  // each waits for the other: neither ends before both have begun
  std::set<Backend*> at_work;
  const auto meet = [&](Desk& desk) {
    both.arrive_and_wait();
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(at_work.insert(desk.backend).second);
    EXPECT_NE(desk.backend, &whole);
    order.push_back(1);
  };
  const auto alone = [&](int number) {
    return [&, number](Desk& desk) {
      EXPECT_TRUE(queue.is_whole(desk));
      EXPECT_EQ(desk.backend, &whole);
      note(number);
    };
  };
  queue.run({{false, alone(0)}, {true, meet}, {true, meet}, {false, alone(2)}, {false, alone(3)}});
  EXPECT_EQ(order, (std::vector<int>{0, 1, 1, 2, 3}));
}

TEST(LayerQueue, ATaskMayWaitForAnEarlierOne) {
  Mock whole(2);
  LayerQueue queue(whole, 2, 2);
  std::latch first(1);
  std::atomic<int> waited = 0;
  std::vector<LayerTask> tasks{{true, [&](Desk&) { first.count_down(); }}};
  for (int i = 0; i < 50; ++i) {
    tasks.push_back({true, [&](Desk&) {
                       first.wait();
                       ++waited;
                     }});
  }
  queue.run(tasks);
  EXPECT_EQ(waited, 50);
}

TEST(LayerQueue, NobodySharesOutTheBlassWorkMeanwhile) {
  linalg::set_threads(2);
  Mock whole(2);
  LayerQueue queue(whole, 100, 2);
  std::atomic<std::size_t> most = 0;
  const auto look = [&](Desk&) { most = std::max<std::size_t>(most, linalg::threads()); };
  queue.run(std::vector<LayerTask>(20, LayerTask{true, look}));
  EXPECT_EQ(most, 1U);
  queue.run({{false, look}});
  EXPECT_EQ(most, 2U);
  linalg::set_threads(1);
}

TEST(LayerQueue, APartThatFailedIsNotUsedAgainAndOthersAre) {
  Mock whole(2);
  LayerQueue queue(whole, 2, 2);
  Backend* lost = nullptr;
  std::mutex mutex;
  std::vector<LayerTask> tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.push_back({true, [&](Desk& desk) {
                       const std::lock_guard lock(mutex);
                       if (lost == nullptr) {
                         lost = desk.backend;
                         Backend* const fallback = lost->fallback();
                         dynamic_cast<Mock&>(*lost).lose();
                         queue.give_up(desk, "lost");
                         EXPECT_EQ(desk.backend, fallback);
                       } else {
                         EXPECT_NE(desk.backend, lost);
                       }
                     }});
  }
  tasks.push_back({false, [&](Desk& desk) { EXPECT_EQ(desk.backend, whole.fallback()); }});
  queue.run(tasks);
  EXPECT_NE(lost, nullptr);
}

TEST(LayerQueue, WhenTheWholeFailsSoDoItsParts) {
  Mock whole(2);
  LayerQueue queue(whole, 2, 2);
  const auto on_fallback = [&](Desk& desk) {
    EXPECT_TRUE(desk.backend == whole.layer_workers(2)[0]->fallback() ||
                desk.backend == whole.layer_workers(2)[1]->fallback());
  };
  queue.run({{false,
              [&](Desk& desk) {
                whole.lose();
                queue.give_up(desk, "lost");
                EXPECT_EQ(desk.backend, whole.fallback());
              }},
             {true, on_fallback},
             {true, on_fallback},
             {false, [&](Desk& desk) { EXPECT_EQ(desk.backend, whole.fallback()); }}});
}

TEST(LayerQueue, AnExceptionComesOut) {
  Mock whole(2);
  LayerQueue queue(whole, 2, 2);
  const auto fails = [](Desk&) { throw std::runtime_error("this one"); };
  EXPECT_THROW(queue.run({{true, fails}, {true, [](Desk&) {}}}), std::runtime_error);
  EXPECT_THROW(queue.run({{false, fails}}), std::runtime_error);
}

}  // namespace
}  // namespace collapscope
