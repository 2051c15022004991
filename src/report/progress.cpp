// A bar on a terminal, a line now and then in a log, or nothing but messages.
#include "collapscope/report/report.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "collapscope/core/text.hpp"
#include "report/progress_meter.hpp"
#include "report/progress_sink.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr double redraw_seconds = 0.1;
constexpr std::string_view clear_line = "\r\x1b[K";

// Whole lines, harmless to a terminal.
std::string message_text(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  while (true) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += printable(text.substr(0, end)) + '\n';
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

// "42 %", or the bytes so far when the total is not known.
std::string amount_text(const ProgressMeter& meter) {
  const auto fraction = meter.fraction();
  return fraction ? fmt::format("{:.0f} %", std::floor(100 * *fraction)) : human_bytes(meter.done());
}

class QuietProgress final : public Progress {
 public:
  explicit QuietProgress(ProgressSink sink) : sink_(std::move(sink)) {}
  void message(const std::string& line) override { sink_.write(message_text(line)); }

 private:
  ProgressSink sink_;
};

// For logs: a plain line when at least `interval` seconds have passed since the start or the last line. With
// a thread of its own that looks at the clock, where nothing advances for long: while a wide layer is
// decomposed.
class LineProgress final : public Progress {
 public:
  LineProgress(ProgressSink sink, double interval) : sink_(std::move(sink)), interval_(interval) {}
  LineProgress(const LineProgress&) = delete;
  LineProgress& operator=(const LineProgress&) = delete;
  LineProgress(LineProgress&&) = delete;
  LineProgress& operator=(LineProgress&&) = delete;
  ~LineProgress() override { LineProgress::finish(); }

  void start(std::uint64_t total_bytes) override {
    finish();
    shown_at_ = sink_.now();
    meter_.start(total_bytes, shown_at_);
    running_ = true;
    if (sink_.watched) begin_watch();
  }

  void working_on(const std::string& what) override {
    const std::scoped_lock lock(mutex_);
    what_ = printable(what);
  }

  void advance(std::uint64_t bytes) override {
    const std::scoped_lock lock(mutex_);
    meter_.advance(bytes, sink_.now());
    write_when_due();
  }

  void message(const std::string& line) override {
    const std::scoped_lock lock(mutex_);
    sink_.write(message_text(line));
  }

  void finish() override {
    {
      const std::scoped_lock lock(mutex_);
      running_ = false;
    }
    ended_.notify_all();
    if (watch_.joinable()) watch_.join();
  }

 private:
  void write_when_due() {
    const double now = sink_.now();
    if (!running_ || now - shown_at_ < interval_) return;
    shown_at_ = now;
    sink_.write(line());
  }

  // Where the system gives no more threads, lines come as the work advances.
  void begin_watch() {
    try {
      watch_ = std::thread([this] { watch(); });
    } catch (const std::system_error&) {
      return;
    }
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (running_) {
      const double due = std::max(shown_at_ + interval_ - sink_.now(), 0.0);
      ended_.wait_for(lock, std::chrono::duration<double>(due + 0.01), [this] { return !running_; });
      write_when_due();
    }
  }

  [[nodiscard]] std::string line() const {
    std::string text = "collapscope: " + amount_text(meter_);
    if (meter_.total() > 0) text += " of " + human_bytes(meter_.total());
    if (meter_.rate() > 0) text += ", " + rate_text(meter_.rate());
    if (const auto left = meter_.seconds_left()) text += ", " + duration_text(*left) + " left";
    if (!what_.empty()) text += ", " + what_;
    return text + '\n';
  }

  ProgressSink sink_;
  double interval_;
  ProgressMeter meter_;
  double shown_at_ = 0;
  bool running_ = false;
  std::string what_;
  std::mutex mutex_;  // of all of it
  std::condition_variable ended_;
  std::thread watch_;
};

// One line on a terminal, drawn again and again.
class BarProgress final : public Progress {
 public:
  BarProgress(ProgressSink sink, bool colour) : sink_(std::move(sink)), colour_(colour) {}
  BarProgress(const BarProgress&) = delete;
  BarProgress& operator=(const BarProgress&) = delete;
  BarProgress(BarProgress&&) = delete;
  BarProgress& operator=(BarProgress&&) = delete;
  ~BarProgress() override { clear(); }

  void start(std::uint64_t total_bytes) override {
    meter_.start(total_bytes, sink_.now());
    running_ = true;
    draw_when_due();
  }

  void working_on(const std::string& what) override {
    what_ = printable(what);
    draw_when_due();
  }

  void advance(std::uint64_t bytes) override {
    meter_.advance(bytes, sink_.now());
    draw_when_due();
  }

  void message(const std::string& line) override {
    sink_.write(std::string(drawn_ ? clear_line : "") + message_text(line) + (drawn_ ? bar() : ""));
  }

  void finish() override {
    running_ = false;
    clear();
  }

 private:
  void clear() {
    if (std::exchange(drawn_, false)) sink_.write(clear_line);
  }

  void draw_when_due() {
    const double now = sink_.now();
    if (!running_ || (drawn_ && now - drawn_at_ < redraw_seconds)) return;
    drawn_at_ = now;
    drawn_ = true;
    sink_.write(std::string(clear_line) + bar());
  }

  // " 42 % [########            ]  310 MB/s  0:03 left  epoch_10.h5: fc3", one column short of the terminal.
  [[nodiscard]] std::string bar() const {
    constexpr std::size_t bar_width = 20;
    constexpr std::size_t roomy = 72;  // narrower terminals get no bar
    const std::size_t width = std::max<std::size_t>(sink_.width(), 2) - 1;
    std::string head = pad_left(amount_text(meter_), 5);
    const auto fraction = meter_.fraction();
    const std::size_t before_bar = head.size() + 2;
    const bool with_bar = fraction && width + 1 >= roomy;
    const auto full = with_bar ? static_cast<std::size_t>(*fraction * static_cast<double>(bar_width)) : 0;
    if (with_bar) head += " [" + pad_right(std::string(full, '#'), bar_width) + ']';
    if (meter_.rate() > 0) head += pad_left(rate_text(meter_.rate()), 11);
    if (const auto left = meter_.seconds_left()) head += "  " + duration_text(*left) + " left";
    const std::size_t used = display_width(head);
    if (!what_.empty() && used + 6 < width) head += "  " + shorten_middle(what_, width - used - 2);
    std::string text = shorten_middle(head, width);
    if (colour_ && full > 0) {
      text.insert(before_bar + full, "\x1b[0m");
      text.insert(before_bar, "\x1b[32m");
    }
    return text;
  }

  ProgressSink sink_;
  bool colour_;
  ProgressMeter meter_;
  double drawn_at_ = 0;
  bool drawn_ = false;
  bool running_ = false;
  std::string what_;
};

}  // namespace

ProgressSink standard_error_sink() {
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const auto write = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  const auto width = []() -> std::size_t {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
  };
  return {now, write, width, true};
}

std::unique_ptr<Progress> make_progress(ProgressSink sink, bool terminal, bool colour,
                                        double interval_seconds) {
  if (terminal) return std::make_unique<BarProgress>(std::move(sink), colour);
  return std::make_unique<LineProgress>(std::move(sink), interval_seconds);
}

std::unique_ptr<Progress> make_quiet_progress(ProgressSink sink) {
  return std::make_unique<QuietProgress>(std::move(sink));
}

std::unique_ptr<Progress> make_progress(bool terminal, bool colour, double interval_seconds) {
  return make_progress(standard_error_sink(), terminal, colour, interval_seconds);
}

std::unique_ptr<Progress> make_quiet_progress() { return make_quiet_progress(standard_error_sink()); }

}  // namespace collapscope
