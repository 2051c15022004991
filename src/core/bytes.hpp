// Bytes that somebody owns.
#pragma once

#include <cstddef>
#include <vector>

namespace collapscope {

using Bytes = std::vector<std::byte>;

}  // namespace collapscope
