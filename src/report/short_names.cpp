// Common beginnings, and cuts that tell names apart.
#include "report/short_names.hpp"

#include <algorithm>
#include <unordered_set>

#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t most_names_tried = 200;  // the search for a distinct cut takes width^2 looks at each

bool stay_distinct(const std::vector<std::string>& names, std::size_t head, std::size_t tail) {
  std::unordered_set<std::string> seen;
  return std::ranges::all_of(
      names, [&](const std::string& name) { return seen.insert(shorten(name, head, tail)).second; });
}

// Whole words that all names begin with, and go on after.
std::string common_words(const std::vector<std::string>& names) {
  std::string common = names.front();
  for (const std::string& name : names) {
    const auto differs = std::ranges::mismatch(common, name).in1;
    common.erase(differs, common.end());
  }
  const std::size_t last = common.find_last_of("./_-");
  return last == std::string::npos ? "" : common.substr(0, last + 1);
}

}  // namespace

std::optional<std::size_t> distinct_head(const std::vector<std::string>& names, std::size_t width) {
  if (names.size() > most_names_tried) return width / 2;
  for (std::size_t step = 0; step <= width / 2; ++step) {
    for (const std::size_t head : {width / 2 + step, width / 2 - step}) {
      if (head < width && stay_distinct(names, head, width - 1 - head)) return head;
    }
  }
  return std::nullopt;
}

ShortNames::ShortNames(const std::vector<std::string>& names, std::size_t width)
    : width_(std::max<std::size_t>(width, 1)), head_(width_ / 2) {
  std::vector<std::string> all = names;
  std::ranges::sort(all);
  const auto twice = std::ranges::unique(all);
  all.erase(twice.begin(), twice.end());
  const auto too_long = [&](const std::string& name) { return display_width(name) > width_; };
  if (std::ranges::none_of(all, too_long)) return;
  if (all.size() > 1) left_out_ = common_words(all);
  for (std::string& name : all) name.erase(0, left_out_.size());
  if (const auto empty = std::ranges::find(all, ""); empty != all.end()) *empty = left_out_;
  head_ = distinct_head(all, width_).value_or(head_);
}

std::string ShortNames::of(std::string_view name) const {
  const bool has_more = name.size() > left_out_.size() && name.starts_with(left_out_);
  return shorten(has_more ? name.substr(left_out_.size()) : name, head_, width_ - 1 - head_);
}

}  // namespace collapscope
