// Exceptions as failures of parts of the input.
#pragma once

#include <string>

#include "collapscope/dump/dump.hpp"

namespace collapscope {

// The failure that the exception in flight stands for. path, object: where it is, if the exception does not
// say.
[[nodiscard]] Failure failure_in_flight(const std::string& path, const std::string& object);

}  // namespace collapscope
