// Which OpenBLAS kernels suit which CPU.
#include <gtest/gtest.h>

#include "collapscope/linalg/blas_kernels.hpp"

namespace collapscope {
namespace {

constexpr CpuFeatures old{};
constexpr CpuFeatures with_avx{true, false, false, true};
constexpr CpuFeatures haswell{true, true, false, true};
constexpr CpuFeatures zen{true, true, false, false};
constexpr CpuFeatures skylake{true, true, true, true};
constexpr CpuFeatures zen4{true, true, true, false};

TEST(BetterKernels, OfEveryCoreOnEveryCpu) {
  struct Case {
    const char* core;
    const char* on_old;
    const char* on_avx;
    const char* on_haswell;
    const char* on_zen;
    const char* on_skylake;
    const char* on_zen4;
  };
  for (const Case& c :
       {Case{"Prescott", "", "Sandybridge", "Haswell", "Zen", "SkylakeX", "SkylakeX"},
        Case{"Nehalem", "", "Sandybridge", "Haswell", "Zen", "SkylakeX", "SkylakeX"},
        Case{"Barcelona", "", "Sandybridge", "Haswell", "Zen", "SkylakeX", "SkylakeX"},
        Case{"Sandybridge", "", "", "Haswell", "Zen", "SkylakeX", "SkylakeX"},
        Case{"Haswell", "", "", "", "", "SkylakeX", ""}, Case{"Zen", "", "", "", "", "SkylakeX", ""},
        Case{"SkylakeX", "", "", "", "", "", ""}, Case{"Cooperlake", "", "", "", "", "", ""},
        Case{"SapphireRapids", "", "", "", "", "", ""}}) {
    SCOPED_TRACE(c.core);
    EXPECT_EQ(better_kernels(c.core, old), c.on_old);
    EXPECT_EQ(better_kernels(c.core, with_avx), c.on_avx);
    EXPECT_EQ(better_kernels(c.core, haswell), c.on_haswell);
    EXPECT_EQ(better_kernels(c.core, zen), c.on_zen);
    EXPECT_EQ(better_kernels(c.core, skylake), c.on_skylake);
    EXPECT_EQ(better_kernels(c.core, zen4), c.on_zen4);
  }
}

TEST(BetterKernels, AreNeverBetteredAgain) {
  for (const CpuFeatures& cpu : {old, with_avx, haswell, zen, skylake, zen4}) {
    for (const char* core : {"Prescott", "Sandybridge", "Haswell", "Zen", "SkylakeX", "Unheard Of"}) {
      const std::string better = better_kernels(core, cpu);
      EXPECT_TRUE(better.empty() || better_kernels(better, cpu).empty()) << core;
    }
  }
}

TEST(BlasKernels, DescribeWhatWasChosenAndWhy) {
  BlasKernels kernels{"OpenBLAS 0.3.21", "Prescott", "SkylakeX", "", false};
  EXPECT_EQ(kernels.describe(),
            "OpenBLAS 0.3.21, Prescott kernels (this CPU can run SkylakeX: set OPENBLAS_CORETYPE=SkylakeX)");
  kernels.user_chose = true;
  EXPECT_EQ(kernels.describe(), "OpenBLAS 0.3.21, Prescott kernels (by OPENBLAS_CORETYPE)");
  kernels = {"OpenBLAS 0.3.21", "SkylakeX", "", "Prescott", false};
  EXPECT_EQ(kernels.describe(), "OpenBLAS 0.3.21, SkylakeX kernels (OpenBLAS chose Prescott)");
  kernels.misjudged.clear();
  EXPECT_EQ(kernels.describe(), "OpenBLAS 0.3.21, SkylakeX kernels");
}

TEST(BlasKernels, OfThisProcessHaveNames) {
  const BlasKernels kernels = blas_kernels();
  EXPECT_EQ(kernels.library.rfind("OpenBLAS ", 0), 0U) << kernels.library;
  EXPECT_FALSE(kernels.core.empty());
}

}  // namespace
}  // namespace collapscope
