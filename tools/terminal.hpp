// What standard output and standard error are connected to.
#pragma once

#include <cstddef>

namespace collapscope::tools {

// To be called before anything else. A standard descriptor that was closed would go to the next file or
// socket that is opened, and what is printed with it. It gets /dev/null, the wrong way round: whatever uses
// it fails as it would have.
void hold_standard_descriptors();
// Not closed from the start.
[[nodiscard]] bool has_standard_output();

// A terminal that can move its cursor: not TERM=dumb.
[[nodiscard]] bool is_terminal(int descriptor);
// Columns of the terminal at standard output; COLUMNS where it is set; 100 otherwise.
[[nodiscard]] std::size_t terminal_width();

// Whether lines have to fit: on a terminal, or where COLUMNS says so; not in a file or a pipe.
[[nodiscard]] bool has_width();
// Colours: only on a terminal, and never with NO_COLOR.
[[nodiscard]] bool wants_colour(int descriptor);

}  // namespace collapscope::tools
