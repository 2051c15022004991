// Options that `analyze` and `inspect` share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/weights/weights.hpp"

namespace collapscope::tools {

struct Command;

struct DumpOptions {
  std::vector<std::string> dumps;
  std::vector<std::string> layers;
  std::string signal_dim;
  std::size_t top = 10;
  std::string pool;
  std::string metrics;
  bool per_class = false;
  std::string ignore_label;
  std::string looks = "auto";
  std::string precision = "float64";
  std::string spectrum = "auto";
  std::string device = "auto";
  std::size_t threads = 0;
  std::string memory;
  bool shards = false;
  DumpNaming naming;
  std::string weights;
  std::string layout;
  std::string dtype;
  std::string task;
  bool trust = false;
};

void add_dump_options(Command& command, DumpOptions& options);

// Leaves HDF5 files to helpers unless they are trusted. While there is a single thread.
void isolate_unless_trusted(const DumpOptions& options);

// Of --memory; 0: not given. Throws UsageError.
[[nodiscard]] std::uint64_t memory_option(const std::string& text);

// Throws UsageError for values that do not make sense.
[[nodiscard]] AnalysisOptions analysis_options(const DumpOptions& options);
[[nodiscard]] IndexOptions index_options(const DumpOptions& options);
// file is empty without --weights.
[[nodiscard]] WeightsNaming weights_naming(const DumpOptions& options);

}  // namespace collapscope::tools
