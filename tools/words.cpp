#include "words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "collapscope/core/text.hpp"

namespace collapscope::tools {

namespace {

// Letters to be put in, taken out or changed, where neighbours that changed places count once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Where what does not fit goes on: below the description of an option, which begins after two spaces or on a
// line of its own, else below the line's first word.
std::size_t hanging(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin != 2 || line[begin] != '-') {
    return begin;
  }
  const std::size_t gap = line.find("  ", begin);
  return gap == std::string_view::npos ? begin + 4 : line.find_first_not_of(' ', gap);
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::size_t longest = 256;  // of what is compared
  if (word.size() > longest) {
    return "";
  }
  std::string best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t found = name.size() > longest ? least : distance(lower(word), lower(name));
    if (found < least) {
      least = found;
      best = name;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& names) {
  const std::string name = nearest(word, names);
  return name.empty() ? "" : fmt::format("; did you mean '{}'?", printable(name));
}

std::string first_of(const std::vector<std::string>& names, std::size_t most) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    list += (i == 0 ? "" : ", ") + printable(names[i]);
  }
  return names.size() > most ? fmt::format("{} and {} more", list, names.size() - most) : list;
}

std::string fitted(std::string_view help, std::size_t width) {
  std::string text;
  while (!help.empty()) {
    const std::size_t end = std::min(help.find('\n'), help.size());
    std::string line(help.substr(0, end));
    help.remove_prefix(std::min(end + 1, help.size()));
    while (line.size() > width) {
      const std::size_t margin = hanging(line);
      std::size_t cut = line.rfind(' ', width);
      if (cut == std::string::npos || cut < width / 2) {
        cut = line.rfind(',', width - 1);  // of choices
      }
      if (cut == std::string::npos || cut <= margin) {
        break;
      }
      text += line.substr(0, line.find_last_not_of(' ', cut) + 1) + "\n";
      line = std::string(margin, ' ') + line.substr(cut + 1);
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace collapscope::tools
