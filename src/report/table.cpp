// Results as a table for a terminal.
#include <algorithm>

#include "collapscope/core/text.hpp"
#include "collapscope/report/report.hpp"
#include "report/table_cells.hpp"
#include "report/table_layout.hpp"
#include "report/table_notes.hpp"
#include "report/table_titles.hpp"
#include "report/terminal_text.hpp"

namespace collapscope {
namespace {

constexpr std::size_t narrowest_table = 20;  // narrower terminals get lines of this width
constexpr std::size_t uncut_width = 2000;    // of lines that nothing cuts
constexpr std::size_t heading_every = 24;    // rows after which the headings are due again

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view green = "\x1b[32m";

class Table {
 public:
  Table(const Results& results, const TableStyle& style)
      : width_(std::max(style.width, narrowest_table)),
        style_(style),
        layout_(lay_out(results, style.metrics, style.cut ? width_ : uncut_width)) {}

  void run(std::span<const CheckpointResult> checkpoints) {
    const RunTitles titles = titles_of(checkpoints, style_.metrics);
    if (!out_.empty()) line("");
    if (!titles.run.name.empty()) title(titles.run);
    for (std::size_t i = 0; i < checkpoints.size(); ++i) {
      if (!titles.run.name.empty()) heading();
      title(titles.checkpoints[i]);
      heading();
      for (const LayerResult& layer : checkpoints[i].layers) {
        row(layer, &layer == checkpoints[i].last_layer(), style_.criteria.of(checkpoints[i]));
      }
      if (checkpoints[i].layers.empty()) line("  no layers");
    }
  }

  void line(std::string_view text, std::string_view style = "") { out_ += styled(text, style) + '\n'; }

  void lines(const std::vector<std::string>& all) {
    for (const std::string& text : all) line(text);
  }

  [[nodiscard]] const TableLayout& layout() const { return layout_; }
  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  [[nodiscard]] std::string styled(std::string_view text, std::string_view style) const {
    if (!style_.colour || style.empty() || text.empty()) return std::string(text);
    return std::string(style) + std::string(text) + "\x1b[0m";
  }

  void title(const Title& title) {
    std::vector<std::string> pieces = title.facts;
    if (pieces.empty()) {
      pieces = {title.name};
    } else {
      pieces[0] = title.name + ": " + pieces[0];
    }
    for (const std::string& text : wrap(pieces, ", ", width_, 2 * table_indent)) line(text, bold);
  }

  // The layer's name, green when the layer is collapsed.
  [[nodiscard]] std::string styled_name(const LayerResult& layer, bool is_last,
                                        const Criteria& criteria) const {
    const bool collapsed = !criteria.empty() && is_collapsed(layer, criteria, is_last) == true;
    const std::string name = layout_.name(layer.name);
    const std::size_t end = name.find_last_not_of(' ') + 1;
    return styled(name.substr(0, end), collapsed ? green : "") + name.substr(end);
  }

  // The column headings, when they have scrolled away.
  void heading() {
    if (rows_since_heading_ < heading_every) return;
    std::string text = std::string(table_indent, ' ') + layout_.name("layer");
    for (const ShownColumn& shown : layout_.columns) {
      text += std::string(layout_.gap, ' ') +
              pad_left(shown.column.label, shown.width - (shown.marks ? 1 : 0)) + (shown.marks ? " " : "");
    }
    line(text.substr(0, text.find_last_not_of(' ') + 1), dim);
    rows_since_heading_ = 0;
  }

  void row(const LayerResult& layer, bool is_last, const Criteria& criteria) {
    std::string text = std::string(table_indent, ' ') + styled_name(layer, is_last, criteria);
    for (const ShownColumn& shown : layout_.columns) {
      const Cell cell = cell_of(layer.metrics.find(shown.column.metric), shown.column);
      const bool met = meets_criteria(layer, shown.column.metric, criteria);
      text += std::string(layout_.gap, ' ') +
              styled(pad_left(cell.text, shown.width - (shown.marks ? 1 : 0)), met ? green : "");
      if (shown.marks) text += cell.marked ? '*' : ' ';
    }
    line(text.substr(0, text.find_last_not_of(' ') + 1));
    ++rows_since_heading_;
  }

  std::size_t width_;
  TableStyle style_;
  TableLayout layout_;
  std::size_t rows_since_heading_ = heading_every;
  std::string out_;
};

}  // namespace

std::string results_table(const Results& results, const TableStyle& style) {
  Table table(results, style);
  if (results.provenance.precision != "float64") {
    table.line("precision: " + printable(results.provenance.precision));
  }
  for (const auto run : runs_of(results)) table.run(run);
  if (results.checkpoints.empty()) table.line("no checkpoints");
  for (const auto& block : {table_notes(results, table.layout(), style, table.width()),
                            failure_lines(results.failures, table.width())}) {
    if (!block.empty()) table.line("");
    table.lines(block);
  }
  return std::move(table).text();
}

}  // namespace collapscope
