// When two values of an attribute are the same, and their order. plot/groups.py and page/data.js have the
// rule, too.
#pragma once

#include <string>
#include <tuple>

#include "collapscope/results/results.hpp"

namespace collapscope {

// A kind, then what the value is as a number or as text. Of true and false, then numbers (counts or not, also
// those written as text), then text.
using AttributeKey = std::tuple<int, double, std::string>;

[[nodiscard]] AttributeKey attribute_key(const AttributeValue& value);

// Numbers are the same however they are written: 0, 0.0, "0.001", "1e-3", and 0.001 as float32.
[[nodiscard]] bool same_value(const AttributeValue& a, const AttributeValue& b);

}  // namespace collapscope
