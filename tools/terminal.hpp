// What standard output and standard error are connected to.
#pragma once

#include <cstddef>

namespace collapscope::tools {

// A terminal that can move its cursor: not TERM=dumb.
[[nodiscard]] bool is_terminal(int descriptor);
// Columns of the terminal at standard output; COLUMNS where it is set; 100 otherwise.
[[nodiscard]] std::size_t terminal_width();

// Whether lines have to fit: on a terminal, or where COLUMNS says so; not in a file or a pipe.
[[nodiscard]] bool has_width();
// Colours: only on a terminal, and never with NO_COLOR.
[[nodiscard]] bool wants_colour(int descriptor);

}  // namespace collapscope::tools
