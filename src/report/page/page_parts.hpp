// The page of `collapscope report` as it was put together at build time.
#pragma once

#include <array>
#include <string_view>

namespace collapscope {

// What stands before the title, between the title and the heading, between the heading and the data, and
// after the data. Empty where the library was built without Chart.js.
extern const std::array<std::string_view, 4> page_parts;

}  // namespace collapscope
