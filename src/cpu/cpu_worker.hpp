// A CPU backend beside others.
#pragma once

#include <cstddef>
#include <memory>

#include "collapscope/backend/backend.hpp"

namespace collapscope::cpu {

// As make_cpu_backend, but leaves the BLAS's threads, which are all backends', as they are. threads: at least
// 1.
[[nodiscard]] std::unique_ptr<Backend> make_worker(std::size_t threads);

}  // namespace collapscope::cpu
