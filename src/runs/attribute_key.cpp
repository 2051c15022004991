#include "runs/attribute_key.hpp"

#include <charconv>
#include <cmath>

namespace collapscope {
namespace {

// 0.0010000000474974513, the float32 of 0.001, is 0.001: a tensor's value, or an attribute that was stored as
// one.
double as_written(double number) {
  constexpr double largest = 1 << 24;  // beyond, float32 has not all whole numbers
  if (!(std::abs(number) < largest)) return number;
  const auto narrow = static_cast<float>(number);
  if (static_cast<double>(narrow) != number) return number;
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, narrow).ptr;
  double written = number;
  (void)std::from_chars(text, end, written);
  return written;
}

struct KeyOf {
  AttributeKey operator()(bool flag) const { return {1, flag ? 1.0 : 0.0, {}}; }
  AttributeKey operator()(std::int64_t count) const { return {2, static_cast<double>(count), {}}; }
  AttributeKey operator()(std::uint64_t count) const { return {2, static_cast<double>(count), {}}; }
  AttributeKey operator()(double number) const {
    if (std::isnan(number)) return {3, 0, "nan"};
    return {2, number == 0 ? 0.0 : as_written(number), {}};
  }
  AttributeKey operator()(const std::string& text) const {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && std::isfinite(number)) {
      return (*this)(number);
    }
    return {3, 0, text};
  }
};

}  // namespace

AttributeKey attribute_key(const AttributeValue& value) { return std::visit(KeyOf{}, value); }

bool same_value(const AttributeValue& a, const AttributeValue& b) {
  return a == b || attribute_key(a) == attribute_key(b);
}

}  // namespace collapscope
