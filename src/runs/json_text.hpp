// Writes JSON straight into a string: compact, quick, and safe inside an HTML script element.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace collapscope {

// Floating-point numbers are written with the fewest digits that read back bit for bit; null when not finite.
// Text: `<`, `>`, `&`, and what acts on terminals and in scripts, as \uXXXX; invalid UTF-8 as \xNN.
class JsonText {
 public:
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

  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  JsonText& unsigned_value(std::uint64_t number);
  void begin_value();
  void append_text(std::string_view text);

  std::string out_;
  bool comma_ = false;  // due before the next value or key
};

}  // namespace collapscope
