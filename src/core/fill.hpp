// Patterns with named slots: "params/{layer}/kernel".
#pragma once

#include <string>
#include <string_view>

namespace collapscope {

// `pattern` with `value` in place of every `slot`; what `value` itself holds is left as it is.
[[nodiscard]] std::string fill(std::string_view pattern, std::string_view slot, std::string_view value);

}  // namespace collapscope
