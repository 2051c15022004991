#include "collapscope/core/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
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

struct LayoutNames {
  std::string_view name;
  Layout layout;
  std::size_t axes;
};

// Of several names for the same, the first is shown.
constexpr std::array<LayoutNames, 10> layouts{{{"rows", Layout::rows, 2},
                                               {"NTD", Layout::ntd, 3},
                                               {"NLC", Layout::ntd, 3},
                                               {"NWC", Layout::ntd, 3},
                                               {"NCL", Layout::nchw, 3},
                                               {"NCW", Layout::nchw, 3},
                                               {"NCHW", Layout::nchw, 4},
                                               {"NHWC", Layout::nhwc, 4},
                                               {"NCDHW", Layout::nchw, 5},
                                               {"NDHWC", Layout::nhwc, 5}}};

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

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
    if (same_letters(name, text)) {
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

NamedLayout::NamedLayout(Layout usual)
    : layout(usual),
      axes(usual == Layout::rows  ? 2
           : usual == Layout::ntd ? 3
                                  : 4) {}

std::optional<NamedLayout> find_layout(std::string_view text) {
  const auto* const found = std::ranges::find_if(
      layouts, [&](const LayoutNames& known) { return known.axes > 2 && same_letters(known.name, text); });
  return found == layouts.end() ? std::nullopt : std::optional(NamedLayout(found->layout, found->axes));
}

std::string_view layout_name(Layout layout, std::size_t axes) {
  const auto* const found = std::ranges::find_if(
      layouts, [&](const LayoutNames& known) { return known.layout == layout && known.axes == axes; });
  return found == layouts.end() ? layout_name(layout) : found->name;
}

}  // namespace collapscope
