// Results as the program writes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "program.hpp"

namespace collapscope::cli {

using Json = nlohmann::json;

// Runs `analyze ARGUMENTS... -o - --quiet`, expects the status, and reads its output.
[[nodiscard]] Json analyzed(const TempFolder& folder, Arguments arguments, int status = 0);

// Names of the layers of a checkpoint, in order; of the files of all checkpoints, without folders.
[[nodiscard]] std::vector<std::string> layer_names(const Json& results, std::size_t checkpoint = 0);
[[nodiscard]] std::vector<std::string> file_names(const Json& results);

// A layer of a checkpoint. Throws when there is none.
[[nodiscard]] const Json& layer_of(const Json& results, const std::string& name, std::size_t checkpoint = 0);

// A metric of a layer or of the targets; NaN when it is null or missing.
[[nodiscard]] double layer_metric(const Json& results, const std::string& layer, const std::string& name,
                                  std::size_t checkpoint = 0);
[[nodiscard]] double target_metric(const Json& results, const std::string& name, std::size_t checkpoint = 0);

// All metrics of all layers and targets agree: |a - b| <= relative |b| + absolute; null with null.
void expect_same_metrics(const Json& a, const Json& b, double relative, double absolute);

}  // namespace collapscope::cli
