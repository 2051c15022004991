// Every call of a small analysis fails, once and for ever, and every item of work takes the device with it:
// the numbers are always the CPU's, nothing crashes, hangs or leaks.
#include "collapscope/gpu.hpp"
#include "cuda/pipeline.hpp"

namespace collapscope {
namespace {

class Failures : public test::Pipeline {
 protected:
  void fail_everywhere(const std::string& kind) {
    fake().restart({});
    expect_near_cpu(analyzed("cuda"));
    const long last = kind == "sticky" ? fake().work_items() : fake().calls();
    ASSERT_GT(last, 100);
    long told = 0;
    for (long n = 1; n <= last; ++n) {
      SCOPED_TRACE(testing::Message() << kind << ", call " << n << " of " << last);
      fake().restart({{"FAIL_AT", std::to_string(n)}, {"FAIL_KIND", kind}, {"PROTECT", "0"}});
      expect_near_cpu(analyzed("cuda", kind != "once"));
      told += messages_.lines.empty() && note_.empty() ? 0 : 1;
      if (HasFailure()) {
        return;
      }
    }
    // Only what is asked while things are freed may fail without a word.
    EXPECT_GT(told, last / 2);
  }
};

TEST_F(Failures, OfAnyCallOnce) { fail_everywhere("once"); }
TEST_F(Failures, OfEveryCallFromSomeOneOn) { fail_everywhere("forever"); }
TEST_F(Failures, ThatTakeTheDeviceWithThem) { fail_everywhere("sticky"); }

TEST_F(Failures, ThatTakeOneOfThreeDevicesWithThemLeaveTheOthers) {
  fake().restart({});
  expect_near_cpu(analyzed("cuda:all"));
  const long last = fake().work_items();
  ASSERT_GT(last, 100);
  long told = 0;
  for (long n = 1; n <= last && !HasFailure(); n += 3) {
    SCOPED_TRACE(testing::Message() << "item " << n << " of " << last);
    fake().restart({{"FAIL_AT", std::to_string(n)}, {"FAIL_KIND", "lost"}, {"PROTECT", "0"}});
    const Results found = analyzed("cuda:all", true);
    expect_near_cpu(found);
    EXPECT_LE(messages_.lines.size(), 1U) << "others were thought to be lost, too";
    for (const std::string& line : messages_.lines) {
      EXPECT_NE(line.find("; the analysis goes on with the other GPUs"), std::string::npos) << line;
      EXPECT_NE(found.provenance.device.find("; in part cuda:"), std::string::npos);
      EXPECT_EQ(found.provenance.device.find("; in part cpu"), std::string::npos);
      ++told;
    }
  }
  EXPECT_GT(told, last / 6);
}

class FastFailures : public Failures {
 protected:
  FastFailures() { options_.precision = Precision::fast; }
};

TEST_F(FastFailures, OfAnyCallOnce) { fail_everywhere("once"); }
TEST_F(FastFailures, ThatTakeTheDeviceWithThem) { fail_everywhere("sticky"); }

TEST_F(Failures, OfMemoryMakeSmallerTilesOrUseTheCpu) {
  bool on_cpu = false;
  bool on_gpu = false;
  for (const int mebibytes : {1, 16, 32, 33, 34, 36, 40, 64, 1024}) {
    SCOPED_TRACE(mebibytes);
    fake().restart({{"MEMORY", std::to_string(mebibytes) + "M"}});
    expect_near_cpu(analyzed("cuda"));
    const bool quiet = messages_.lines.empty() && note_.empty();
    on_gpu = on_gpu || quiet;
    on_cpu = on_cpu || !quiet;
  }
  EXPECT_TRUE(on_cpu);
  EXPECT_TRUE(on_gpu);
}

TEST_F(Failures, OfTheDriverAreExplained) {
  const std::vector<std::pair<std::map<std::string, std::string>, std::string>> cases{
      {{{"DEVICES", "0"}}, "cudaErrorNoDevice"},
      {{{"DRIVER", "old"}}, "cudaErrorInsufficientDriver"},
      {{{"NO_IMAGE", "1"}}, "cudaErrorNoKernelImageForDevice"},
  };
  for (const auto& [settings, words] : cases) {
    fake().restart(settings);
    expect_near_cpu(analyzed("cuda"));
    EXPECT_NE(note_.find(words), std::string::npos) << note_;
    expect_near_cpu(analyzed("auto"));
    EXPECT_NE(note_.find(words), std::string::npos) << note_;
  }
}

class LyingEigensolver : public test::Pipeline {
 protected:
  LyingEigensolver() {
    rows_ = 2000;
    features_ = 512;
    options_.memory = std::uint64_t{256} << 20U;
  }
};

TEST_F(LyingEigensolver, IsNotBelieved) {
  fake().restart({});
  expect_near_cpu(analyzed("cuda"));
  for (const char* lie : {"nan", "bitflip", "unsorted", "nonorthogonal", "info>0", "info<0"}) {
    SCOPED_TRACE(lie);
    fake().restart({{"EIGEN", lie}});
    expect_near_cpu(analyzed("cuda"));
  }
}

// Asked for the leading pairs only.
class LyingAboutAFewPairs : public LyingEigensolver {
 protected:
  LyingAboutAFewPairs() {
    options_.metrics = MetricChoice("nrc1*,deep_nrc1*,deep_nrc2*,feature_stable_rank*,evr");
  }
};

TEST_F(LyingAboutAFewPairs, IsNotBelieved) {
  fake().restart({});
  const std::string honest = digits(analyzed("cuda"));
  for (const char* lie : {"missed", "nan", "bitflip", "unsorted", "nonorthogonal", "info>0", "info<0"}) {
    SCOPED_TRACE(lie);
    fake().restart({{"EIGEN", lie}});
    const Results found = analyzed("cuda");
    expect_near_cpu(found);
    EXPECT_NE(digits(found), honest) << "the lie was not told: the device was not asked";
  }
}

}  // namespace
}  // namespace collapscope
