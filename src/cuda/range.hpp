// Names for what profilers see (Nsight Systems): ranges of a host thread. Without a profiler they cost a
// branch.
#pragma once

#if __has_include(<nvtx3/nvToolsExt.h>)
#include <nvtx3/nvToolsExt.h>
#endif

namespace collapscope::cuda {

// From here to the end of the scope.
class Range {
 public:
#if __has_include(<nvtx3/nvToolsExt.h>)
  explicit Range(const char* name) noexcept { (void)nvtxRangePushA(name); }
  ~Range() { (void)nvtxRangePop(); }
#else
  explicit Range(const char* /*name*/) noexcept {}
  ~Range() {}
#endif
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
};

}  // namespace collapscope::cuda
