// The line on work that a GPU did not do.
#include <gtest/gtest.h>

#include "collapscope/report/report.hpp"

namespace collapscope {
namespace {

TEST(FallbacksText, IsEmptyWhereAllWasDoneAsMeant) { EXPECT_EQ(fallbacks_text({}), ""); }

TEST(FallbacksText, CountsWhatTheCpuAndOtherGpusDid) {
  Fallbacks fallbacks;
  fallbacks.add(Fallback{"layer", "cpu", "out of memory", 2});
  fallbacks.add(Fallback{"layer", "cpu", "lost"});
  fallbacks.add(Fallback{"layer", "gpu", "lost"});
  fallbacks.add(Fallback{"eigenbasis", "cpu", "the GPU gave no answer"});
  fallbacks.rejected_eigenbases = 1;
  EXPECT_EQ(fallbacks_text(fallbacks),
            "done instead of the GPU: 3 layers by the CPU, 1 layer by another GPU, 1 eigenbasis by the CPU; "
            "1 eigenbasis of a GPU rejected (provenance.fallbacks of the results says why)");
}

TEST(FallbacksText, SaysWhereNothingWasDoneOnAGpu) {
  Fallbacks fallbacks;
  fallbacks.add(Fallback{"analysis", "cpu", "no GPU is used: no driver"});
  EXPECT_EQ(fallbacks_text(fallbacks),
            "done instead of the GPU: everything by the CPU (provenance.fallbacks of the results says why)");
}

TEST(Fallbacks, OfOneKindStandOnce) {
  Fallbacks some;
  some.add(Fallback{"layer", "cpu", "a", 2});
  some.add(Fallback{"layer", "cpu", "b"});
  some.rejected_eigenbases = 3;
  Fallbacks sum = some;
  sum.add(some);
  EXPECT_EQ(sum.all, (std::vector<Fallback>{{"layer", "cpu", "a", 4}, {"layer", "cpu", "b", 2}}));
  EXPECT_EQ(sum.rejected_eigenbases, 6U);
  EXPECT_EQ(sum.count("layer", "cpu"), 6U);
  EXPECT_EQ(sum.count("layer", "gpu"), 0U);
}

}  // namespace
}  // namespace collapscope
