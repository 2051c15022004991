// Progress with a clock and a terminal of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "collapscope/report/report.hpp"
#include "report/progress_meter.hpp"
#include "report/progress_sink.hpp"
#include "report/terminal_text.hpp"
#include "results/sample_results.hpp"

namespace collapscope {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string clear = "\r\x1b[K";

struct Screen {
  double now = 1000;
  std::size_t width = 80;
  std::vector<std::string> writes;

  [[nodiscard]] ProgressSink sink() {
    return {[this] { return now; }, [this](std::string_view text) { writes.emplace_back(text); },
            [this] { return width; }};
  }
  [[nodiscard]] std::unique_ptr<Progress> bar(bool colour = false) {
    return make_progress(sink(), true, colour, 30);
  }
  [[nodiscard]] std::unique_ptr<Progress> log(double interval = 30) {
    return make_progress(sink(), false, false, interval);
  }
};

constexpr std::uint64_t mega = 1'000'000;

TEST(ProgressMeter, FollowsTheRate) {
  ProgressMeter meter;
  meter.start(1000 * mega, 0);
  EXPECT_EQ(meter.rate(), 0);
  EXPECT_EQ(meter.seconds_left(), std::nullopt);
  double now = 0;
  for (int i = 0; i < 20; ++i) meter.advance(10 * mega, now += 1);
  EXPECT_NEAR(meter.rate(), 10e6, 1);
  EXPECT_NEAR(*meter.seconds_left(), 80, 1e-3);
  for (int i = 0; i < 40; ++i) meter.advance(1 * mega, now += 1);
  EXPECT_NEAR(meter.rate(), 1e6, 0.2e6);
  EXPECT_NEAR(*meter.fraction(), 0.24, 1e-12);
}

TEST(ProgressMeter, TakesTotalsThatAreWrongOrMissing) {
  ProgressMeter meter;
  meter.start(10, 0);
  meter.advance(20, 1);
  EXPECT_EQ(meter.fraction(), 1.0);
  EXPECT_EQ(meter.seconds_left(), 0.0);
  meter.start(0, 0);
  meter.advance(20, 1);
  EXPECT_EQ(meter.fraction(), std::nullopt);
  EXPECT_EQ(meter.seconds_left(), std::nullopt);
}

TEST(ProgressMeter, Texts) {
  EXPECT_EQ(rate_text(0), "0 B/s");
  EXPECT_EQ(rate_text(310e6), "310 MB/s");
  EXPECT_EQ(rate_text(999.6e6), "1.00 GB/s");
  EXPECT_EQ(rate_text(12.34e9), "12.3 GB/s");
  EXPECT_EQ(rate_text(5e15), "5000 TB/s");
  EXPECT_EQ(duration_text(2.1), "0:03");
  EXPECT_EQ(duration_text(-1), "0:00");
  EXPECT_EQ(duration_text(754), "12:34");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(1e300), "100 h or more");
}

TEST(Bar, ShowsAmountRateTimeAndWhat) {
  Screen screen;
  const auto bar = screen.bar();
  bar->start(1000 * mega);
  bar->working_on("epoch_10.h5: fc3");
  for (int i = 0; i < 4; ++i) {
    screen.now += 1;
    bar->advance(105 * mega);
  }
  EXPECT_EQ(screen.writes.back(),
            clear + " 42 % [########            ]   105 MB/s  0:06 left  epoch_10.h5: fc3");
}

TEST(Bar, IsRedrawnAtMostTenTimesPerSecond) {
  Screen screen;
  const auto bar = screen.bar();
  bar->start(1000);
  for (int i = 0; i < 1000; ++i) {
    screen.now += 0.001;
    bar->advance(1);
    bar->working_on("layer " + std::to_string(i));
  }
  EXPECT_GE(screen.writes.size(), 9U);
  EXPECT_LE(screen.writes.size(), 11U);
}

TEST(Bar, IsNeverWiderThanTheTerminal) {
  for (std::size_t width = 0; width < 130; ++width) {
    Screen screen;
    screen.width = width;
    const auto bar = screen.bar();
    bar->start(1'000'000 * mega);
    bar->working_on("runs/very/long/path/日本語/epoch_10.h5: model.layers.17.mlp.down_projection");
    screen.now += 5;
    bar->advance(3 * mega);
    for (const std::string& text : screen.writes) {
      ASSERT_THAT(text, StartsWith(clear));
      EXPECT_LT(display_width(text.substr(clear.size())), std::max<std::size_t>(width, 2));
    }
  }
}

TEST(Bar, FinishClearsItOnce) {
  Screen screen;
  {
    const auto bar = screen.bar();
    bar->start(100);
    bar->finish();
    EXPECT_EQ(screen.writes.back(), clear);
    const std::size_t writes = screen.writes.size();
    bar->finish();
    bar->advance(50);
    EXPECT_EQ(screen.writes.size(), writes);
  }
  EXPECT_EQ(screen.writes.size(), 2U);
}

TEST(Bar, IsClearedWhenAnExceptionEndsIt) {
  Screen screen;
  screen.bar()->start(100);
  EXPECT_EQ(screen.writes.back(), clear);
}

