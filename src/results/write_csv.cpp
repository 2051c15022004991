// Results as tidy CSV (RFC 4180, except that lines end in \n, which pandas, R and spreadsheets all read).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "collapscope/core/text.hpp"
#include "collapscope/results/results_file.hpp"
#include "core/utf8.hpp"

namespace collapscope {
namespace {

// A control character that no CSV reader and no terminal wants; line ends and tabs are left to quoting.
bool unwanted(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

// What a spreadsheet takes for the start of a formula, the full-width forms included.
bool starts_formula(std::string_view text) {
  constexpr std::array<std::string_view, 11> starts = {
      "=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  return std::ranges::any_of(starts, [&](std::string_view start) { return text.starts_with(start); });
}

// A cell of text: valid UTF-8, no formula, quoted where RFC 4180 asks for it.
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

// Never quoted; empty when there is no such number.
std::string number_cell(double value) { return std::isfinite(value) ? fmt::format("{:.17g}", value) : ""; }

// The cells that all rows of a checkpoint or layer begin with, and where the rows go.
struct Rows {
  std::string& out;
  std::string place;  // "path,run,step,layer,index"
  std::string end;    // ",precision" or nothing

  void row(std::string_view metric, std::string_view value) const {
    fmt::format_to(std::back_inserter(out), "{},{},{}{}\n", place, metric, value, end);
  }

  void metrics(const MetricSet& set) const {
    for (const Metric& metric : set.all()) {
      const std::string name = text_cell(metric.name);
      if (const auto* count = std::get_if<std::int64_t>(&metric.value)) {
        row(name, fmt::to_string(*count));
      } else if (const auto* number = std::get_if<double>(&metric.value)) {
        row(name, number_cell(*number));
      } else if (const auto* list = std::get_if<std::vector<double>>(&metric.value)) {
        for (std::size_t i = 0; i < list->size(); ++i) {
          row(text_cell(fmt::format("{}[{}]", metric.name, i + 1)), number_cell((*list)[i]));
        }
      } else {
        row(name, "");
      }
    }
  }
};

void checkpoint_rows(const CheckpointResult& checkpoint, const std::string& end, std::string& out) {
  const std::string path = checkpoint.id.empty()
                               ? checkpoint.path
                               : fmt::format("{}:/checkpoints/{}", checkpoint.path, checkpoint.id);
  const std::string place = fmt::format("{},{},{}", text_cell(path), text_cell(checkpoint.run),
                                        checkpoint.step ? number_cell(*checkpoint.step) : "");
  Rows{out, place + ",,", end}.metrics(checkpoint.targets);
  Rows{out, place + ",,", end}.metrics(checkpoint.depth);
  for (const LayerResult& layer : checkpoint.layers) {
    const std::string index = layer.index ? fmt::to_string(*layer.index) : "";
    Rows{out, fmt::format("{},{},{}", place, text_cell(layer.name), index), end}.metrics(layer.metrics);
  }
}

}  // namespace

std::string results_csv(const Results& results) {
  // Tables of float64 results have the columns they always had.
  const std::string& precision = results.provenance.precision;
  const bool shown = precision != "float64";
  std::string out = fmt::format("path,run,step,layer,index,metric,value{}\n", shown ? ",precision" : "");
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    checkpoint_rows(checkpoint, shown ? "," + text_cell(precision) : "", out);
  }
  return out;
}

}  // namespace collapscope
