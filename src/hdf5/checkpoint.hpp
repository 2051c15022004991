// CheckpointIndex from a group that is laid out as a dump's root.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"
#include "hdf5/attributes.hpp"
#include "hdf5/links.hpp"

namespace collapscope::hdf5 {

// A file whose parts the user names was not written for us: its attributes may mean something else.
[[nodiscard]] bool is_foreign(const IndexOptions& options);

// Adds the checkpoint in `group`, and the failures of its parts, to `dump`. `path` and `id` name it. Throws
// InputError, and adds nothing, when none of it can be used.
void index_checkpoint(FileSet& files, const Object& group, const Attributes& attributes,
                      const IndexOptions& options, const std::string& path, const std::string& id,
                      DumpIndex& dump);

}  // namespace collapscope::hdf5
