// A folder of states: analyses that are interrupted anywhere and go on from there.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "cluster/sample_run.hpp"
#include "collapscope/core/error.hpp"
#include "collapscope/states/states.hpp"
#include "core/support.hpp"

namespace collapscope {
namespace {

// Asks to stop after so many saves.
class StopAfter final : public StateKeeper {
 public:
  StopAfter(StateKeeper& keeper, StopRequest& stop, int saves) : keeper_(keeper), stop_(stop), left_(saves) {}

  [[nodiscard]] AnalysisState load(const Wants& wants) override { return keeper_.load(wants); }
  void save(const StateView& state) override {
    keeper_.save(state);
    if (--left_ == 0) {
      stop_.by_signal(15);
    }
  }
  [[nodiscard]] double interval() const override { return keeper_.interval(); }

 private:
  StateKeeper& keeper_;
  StopRequest& stop_;
  int left_;
};

// A disk that is full after so many saves.
class FullAfter final : public StateKeeper {
 public:
  FullAfter(double interval, int saves, StopRequest* stop = nullptr)
      : interval_(interval), left_(saves), stop_(stop) {}

  [[nodiscard]] AnalysisState load(const Wants& /*wants*/) override { return {}; }
  void save(const StateView& /*state*/) override {
    if (--left_ < 0) {
      if (stop_ != nullptr) {
        stop_->by_signal(15);
      }
      throw std::runtime_error("No space left on device");
    }
  }
  [[nodiscard]] double interval() const override { return interval_; }

 private:
  double interval_;
  int left_;
  StopRequest* stop_;
};

// Somebody removes the folder before each save.
class RemovesFirst final : public StateKeeper {
 public:
  RemovesFirst(StateKeeper& keeper, std::string folder) : keeper_(keeper), folder_(std::move(folder)) {}

  [[nodiscard]] AnalysisState load(const Wants& wants) override { return keeper_.load(wants); }
  void save(const StateView& state) override {
    std::filesystem::remove_all(folder_);
    keeper_.save(state);
  }
  [[nodiscard]] double interval() const override { return keeper_.interval(); }

