#include "collapscope/core/rows.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope {

namespace {

constexpr std::array<std::pair<Pool, std::string_view>, 6> pools{{{Pool::mean, "mean"},
                                                                  {Pool::max, "max"},
                                                                  {Pool::first, "first"},
                                                                  {Pool::last, "last"},
                                                                  {Pool::flatten, "flatten"},
                                                                  {Pool::none, "none"}}};

}  // namespace

std::string_view pool_name(Pool pool) {
  for (const auto& [value, name] : pools) {
    if (value == pool) {
      return name;
    }
  }
  throw UsageError("unknown pool");
}

Pool parse_pool(std::string_view text) {
  for (const auto& [value, name] : pools) {
    if (name == text) {
      return value;
    }
  }
  throw UsageError(
      fmt::format("unknown pool '{}': expected mean, max, first, last, flatten or none", printable(text)));
}

std::string_view layout_name(Layout layout) {
  constexpr std::array<std::string_view, 4> names{"rows", "NTD", "NCHW", "NHWC"};
  return names.at(static_cast<std::size_t>(layout));
}

}  // namespace collapscope
