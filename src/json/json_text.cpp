#include "json/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/utf8.hpp"

namespace collapscope {
namespace {

constexpr char32_t byte_order_mark = 0xfeff;

// Needs no look in any style.
bool plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

// How indented text writes a character in two; empty: otherwise.
std::string_view short_escape(char32_t c) {
  switch (c) {
    case '"':
      return R"(\")";
    case '\\':
      return R"(\\)";
    case '\n':
      return R"(\n)";
    case '\t':
      return R"(\t)";
    default:
      return {};
  }
}

}  // namespace

void JsonText::break_line() {
  out_ += '\n';
  out_.append(2 * depth_, ' ');
}

void JsonText::begin_value() {
  if (comma_) out_ += indented_ && one_line_ ? ", " : ",";
  comma_ = true;
  if (indented_ && depth_ > 0 && !after_key_ && !one_line_) break_line();
  after_key_ = false;
}

void JsonText::append_text(std::string_view text) {
  out_ += '"';
  if (std::ranges::all_of(text, plain)) {
    out_ += text;
  } else {
    const std::string valid = utf8_text(text);
    for (std::string_view rest = valid; !rest.empty();) {
      const CodePoint point = decode_utf8(rest);
      const std::string_view escape = indented_ ? short_escape(point.value) : std::string_view{};
      const bool special = !indented_ && point.value < 0x80 && !plain(static_cast<char>(point.value));
      if (!escape.empty()) {
        out_ += escape;
      } else if (special || acts_on_terminals(point.value) || point.value == byte_order_mark) {
        fmt::format_to(std::back_inserter(out_), "\\u{:04x}", static_cast<unsigned>(point.value));
      } else {
        out_ += rest.substr(0, point.bytes);
      }
      rest.remove_prefix(point.bytes);
    }
  }
  out_ += '"';
}

JsonText& JsonText::open(char bracket) {
  begin_value();
  out_ += bracket;
  ++depth_;
  comma_ = false;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  --depth_;
  if (indented_ && comma_ && !one_line_) break_line();  // not in an empty one
  out_ += bracket;
  comma_ = true;
  one_line_ = false;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  begin_value();
  append_text(name);
  out_ += indented_ ? ": " : ":";
  comma_ = false;
  after_key_ = true;
  return *this;
}

JsonText& JsonText::null() {
  begin_value();
  out_ += "null";
  return *this;
}

JsonText& JsonText::value(bool flag) {
  begin_value();
  out_ += flag ? "true" : "false";
  return *this;
}

JsonText& JsonText::value(std::int64_t number) {
  begin_value();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

JsonText& JsonText::unsigned_value(std::uint64_t number) {
  begin_value();
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

JsonText& JsonText::value(double number) {
  if (!std::isfinite(number)) return null();
  begin_value();
  if (!indented_) {
    fmt::format_to(std::back_inserter(out_), "{}", number);
    return *this;
  }
  const std::string digits = fmt::format("{:.17g}", number);
  out_ += digits;
  if (digits.find_first_of(".e") == std::string::npos) out_ += ".0";
  return *this;
}

JsonText& JsonText::value(std::string_view text) {
  begin_value();
  append_text(text);
  return *this;
}

std::string JsonText::text() && {
  if (indented_) out_ += '\n';
  return std::move(out_);
}

}  // namespace collapscope
