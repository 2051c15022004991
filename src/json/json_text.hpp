// Writes JSON straight into a string: the one writer of everything that the program says in JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collapscope {

enum class JsonStyle : unsigned char {
  // One line. Floating-point numbers have the fewest digits that read back bit for bit. `<`, `>`, `&` and
  // quotes
  // are written as \uXXXX too: safe inside an HTML script element.
  compact,
  // A member or element a line, two spaces of indentation; lists of plain values on one line; a newline at
  // the
  // end. Floating-point numbers have 17 significant digits and always a '.' or an exponent, so that they read
  // back as floating-point numbers, bit for bit (-0.0 too).
  indented,
};

// Numbers that are not finite are null. Text: what acts on terminals and in scripts (controls, bidirectional
// overrides, line separators) as \uXXXX; invalid UTF-8 as \xNN (utf8_text).
class JsonText {
 public:
  explicit JsonText(JsonStyle style = JsonStyle::compact) : indented_(style == JsonStyle::indented) {}

  JsonText& open(char bracket);
  JsonText& close(char bracket);
  JsonText& key(std::string_view name);  // the next value belongs to it

  JsonText& null();
  JsonText& value(bool flag);
  JsonText& value(std::int64_t number);
  JsonText& value(double number);
  JsonText& value(std::string_view text);
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(const std::string& text) { return value(std::string_view(text)); }
  JsonText& value(std::unsigned_integral auto count) { return unsigned_value(count); }
  template <class T>
  JsonText& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : null();
  }
  template <class T>
  JsonText& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  // An array of plain values.
  template <class List>
  JsonText& list(const List& plain_values) {
    open('[');
    one_line_ = true;
    for (const auto& plain_value : plain_values) value(plain_value);
    close(']');
    return *this;
  }

  [[nodiscard]] std::string text() &&;

 private:
  JsonText& unsigned_value(std::uint64_t number);
  void begin_value();
  void break_line();
  void append_text(std::string_view text);

  bool indented_;
  std::string out_;
  std::size_t depth_ = 0;
  bool comma_ = false;      // due before the next value or key
  bool after_key_ = false;  // the next value stands beside its key
  bool one_line_ = false;   // inside an array of plain values
};

}  // namespace collapscope
