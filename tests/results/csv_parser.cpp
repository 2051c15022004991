// A state machine over one text.
#include "results/csv_parser.hpp"

#include <stdexcept>

namespace collapscope::test {
namespace {

// Reads a quoted cell from behind its opening quote; returns the offset behind the closing one.
std::size_t read_quoted(std::string_view text, std::size_t i, std::string& cell) {
  for (; i < text.size(); ++i) {
    if (text[i] != '"') {
      cell += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      cell += text[i++];
    } else {
      return i + 1;
    }
  }
  throw std::runtime_error("a quote is never closed");
}

}  // namespace

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows(1);
  for (std::size_t i = 0; i < text.size();) {
    std::string cell;
    if (text[i] == '"') {
      i = read_quoted(text, i + 1, cell);
    } else {
      while (i < text.size() && text[i] != ',' && text[i] != '\n') {
        if (text[i] == '"' || text[i] == '\r') throw std::runtime_error("a quote or CR in a plain cell");
        cell += text[i++];
      }
    }
    if (i >= text.size()) throw std::runtime_error("the last line has no end");
    rows.back().push_back(cell);
    const char separator = text[i++];
    if (separator != ',' && separator != '\n') throw std::runtime_error("text behind a quoted cell");
    if (separator == ',' && (i == text.size())) throw std::runtime_error("the last line has no end");
    if (separator == '\n' && i < text.size()) rows.emplace_back();
  }
  return rows;
}

}  // namespace collapscope::test
