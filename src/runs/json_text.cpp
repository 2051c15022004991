#include "runs/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/utf8.hpp"

namespace collapscope {
namespace {

bool plain(char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

bool needs_escape(char32_t c) {
  return (c < 0x80 && !plain(static_cast<char>(c))) || (c >= 0x80 && c <= 0x9f) || c == 0x061c ||
         c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xfeff;
}

}  // namespace

void JsonText::begin_value() {
  if (comma_) out_ += ',';
  comma_ = true;
}

void JsonText::append_text(std::string_view text) {
  out_ += '"';
  if (std::ranges::all_of(text, plain)) {
    out_ += text;
  } else {
    const std::string valid = utf8_text(text);
    for (std::string_view rest = valid; !rest.empty();) {
      const CodePoint point = decode_utf8(rest);
      if (needs_escape(point.value)) {
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
  comma_ = false;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  out_ += bracket;
  comma_ = true;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  begin_value();
  append_text(name);
  out_ += ':';
  comma_ = false;
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
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return *this;
}

JsonText& JsonText::value(std::string_view text) {
  begin_value();
  append_text(text);
  return *this;
}

}  // namespace collapscope
