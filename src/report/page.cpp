// The HTML page of a report: the template, the title and the data.
#include <algorithm>
#include <string>
#include <string_view>

#include "collapscope/core/error.hpp"
#include "collapscope/report/report.hpp"
#include "json/json_tree.hpp"
#include "report/page/page_parts.hpp"

namespace collapscope {

namespace {

// Throws Error for what is not a JSON object.
std::string title_of(std::string_view data_json) {
  const JsonNode data = parse_json_tree(data_json, "report page", 1);
  const auto* members = std::get_if<JsonObject>(&data.value);
  if (members == nullptr) {
    throw Error("report page: the data are not a JSON object");
  }
  const auto found = std::ranges::find(*members, "title", &JsonMember::key);
  const auto* title = found == members->end() ? nullptr : std::get_if<std::string>(&found->node.value);
  return title == nullptr ? "collapscope report" : *title;
}

void append_text(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

// Whether a number is an integer that a script's numbers need not hold.
bool is_large_integer(std::string_view number) {
  const std::string_view digits = number.substr(number.starts_with('-') ? 1 : 0);
  constexpr std::string_view most = "9007199254740991";  // 2^53 - 1
  return digits.find_first_of(".eE") == std::string_view::npos &&
         (digits.size() > most.size() || (digits.size() == most.size() && digits > most));
}

// Inside JSON `<` stands only in strings, where \u003c says the same. Large integers become text.
void append_data(std::string& out, std::string_view json) {
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '<') {
      out += "\\u003c";
    } else if (in_string && c == '\\') {
      out += json.substr(i++, 2);
    } else if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
      const std::size_t end = std::min(json.find_first_not_of("+-.0123456789eE", i), json.size());
      const std::string_view number = json.substr(i, end - i);
      const std::string_view quote = is_large_integer(number) ? "\"" : "";
      out.append(quote).append(number).append(quote);
      i = end - 1;
    } else {
      in_string = in_string != (c == '"');
      out += c;
    }
  }
}

}  // namespace

std::string report_page(std::string_view data_json) {
  if (page_parts[0].empty()) {
    throw Error(
        "report page: collapscope was built without the chart library; install Chart.js 3.9 (Debian: "
        "libjs-chart.js) or give -DCOLLAPSCOPE_CHARTJS=FILE, and build again");
  }
  const std::string title = title_of(data_json);
  std::string page;
  page.reserve(page_parts[0].size() + page_parts[1].size() + page_parts[2].size() + page_parts[3].size() +
               data_json.size() + data_json.size() / 64 + 2 * title.size());
  page += page_parts[0];
  append_text(page, title);
  page += page_parts[1];
  append_text(page, title);
  page += page_parts[2];
  append_data(page, data_json);
  page += page_parts[3];
  return page;
}

}  // namespace collapscope