TEST(Bar, MessagesAreWholeLinesAboveIt) {
  Screen screen;
  const auto bar = screen.bar();
  bar->message("before");
  bar->start(100);
  bar->message("a warning\n");
  EXPECT_EQ(screen.writes[0], "before\n");
  EXPECT_THAT(screen.writes[2], StartsWith(clear + "a warning\n  0 %"));
  bar->finish();
  bar->message("after");
  EXPECT_EQ(screen.writes.back(), "after\n");
}

TEST(Bar, ColourOnlyWhenAskedFor) {
  Screen screen;
  for (const bool colour : {false, true}) {
    const auto bar = screen.bar(colour);
    bar->start(100);
    screen.now += 1;
    bar->advance(50);
    EXPECT_EQ(screen.writes.back().find("[\x1b[32m##########\x1b[0m ") != std::string::npos, colour);
  }
}

TEST(Bar, WithoutATotalItCounts) {
  Screen screen;
  const auto bar = screen.bar();
  bar->start(0);
  screen.now += 1;
  bar->advance(2048);
  EXPECT_THAT(screen.writes.back(), HasSubstr("2.0 KiB  2.05 kB/s"));
}

TEST(Bar, HostileTextIsHarmless) {
  for (const std::string& name : test::hostile_names()) {
    Screen screen;
    const auto bar = screen.bar();
    bar->start(100);
    screen.now += 1;
    bar->working_on(name);
    bar->message(name);
    for (std::string text : screen.writes) {
      for (std::size_t at = 0; (at = text.find(clear)) != std::string::npos;) text.erase(at, clear.size());
      EXPECT_FALSE(test::has_raw_controls(text)) << text;
    }
  }
}

TEST(Log, ShortJobsAreSilent) {
  Screen screen;
  const auto log = screen.log();
  log->start(1000);
  log->working_on("a.h5: fc1");
  screen.now += 29;
  log->advance(1000);
  log->finish();
  EXPECT_TRUE(screen.writes.empty());
}

TEST(Log, OneLineEveryInterval) {
  Screen screen;
  const auto log = screen.log();
  log->start(std::uint64_t{1288490189});  // 1.2 GiB
  log->working_on("epoch_10.h5: fc3");
  for (int i = 0; i < 100; ++i) {
    screen.now += 1;
    log->advance(10 * mega);
  }
  ASSERT_EQ(screen.writes.size(), 3U);
  EXPECT_EQ(screen.writes[0], "collapscope: 23 % of 1.2 GiB, 10.0 MB/s, 1:39 left, epoch_10.h5: fc3\n");
  EXPECT_THAT(screen.writes[2], StartsWith("collapscope: 69 % of 1.2 GiB, 10.0 MB/s, "));
  EXPECT_THAT(screen.writes[2], EndsWith(" left, epoch_10.h5: fc3\n"));
}

TEST(Log, LinesComeAlsoWhileNothingAdvances) {
  std::mutex mutex;
  std::condition_variable written;
  std::vector<std::string> lines;
  ProgressSink sink = standard_error_sink();
  ASSERT_TRUE(sink.watched);
  sink.write = [&](std::string_view text) {
    const std::scoped_lock lock(mutex);
    lines.emplace_back(text);
    written.notify_all();
  };
  const auto log = make_progress(sink, false, false, 0.001);
  log->start(1000);
  log->working_on("wide layer");
  {
    std::unique_lock lock(mutex);
    written.wait(lock,
                 [&] { return lines.size() >= 3 && lines.back().find("wide layer") != std::string::npos; });
  }
  log->finish();
  const std::size_t count = lines.size();
  log->working_on("another");
  EXPECT_EQ(lines.size(), count);
  EXPECT_THAT(lines.back(), EndsWith(", wide layer\n"));
}

TEST(Log, MessagesAndHostileText) {
  Screen screen;
  const auto log = screen.log(0);
  log->message("two\nlines");
  EXPECT_EQ(screen.writes.back(), "two\nlines\n");
  log->start(0);
  for (const std::string& name : test::hostile_names()) {
    log->working_on(name);
    log->advance(1);
    log->message(name);
  }
  for (const std::string& text : screen.writes) {
    EXPECT_FALSE(test::has_raw_controls(text)) << text;
    EXPECT_THAT(text, EndsWith("\n"));
  }
}

TEST(Quiet, ShowsMessagesOnly) {
  Screen screen;
  const auto quiet = make_quiet_progress(screen.sink());
  quiet->start(100);
  quiet->working_on("a");
  screen.now += 100;
  quiet->advance(100);
  quiet->finish();
  EXPECT_TRUE(screen.writes.empty());
  quiet->message("a warning");
  EXPECT_EQ(screen.writes, std::vector<std::string>{"a warning\n"});
}

TEST(StandardError, SinkWorks) {
  const ProgressSink sink = standard_error_sink();
  EXPECT_GE(sink.width(), 1U);
  const double now = sink.now();
  EXPECT_LE(now, sink.now());
  testing::internal::CaptureStderr();
  make_progress(false, false)->message("to standard error");
  make_progress(true, false)->message("again");
  make_quiet_progress()->message("and again");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "to standard error\nagain\nand again\n");
}

}  // namespace
}  // namespace collapscope
