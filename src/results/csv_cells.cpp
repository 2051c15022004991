#include "results/csv_cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "collapscope/core/text.hpp"
#include "core/utf8.hpp"

namespace collapscope {

namespace {

// A control character that no CSV reader and no terminal wants; line ends and tabs are left to quoting.
bool unwanted(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

// What a spreadsheet takes for the start of a formula, the full-width forms included. Behind apostrophes,
// too, so that one is told from the one that is put before it.
bool starts_formula(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of('\''), text.size()));
  constexpr std::array<std::string_view, 11> starts = {
      "=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  return std::ranges::any_of(starts, [&](std::string_view start) { return text.starts_with(start); });
}

}  // namespace

std::string text_cell(std::string_view raw) {
  std::string text = std::ranges::any_of(raw, unwanted) ? printable(raw) : utf8_text(raw);
  if (starts_formula(text)) text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string number_cell(double value) { return std::isfinite(value) ? fmt::format("{:.17g}", value) : ""; }

std::string checkpoint_cells(const CheckpointResult& checkpoint) {
  const std::string path = checkpoint.id.empty()
                               ? checkpoint.path
                               : fmt::format("{}:/checkpoints/{}", checkpoint.path, checkpoint.id);
  return fmt::format("{},{},{}", text_cell(path), text_cell(checkpoint.run),
                     checkpoint.step ? number_cell(*checkpoint.step) : "");
}

}  // namespace collapscope
