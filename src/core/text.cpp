#include "collapscope/core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "collapscope/core/error.hpp"
#include "core/utf8.hpp"

namespace collapscope {

namespace {

constexpr std::string_view glob_characters = "*?[";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Length of the valid UTF-8 sequence that starts `text` and may be shown; 0 when there is none.
std::size_t printable_sequence(std::string_view text) {
  const CodePoint point = decode_utf8(text);
  return acts_on_terminals(point.value) ? 0 : point.bytes;
}

// Compares two runs of digits as numbers: negative, 0, positive.
int compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) {
    return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

std::string_view digits_at(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end < text.size() && is_digit(text[end])) {
    ++end;
  }
  return text.substr(begin, end - begin);
}

// Whether `c` is in the set that `pattern` opens with '['; `length` receives the set's length, 0 when it
// never closes.
bool in_set(std::string_view pattern, char c, std::size_t& length) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  i += negated ? 1 : 0;
  bool found = false;
  for (const std::size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first);) {
    const bool range = i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']';
    const char low = pattern[i];
    const char high = range ? pattern[i + 2] : low;
    found = found || (c >= low && c <= high);
    i += range ? 3 : 1;
  }
  length = i < pattern.size() ? i + 1 : 0;
  return found != negated;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = printable_sequence(text);
    if (length == 0) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
    } else {
      shown += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return shown;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    return fmt::format("{} B", bytes);
  }
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return value < 99.95 ? fmt::format("{:.1f} {}", value, units[unit])
                       : fmt::format("{:.0f} {}", value, units[unit]);
}

std::uint64_t parse_bytes(std::string_view text) {
  const auto bad = [&] {
    return UsageError(
        fmt::format("'{}' is not a size: write 512M, 2GiB or a number of bytes", printable(text)));
  };
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || !std::isfinite(value) || value < 0) {
    throw bad();
  }
  std::string unit(end, text.data() + text.size());
  unit.erase(0, std::min(unit.find_first_not_of(' '), unit.size()));
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr std::string_view letters = "KMGT";
  double scale = 1;
  if (!unit.empty() && unit != "B") {
    const std::size_t power = letters.find(unit[0]);
    const std::string_view rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || !(rest.empty() || rest == "B" || rest == "IB")) {
      throw bad();
    }
    scale = std::ldexp(1.0, 10 * static_cast<int>(power + 1));
  }
  if (value * scale >= 9.0e18 || (scale == 1 && value != std::floor(value))) {
    throw bad();
  }
  return static_cast<std::uint64_t>(value * scale);
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool natural_less(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view left = digits_at(a, i);
      const std::string_view right = digits_at(b, j);
      if (const int order = compare_digits(left, right); order != 0) {
        return order < 0;
      }
      i += left.size();
      j += right.size();
    } else if (a[i] != b[j]) {
      return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
    } else {
      ++i;
      ++j;
    }
  }
  if ((i < a.size()) != (j < b.size())) {
    return j < b.size();
  }
  return a < b;  // "fc02" and "fc2" differ only in leading zeros
}

bool glob_match(std::string_view pattern, std::string_view name) {
  if (pattern == name) {  // which may have brackets: "layers[0]"
    return true;
  }
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (n < name.size()) {
    std::size_t length = 1;
    bool matched = false;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = n;
      continue;
    }
    if (p < pattern.size()) {
      matched = pattern[p] == '?' || pattern[p] == name[n];
      if (pattern[p] == '[') {
        std::size_t set_length = 0;
        const bool in = in_set(pattern.substr(p), name[n], set_length);
        matched = set_length > 0 ? in : name[n] == '[';
        length = set_length > 0 ? set_length : 1;
      }
    }
    if (matched) {
      p += length;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<std::string> globs_among(std::vector<std::string> globs, const std::vector<std::string>& names) {
  for (std::string& glob : globs) {
    if (glob.find_first_of(glob_characters) == std::string::npos || !std::ranges::count(names, glob)) {
      continue;
    }
    std::string literal;
    for (const char c : glob) {
      literal +=
          glob_characters.find(c) == std::string_view::npos ? std::string(1, c) : fmt::format("[{}]", c);
    }
    glob = std::move(literal);
  }
  return globs;
}

}  // namespace collapscope
