// Building metric sets.
#pragma once

#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collapscope/results/results.hpp"

namespace collapscope {

inline void add_undefined(MetricSet& set, std::string name, std::string reason) {
  set.add({std::move(name), std::monostate{}, std::nullopt, std::move(reason)});
}

inline void add_undefined_each(MetricSet& set, std::initializer_list<const char*> names,
                               const std::string& reason) {
  for (const char* name : names) {
    add_undefined(set, name, reason);
  }
}

// A number that overflowed or lost its meaning is undefined, never NaN or Inf.
inline void add_number(MetricSet& set, std::string name, double value,
                       std::optional<double> floor = std::nullopt, std::string note = {}) {
  if (!std::isfinite(value)) {
    add_undefined(set, std::move(name), "overflow");
    return;
  }
  if (floor && !std::isfinite(*floor)) {
    floor = std::nullopt;
  }
  set.add({std::move(name), value, floor, std::move(note)});
}

inline void add_count(MetricSet& set, std::string name, std::size_t value) {
  set.add({std::move(name), static_cast<std::int64_t>(value), std::nullopt, {}});
}

inline void add_list(MetricSet& set, std::string name, std::vector<double> values, std::string note = {}) {
  set.add({std::move(name), std::move(values), std::nullopt, std::move(note)});
}

}  // namespace collapscope
