#include <fmt/format.h>

#include "collapscope/core/text.hpp"
#include "collapscope/ranks/ranks.hpp"

namespace collapscope {

std::string Ranks::prefix() const { return fmt::format("[rank {} on {}] ", rank(), printable(host())); }

}  // namespace collapscope
