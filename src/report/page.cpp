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

// Inside JSON `<` stands only in strings, where \u003c says the same.
void append_data(std::string& out, std::string_view json) {
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
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
