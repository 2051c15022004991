// Memory that runs out in a library's own words, or when kernels are loaded, leads to smaller tiles first.
#include <gmock/gmock.h>

#include <algorithm>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"
#include "cuda/sites.hpp"

namespace collapscope {
namespace {

using testing::HasSubstr;

class LittleMemory : public test::Pipeline {
 protected:
  LittleMemory() {
    rows_ = 30000;
    tile_ = 65536;
    options_.memory = 5'200'000;
  }

  [[nodiscard]] bool began_again() const {
    return std::any_of(messages_.lines.begin(), messages_.lines.end(), [](const std::string& line) {
      return line.find("; again with less memory") != std::string::npos;
    });
  }
};

// cuBLAS says EXECUTION_FAILED when its kernels find no room. The rows that were kept for the second look
// make room, and smaller tiles do; where neither is enough, the CPU goes on.
TEST_F(LittleMemory, ForALibrarysKernelsLeadsToSmallerTiles) {
  int on_gpu_again = 0;
  for (int mebibytes = 40; mebibytes <= 60; mebibytes += 2) {
    SCOPED_TRACE(mebibytes);
    fake().restart({{"MEMORY", std::to_string(mebibytes) + "M"}, {"LAZY_LOADING", "8M"}});
    const Results found = analyzed("auto");
    expect_near_cpu(found);
    if (began_again()) {
      EXPECT_THAT(messages_.lines[0], HasSubstr("cublas"));
      EXPECT_THAT(messages_.lines[0], HasSubstr("with little memory left; again with less memory"));
      on_gpu_again += found.provenance.fallbacks == Fallbacks{} ? 1 : 0;
    }
  }
  EXPECT_GT(on_gpu_again, 0);
}

// What waits in the pool goes first: tiles stay as they are, and with them all digits.
TEST_F(LittleMemory, WhenAKernelIsLaunchedLeadsToAnEmptyPool) {
  fake().restart({});
  const Results undisturbed = analyzed("cuda");
  expect_near_cpu(undisturbed);
  fake().restart({{"SITES", "1"}});
  expect_near_cpu(analyzed("cuda"));
  const std::vector<std::string> sites = fake().call_sites();
  int failed = 0;
  for (const long n : test::some_of_every_site(sites, false)) {
    if (test::name_of_site(sites[static_cast<std::size_t>(n) - 1]) != "cudaLaunchKernel") {
      continue;
    }
    SCOPED_TRACE(n);
    fake().restart({{"FAIL_AT", std::to_string(n)}, {"FAIL_ERROR", "cudaErrorMemoryAllocation"}});
    const Results found = analyzed("cuda");
    EXPECT_TRUE(found.failures.empty());
    EXPECT_EQ(digits(found), digits(undisturbed));
    EXPECT_TRUE(found.provenance.fallbacks == Fallbacks{});
    ++failed;
  }
  EXPECT_GT(failed, 5);
}

// A failure that is none of memory still ends the use of the device.
TEST_F(LittleMemory, IsNotSuspectedWhereMuchIsFree) {
  fake().restart({{"SITES", "1"}});
  (void)analyzed("cuda");
  const std::vector<std::string> sites = fake().call_sites();
  const auto product = std::find_if(sites.begin(), sites.end(), [](const std::string& site) {
    return test::name_of_site(site).starts_with("cublasDgemm");
  });
  ASSERT_NE(product, sites.end());
  const std::string n = std::to_string(product - sites.begin() + 1);
  fake().restart({{"FAIL_AT", n}});
  expect_near_cpu(analyzed("auto"));
  EXPECT_FALSE(began_again());
  ASSERT_EQ(messages_.lines.size(), 1U);
  EXPECT_THAT(messages_.lines[0], HasSubstr("; the analysis goes on on the CPU"));
}

class LittleMemoryForEigenpairs : public LittleMemory {
 protected:
  LittleMemoryForEigenpairs() {
    rows_ = 1100;
    features_ = 520;
    noise_ = {0.5};
    options_.memory = std::uint64_t{256} << 20U;
  }
};

// cuSOLVER says INTERNAL_ERROR then: no rejection, the CPU has room for it.
TEST_F(LittleMemoryForEigenpairs, LeavesThemToTheCpu) {
  bool was_short = false;
  for (int mebibytes = 56; mebibytes <= 120; mebibytes += 4) {
    SCOPED_TRACE(mebibytes);
    fake().restart({{"MEMORY", std::to_string(mebibytes) + "M"}, {"LAZY_LOADING", "16M"}});
    const Results found = analyzed("auto");
    expect_near_cpu(found);
    EXPECT_EQ(found.provenance.fallbacks.rejected_eigenbases, 0U);
    was_short = was_short || found.provenance.fallbacks.count("eigenbasis", "cpu") > 0;
  }
  EXPECT_TRUE(was_short);
}

}  // namespace
}  // namespace collapscope
