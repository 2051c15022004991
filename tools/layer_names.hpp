// What --layers found and what not, said once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collapscope/dump/dump.hpp"

namespace collapscope::tools {

// Says each failure of an index, but of dumps without a layer that --layers names only once how many they
// are, and each glob that fits no layer of any dump, with the layers that there are.
void tell_failures(const DumpIndex& index, const std::vector<std::string>& dumps, const IndexOptions& options,
                   const std::function<void(const std::string&)>& say);

}  // namespace collapscope::tools
