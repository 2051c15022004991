// What can be generated from the commands: the manual page and the completions. `commands`: flattened.
#pragma once

#include <string>
#include <vector>

#include "command.hpp"

namespace collapscope::tools {

// In roff, section 1.
[[nodiscard]] std::string manual_page(const std::vector<Command>& commands, const std::string& version);

// Scripts for the three shells. metrics: the names that --metrics takes.
[[nodiscard]] std::string bash_completion(const std::vector<Command>& commands,
                                          const std::vector<std::string>& metrics);
[[nodiscard]] std::string zsh_completion(const std::vector<Command>& commands,
                                         const std::vector<std::string>& metrics);
[[nodiscard]] std::string fish_completion(const std::vector<Command>& commands,
                                          const std::vector<std::string>& metrics);

}  // namespace collapscope::tools