 private:
  StateKeeper& keeper_;
  std::string folder_;
};

class WorkFolder : public ::testing::Test {
 protected:
  WorkFolder() : path_(test::temporary_path("work")) {}
  ~WorkFolder() override { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::unique_ptr<StateKeeper> opened(const Identity& identity = {{"what", "this"}},
                                                    std::size_t rank = 0) {
    WorkFolderOptions options;
    options.path = path_;
    options.identity = identity;
    options.interval = 0;
    options.rank = rank;
    return open_work_folder(options, [this](const std::string& line) { told_.push_back(line); });
  }

  // Runs until it is through, each interrupted after so many saves; how many runs it took.
  int run_in_pieces(int saves, std::size_t threads, Results& results) {
    for (int run = 1;; ++run) {
      const auto keeper = opened();
      StopRequest stop;
      StopAfter stopper(*keeper, stop, saves);
      try {
        results = test::sample_run().analyzed(threads, {}, &stopper, &stop);
        return run;
      } catch (const Stopped&) {
        if (run == 200) {
          throw Error("it makes no progress");
        }
      }
    }
  }

  std::string path_;
  std::vector<std::string> told_;
};

TEST_F(WorkFolder, InterruptionsAnywhereChangeNoBit) {
  const Results wanted = test::sample_run().analyzed();
  for (const auto& [threads, saves] :
       std::vector<std::pair<std::size_t, int>>{{1, 1}, {1, 4}, {3, 2}, {3, 9}}) {
    SCOPED_TRACE(fmt::format("{} threads, stopped after {} saves", threads, saves));
    std::filesystem::remove_all(path_);
    Results found;
    const int runs = run_in_pieces(saves, threads, found);
    EXPECT_GT(runs, 1);
    test::expect_same(found, wanted);
  }
  EXPECT_THAT(told_, testing::IsEmpty());
}

TEST_F(WorkFolder, AFinishedAnalysisIsNotDoneAgain) {
  Results found;
  run_in_pieces(1000, 1, found);
  const auto keeper = opened();
  const Results again = test::sample_run().analyzed(1, {}, keeper.get());
  test::expect_same(again, found);
  // But for the layer that failed.
  EXPECT_LE(again.provenance.bytes_read, std::uint64_t{50000} * 140 * sizeof(float));
}

TEST_F(WorkFolder, RanksOfAnyNumberGoOnFromOneAnother) {
  const Results wanted = test::sample_run().analyzed();
  Results found;
  bool is_through = false;
  for (int run = 0; !is_through && run < 100; ++run) {
    const std::size_t size = std::array<std::size_t, 5>{3, 1, 4, 2, 5}[static_cast<std::size_t>(run) % 5];
    on_local_ranks(size, [&](Ranks& ranks) {
      const auto keeper = opened({{"what", "this"}}, ranks.rank());
      StopRequest stop;
      StopAfter stopper(*keeper, stop, 2);
      test::Messages messages;
      const auto backend = make_cpu_backend(1);
      try {
        Results mine =
            analyze(test::sample_run().checkpoints(), *backend, {}, {messages, &stop, &stopper, &ranks});
        if (ranks.rank() == 0) {
          found = std::move(mine);
          is_through = true;
        }
      } catch (const Stopped&) {
      }
    });
  }
  ASSERT_TRUE(is_through);
  test::expect_same(found, wanted);
}

TEST_F(WorkFolder, AnotherAnalysisIsRefusedWithTheDifference) {
  Results found;
  run_in_pieces(1000, 1, found);
  const auto keeper = opened({{"what", "that"}});
  EXPECT_THAT([&] { (void)keeper->load([](const LayerPlace&) { return true; }); },
              testing::ThrowsMessage<UsageError>(testing::HasSubstr("what: 'this' there, 'that' here")));
}

TEST_F(WorkFolder, TwoRunsAtATimeAreRefused) {
  const auto keeper = opened();
  EXPECT_THAT([&] { (void)opened(); }, testing::ThrowsMessage<UsageError>(testing::HasSubstr("in use")));
}

TEST_F(WorkFolder, ADamagedStateIsToldAndTheOneBeforeItTaken) {
  const Results wanted = test::sample_run().analyzed();
  {
    const auto keeper = opened();
    StopRequest stop;
    StopAfter stopper(*keeper, stop, 6);
    EXPECT_THROW((void)test::sample_run().analyzed(1, {}, &stopper, &stop), Stopped);
  }
  const auto newest = [&] {
    const auto a = read_work_folder(path_).front().number;
    return fmt::format("{}/state-0000-{}.h5", path_, a % 2 == 0 ? "a" : "b");
  };
  std::filesystem::resize_file(newest(), std::filesystem::file_size(newest()) - 1);
  const auto keeper = opened();
  const Results found = test::sample_run().analyzed(1, {}, keeper.get());
  EXPECT_THAT(told_, testing::Contains(testing::HasSubstr("is damaged")));
  test::expect_same(found, wanted);
}

TEST_F(WorkFolder, AFullDiskCostsNoResultsAndIsToldOnce) {
  const Results wanted = test::sample_run().analyzed();
  for (const double interval : {0.0, 0.001, 300.0}) {
    for (const std::size_t size : {1U, 3U}) {
      SCOPED_TRACE(fmt::format("{} ranks, a save every {} s", size, interval));
      on_local_ranks(size, [&](Ranks& ranks) {
        FullAfter keeper(interval, 0);
        test::Messages messages;
        const auto backend = make_cpu_backend(1);
        const Results mine = analyze(test::sample_run().checkpoints(), *backend, {},
                                     {messages, nullptr, &keeper, size > 1 ? &ranks : nullptr});
        EXPECT_EQ(std::ranges::count_if(messages.lines,
                                        [](const std::string& line) {
                                          return line.find("No space left") != std::string::npos;
                                        }),
                  1);
        if (ranks.rank() == 0) {
          test::expect_same(mine, wanted);
        }
      });
    }
  }
}

TEST_F(WorkFolder, WhatIsStoppedAndCannotBeSavedIsInTheResults) {
  StopRequest stop;
  FullAfter keeper(0, 9, &stop);
  test::Messages messages;
  const auto backend = make_cpu_backend(1);
  const Results found =
      analyze(test::sample_run().checkpoints(), *backend, {}, {messages, &stop, &keeper, nullptr});
  EXPECT_FALSE(found.checkpoints.empty());
  EXPECT_THAT(messages.lines, testing::Contains(testing::HasSubstr("what was measured is in the results")));
}

TEST_F(WorkFolder, AFolderThatWasRemovedCostsNoResults) {
  const Results wanted = test::sample_run().analyzed();
  const auto keeper = opened();
  RemovesFirst remover(*keeper, path_);
  test::expect_same(test::sample_run().analyzed(1, {}, &remover), wanted);
}

TEST_F(WorkFolder, TellsHowFarItIs) {
  EXPECT_THROW((void)read_work_folder(path_), InputError);
  {
    const auto keeper = opened();
    StopRequest stop;
    StopAfter stopper(*keeper, stop, 4);
    EXPECT_THROW((void)test::sample_run().analyzed(1, {}, &stopper, &stop), Stopped);
  }
  const std::vector<StateHead> heads = read_work_folder(path_);
  ASSERT_EQ(heads.size(), 1U);
  EXPECT_EQ(heads[0].layers, 8U);
}

}  // namespace
}  // namespace collapscope
