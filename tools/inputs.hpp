// The dumps, parts or results that a user names: files, folders, globs and @lists.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collapscope/analysis/analysis.hpp"
#include "collapscope/dump/dump.hpp"
#include "collapscope/weights/weights.hpp"

namespace collapscope::tools {

// What kind of files is asked for.
struct InputKind {
  std::vector<std::string> extensions;
  std::string in_folders;  // what a folder lacks that has none
  std::string noun;        // of one
  bool of_own = false;     // parts of analyses are asked for, not files that are passed over
};
[[nodiscard]] InputKind dump_files();     // .h5, .hdf5, .hdf, .he5
[[nodiscard]] InputKind part_files();     // .h5; in folders and globs only parts
[[nodiscard]] InputKind results_files();  // .json

// Files in natural order within each argument. A folder stands for the files of this kind in it that are not
// hidden; an argument with * ? [ that is no file is a glob; @FILE lists arguments, a line each. States and,
// but for part_files, parts of analyses are passed over in folders and globs. Throws UsageError for what
// names nothing.
[[nodiscard]] std::vector<std::string> expand_inputs(const std::vector<std::string>& arguments,
                                                     const InputKind& kind);

// A line for each file that is there more than once, under any name.
void tell_repeated(const std::vector<std::string>& files, const std::function<void(const std::string&)>& say);

// The checkpoints of an index in their order, with weights from elsewhere if `weights` names a file. What
// cannot be used goes to index.failures; what is to be said, to `say`.
[[nodiscard]] std::vector<Checkpoint> arrange(DumpIndex& index, bool shards, const WeightsNaming& weights,
                                              const std::function<void(const std::string&)>& say);

}  // namespace collapscope::tools
