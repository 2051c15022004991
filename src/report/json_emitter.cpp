// A small recursive JSON writer.
#include "report/json_emitter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/utf8.hpp"

namespace collapscope {
namespace {

using Json = nlohmann::ordered_json;

bool acts_on_terminals(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void emit_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    if (point.bytes == 0) {
      out += "\\ufffd";
    } else if (point.value == '"' || point.value == '\\') {
      out += {'\\', static_cast<char>(point.value)};
    } else if (point.value == '\n') {
      out += "\\n";
    } else if (point.value == '\t') {
      out += "\\t";
    } else if (acts_on_terminals(point.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(point.value));
    } else {
      out += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  out += '"';
}

void emit_float(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const std::string digits = fmt::format("{:.17g}", value);
  out += digits;
  if (digits.find_first_of(".e") == std::string::npos) out += ".0";
}

void emit(const Json& node, std::size_t depth, std::string& out);

// The members of an array or object, one a line, or all on one line.
void emit_members(const Json& node, bool one_line, std::size_t depth, std::string& out) {
  const std::string indent = one_line ? "" : "\n" + std::string(2 * (depth + 1), ' ');
  bool first = true;
  for (const auto& item : node.items()) {
    if (!first) out += one_line ? ", " : ",";
    first = false;
    out += indent;
    if (node.is_object()) {
      emit_string(item.key(), out);
      out += ": ";
    }
    emit(item.value(), depth + 1, out);
  }
  if (!one_line) out += "\n" + std::string(2 * depth, ' ');
}

void emit(const Json& node, std::size_t depth, std::string& out) {
  if (node.is_structured()) {
    const bool one_line =
        node.empty() || (node.is_array() && std::ranges::none_of(node, &Json::is_structured));
    out += node.is_object() ? '{' : '[';
    emit_members(node, one_line, depth, out);
    out += node.is_object() ? '}' : ']';
  } else if (node.is_string()) {
    emit_string(node.get_ref<const std::string&>(), out);
  } else if (node.is_number_float()) {
    emit_float(node.get<double>(), out);
  } else {
    out += node.dump();  // null, booleans, integers
  }
}

}  // namespace

std::string emit_json(const nlohmann::ordered_json& tree) {
  std::string out;
  emit(tree, 0, out);
  out += '\n';
  return out;
}

}  // namespace collapscope
