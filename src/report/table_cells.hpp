// The table's columns and what stands in its cells.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "collapscope/results/results.hpp"

namespace collapscope {

// When a value counts as collapsed and is shown in green.
enum class Collapse : std::uint8_t { no, when_small, when_near_one };

struct Column {
  std::string_view metric;
  std::string_view label;
  Collapse collapse;
  int importance;  // the least important columns go first when the terminal is narrow
};

inline constexpr std::array<Column, 10> table_columns = {{
    {"features", "d", Collapse::no, 5},
    {"feature_stable_rank", "srank", Collapse::no, 2},
    {"nrc1", "nrc1", Collapse::when_small, 10},
    {"nrc2", "nrc2", Collapse::when_small, 7},
    {"nrc3", "nrc3", Collapse::when_small, 4},
    {"deep_nrc1", "deep_nrc1", Collapse::when_small, 9},
    {"deep_nrc2", "deep_nrc2", Collapse::when_near_one, 8},
    {"deep_nrc3", "deep_nrc3", Collapse::when_near_one, 6},
    {"deep_nrc4", "deep_nrc4", Collapse::no, 1},
    {"linear_mse", "linear_mse", Collapse::no, 3},
}};

struct Cell {
  std::string text = "-";
  bool collapsed = false;
  bool marked = false;  // a value with a note
};

// `metric` may be null: not computed.
[[nodiscard]] Cell cell_of(const Metric* metric, const Column& column);

// Three significant digits, two and an exponent below 1e-3 and from 1e5: "0.0123", "3.2e-05".
[[nodiscard]] std::string short_number(double value);

// `floor` rounded up to one digit: "1e-07", "0.02".
[[nodiscard]] std::string short_floor(double floor);

}  // namespace collapscope
