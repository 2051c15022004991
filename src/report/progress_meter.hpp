// How much is done, how fast it goes and how long it will take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace collapscope {

class ProgressMeter {
 public:
  void start(std::uint64_t total_bytes, double now);
  void advance(std::uint64_t bytes, double now);

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  // 0 to 1; nullopt when the total is not known.
  [[nodiscard]] std::optional<double> fraction() const;
  // Bytes per second, the last few seconds counting most; 0 before anything can be said.
  [[nodiscard]] double rate() const;
  [[nodiscard]] std::optional<double> seconds_left() const;

 private:
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
  double sampled_at_ = 0;
  std::uint64_t sampled_done_ = 0;
  double smoothed_ = 0;  // exponentially weighted sum of rates, and of weights
  double weight_ = 0;
};

// "310 MB/s"
[[nodiscard]] std::string rate_text(double bytes_per_second);

// "0:03", "1:02:03"
[[nodiscard]] std::string duration_text(double seconds);

}  // namespace collapscope
