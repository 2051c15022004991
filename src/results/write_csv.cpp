// Results as tidy CSV (RFC 4180, except that lines end in \n, which pandas, R and spreadsheets all read).
#include <fmt/format.h>

#include <iterator>

#include "collapscope/results/results_file.hpp"
#include "results/csv_cells.hpp"

namespace collapscope {
namespace {

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
  const std::string place = checkpoint_cells(checkpoint);
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
