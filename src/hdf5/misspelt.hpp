// Names that people give to the parts of a dump in place of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collapscope/dump/dump.hpp"
#include "hdf5/links.hpp"
#include "hdf5/naming.hpp"

namespace collapscope::hdf5 {

// Whether a dataset of this name was probably meant to be `part`: "acts" as "activations", "kernel" as
// "weight", "preds" as "predictions", and any part with a letter too many, too few, wrong or in the wrong
// place.
[[nodiscard]] bool may_be_meant(std::string_view name, std::string_view part);

// Of a group without `part`: adds a remark for the first dataset that was probably meant to be it.
void remark_on_misspelt(FileSet& files, const Object& group, std::string_view part,
                        std::vector<Failure>& remarks);

// Of datasets at these paths below /layers that belong to no layer. Where they seem to be its activations,
// the layer is lost, a failure; of the others a remark tells.
void report_strays(FileSet& files, const Object& layers, const std::vector<std::string>& strays,
                   const std::vector<std::string>& globs, IndexProblems& problems);

}  // namespace collapscope::hdf5
