// What a benchmark times: single steps of the work on a layer, and the machine's own rates as their ceilings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "collapscope/core/matrix.hpp"
#include "collapscope/core/rows.hpp"

namespace collapscope {

struct LookSpec;

// One piece of work that can be done again and again. Bytes and operations are those that the result needs,
// however it comes about.
struct Stage {
  std::string name;
  double bytes = 0;             // read and written
  double flops = 0;             // float64 operations
  std::string ceiling;          // the stage whose rate bounds this one's; empty: none
  std::string detail;           // what is done, e.g. "order 4096"; may be empty
  std::function<double()> run;  // does it once; returns the seconds that it took
};

// The rows of one layer, all of them stored rows.
struct StageSpec {
  RowFormat format;
  std::span<const std::byte> bytes;  // all rows, in a buffer of the backend; outlives the stages
  std::uint64_t rows = 0;            // N
  std::size_t targets = 0;           // n
  MatrixView<const double> y;        // [N, n]; outlives the stages
  const LookSpec* look = nullptr;    // for the second look; outlives the stages
};

struct StageSet {
  std::vector<Stage> stages;
  std::vector<std::string> floor;  // of these, the ones that no analysis can do without
  bool floor_overlaps = false;     // they and the reading may go on side by side, not one after another
};

// What the numbers were measured on: "clock_mhz", 1980.
struct Fact {
  std::string name;
  std::variant<std::int64_t, double, std::string> value;
};

// Makes the stages of one backend, which it must not outlive. Everything may throw DeviceError.
class StageMaker {
 public:
  virtual ~StageMaker() = default;
  [[nodiscard]] virtual std::vector<Fact> facts() const = 0;
  // Large copies and products by the plainest means, for the rates that the hardware and its libraries give.
  [[nodiscard]] virtual std::vector<Stage> ceilings() = 0;
  [[nodiscard]] virtual StageSet stages(const StageSpec& spec) = 0;
};

}  // namespace collapscope
