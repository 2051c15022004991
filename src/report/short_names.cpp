// Common beginnings, and cuts that tell names apart.
#include "report/short_names.hpp"

#include <algorithm>
#include <string_view>
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
    common.erase(std::ranges::mismatch(common, name).in1, common.end());
  }
  const std::size_t last = common.find_last_of("./_-");
  common.erase(last == std::string::npos ? 0 : last + 1);
  return std::ranges::find(names, common) == names.end() ? common : "";
}

// The first `count` words of a path but for its last, and but for those with digits, as their first letters.
std::string abbreviated(const std::string& name, std::size_t count) {
  std::string out;
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find_first_of("./", begin), name.size() - 1) + 1;
    const std::string_view word = std::string_view(name).substr(begin, end - begin);
    const bool whole =
        count == 0 || end == name.size() || word.find_first_of("0123456789") != std::string_view::npos;
    if (whole || word.size() < 2) {
      out += word;
    } else {
      out += {word.front(), word.back()};
    }
    count -= count > 0 ? 1 : 0;
    begin = end;
  }
  return out;
}

bool is_path(const std::string& name) {
  return std::ranges::all_of(name, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '.' || c == '/' || c == '-';
  });
}

std::vector<std::string> numbered(const std::vector<std::string>& names, std::size_t width) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string place = std::to_string(i + 1) + " ";
    const std::size_t rest = width > place.size() + 2 ? width - place.size() - 1 : 1;
    out.push_back(place + shorten(names[i], 0, rest));
  }
  return out;
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

ShortNames::ShortNames(std::vector<std::string> names, std::size_t width) {
  constexpr std::size_t most_words = 12;
  std::unordered_set<std::string> seen;
  std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
  const auto fit = [&](const std::vector<std::string>& labels) {
    return std::ranges::all_of(labels,
                               [&](const std::string& label) { return display_width(label) <= width; });
  };
  const auto distinct = [](const std::vector<std::string>& labels) {
    return std::unordered_set<std::string>(labels.begin(), labels.end()).size() == labels.size();
  };
  std::vector<std::string> labels = names;
  if (!fit(labels)) {
    left_out_ = names.size() > 1 ? common_words(names) : "";
    for (std::string& label : labels) label.erase(0, left_out_.size());
  }
  const std::vector<std::string> whole = labels;
  const bool paths = std::ranges::all_of(whole, is_path);
  for (std::size_t count = 1; paths && count <= most_words && !fit(labels); ++count) {
    std::vector<std::string> shorter;
    for (const std::string& name : whole) shorter.push_back(abbreviated(name, count));
    if (!distinct(shorter)) break;
    labels = std::move(shorter);
  }
  if (!fit(labels)) {
    if (const auto head = distinct_head(labels, width); head && labels.size() <= most_names_tried) {
      for (std::string& label : labels) label = shorten(label, *head, width - 1 - *head);
    } else {
      labels = numbered(labels, width);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) labels_.emplace(names[i], labels[i]);
}

std::string ShortNames::of(const std::string& name) const {
  const auto found = labels_.find(name);
  return found == labels_.end() ? name : found->second;
}

}  // namespace collapscope
