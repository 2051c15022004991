// Writes a JSON tree as text; ours because numbers must keep 17 significant digits.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace collapscope {

// Two spaces of indentation; arrays of plain values and empty objects on one line; a newline at the end.
// Floating-point numbers: 17 significant digits and always a '.' or an exponent, so that they read back
// as floating-point numbers, bit for bit (-0.0 too); null when not finite. Strings: characters that could act
// on a terminal (controls, bidirectional overrides) and invalid bytes are written as \uXXXX; the text is
// valid UTF-8 whatever the tree holds.
[[nodiscard]] std::string emit_json(const nlohmann::ordered_json& tree);

}  // namespace collapscope
