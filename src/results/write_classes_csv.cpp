// Results of each class as CSV: a row per checkpoint, layer and class.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "collapscope/results/results_file.hpp"
#include "results/csv_cells.hpp"

namespace collapscope {

namespace {

constexpr const char* header =
    "path,run,step,layer,index,label,name,samples,rows,mean_norm,within_variance,weight_cosine,nearest,"
    "nearest_name,nearest_cosine,ncc_accuracy,model_accuracy\n";

std::string cell(const ClassColumn& column, std::size_t c) {
  return c < column.size() && column[c] ? number_cell(*column[c]) : "";
}

std::string name_of(const CheckpointClasses& classes, std::size_t c) {
  return classes.names.empty() ? "" : text_cell(classes.names[c]);
}

void layer_rows(const std::string& place, const CheckpointClasses& classes, const LayerClasses& layer,
                std::string& out) {
  for (std::size_t c = 0; c < classes.labels.size(); ++c) {
    std::string nearest;
    std::string nearest_name;
    if (c < layer.nearest.size() && layer.nearest[c]) {
      const auto found = std::ranges::lower_bound(classes.labels, *layer.nearest[c]);
      nearest = fmt::to_string(*layer.nearest[c]);
      nearest_name = found == classes.labels.end()
                         ? ""
                         : name_of(classes, static_cast<std::size_t>(found - classes.labels.begin()));
    }
    fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{},{},{},{},{},{},{}\n", place,
                   classes.labels[c], name_of(classes, c), classes.samples[c], layer.rows[c],
                   cell(layer.mean_norm, c), cell(layer.within_variance, c), cell(layer.weight_cosine, c),
                   nearest, nearest_name, cell(layer.nearest_cosine, c), cell(layer.ncc_accuracy, c),
                   cell(classes.model_accuracy, c));
  }
}

}  // namespace

bool has_classes(const Results& results) {
  return std::ranges::any_of(
      results.checkpoints, [](const CheckpointResult& checkpoint) { return checkpoint.classes.has_value(); });
}

std::string classes_csv(const Results& results) {
  std::string out = header;
  for (const CheckpointResult& checkpoint : results.checkpoints) {
    if (!checkpoint.classes) {
      continue;
    }
    const std::string place = checkpoint_cells(checkpoint);
    for (const LayerResult& layer : checkpoint.layers) {
      if (layer.classes) {
        const std::string index = layer.index ? fmt::to_string(*layer.index) : "";
        layer_rows(fmt::format("{},{},{}", place, text_cell(layer.name), index), *checkpoint.classes,
                   *layer.classes, out);
      }
    }
  }
  return out;
}

}  // namespace collapscope
