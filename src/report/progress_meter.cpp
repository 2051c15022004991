// A rate that follows the last few seconds.
#include "report/progress_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace collapscope {
namespace {

constexpr double memory_seconds = 8;       // after which a rate counts 1/e
constexpr double shortest_sample = 0.2;    // seconds; reads come in bursts
constexpr double longest_shown = 360'000;  // 100 hours

}  // namespace

void ProgressMeter::start(std::uint64_t total_bytes, double now) {
  *this = {};
  total_ = total_bytes;
  sampled_at_ = now;
}

void ProgressMeter::advance(std::uint64_t bytes, double now) {
  done_ += bytes;
  const double passed = now - sampled_at_;
  if (passed < shortest_sample) return;
  const double kept = std::exp(-passed / memory_seconds);
  smoothed_ = kept * smoothed_ + (1 - kept) * static_cast<double>(done_ - sampled_done_) / passed;
  weight_ = kept * weight_ + (1 - kept);
  sampled_at_ = now;
  sampled_done_ = done_;
}

std::optional<double> ProgressMeter::fraction() const {
  if (total_ == 0) return std::nullopt;
  return std::min(static_cast<double>(done_) / static_cast<double>(total_), 1.0);
}

double ProgressMeter::rate() const { return weight_ > 0 ? smoothed_ / weight_ : 0; }

std::optional<double> ProgressMeter::seconds_left() const {
  if (total_ == 0 || rate() <= 0) return std::nullopt;
  return total_ > done_ ? static_cast<double>(total_ - done_) / rate() : 0;
}

std::string rate_text(double bytes_per_second) {
  constexpr std::array<std::string_view, 5> units = {"B/s", "kB/s", "MB/s", "GB/s", "TB/s"};
  std::size_t unit = 0;
  for (; bytes_per_second >= 999.5 && unit + 1 < units.size(); ++unit) bytes_per_second /= 1000;
  const int decimals = unit == 0 || bytes_per_second >= 99.95 ? 0 : bytes_per_second >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes_per_second, decimals, units[unit]);
}

std::string duration_text(double seconds) {
  if (!(seconds < longest_shown)) return "100 h or more";
  const auto whole = static_cast<std::int64_t>(std::ceil(std::max(seconds, 0.0)));
  const std::int64_t minutes = whole / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, whole % 60);
}

}  // namespace collapscope
