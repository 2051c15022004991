// The optional GPU module, loaded when somebody asks.
#pragma once

#include <string>

namespace collapscope {

// The GPUs of this machine, or why there are none to use: no module in this installation, no driver, no
// device. Never throws for a missing GPU.
[[nodiscard]] std::string describe_gpus();

}  // namespace collapscope
