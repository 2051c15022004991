// Every call of a small analysis fails, once and for ever, and every item of work takes the device with it:
// the numbers are always the CPU's, nothing crashes, hangs or leaks.
#include <set>

#include "collapscope/core/error.hpp"
#include "collapscope/gpu/gpu.hpp"
#include "cuda/pipeline.hpp"
#include "cuda/sites.hpp"

namespace collapscope {
namespace {

// What may fail without a word: what is asked while things are freed, or to put back whose device was
// current,
const std::set<std::string> quiet_names{
    "cudaGetDevice",     "cublasDestroy",           "cudaEventDestroy",  "cudaFree",
    "cudaFreeHost",      "cudaSetDevice",           "cudaStreamQuery",   "cudaStreamDestroy",
    "cusolverDnDestroy", "cusolverDnDestroyParams", "cudaHostUnregister"};
// and, once, what there is less of with smaller tiles or without the rows for a second look.
const std::set<std::string> sparing_names{"cudaEventCreateWithFlags", "cudaMalloc", "cudaMallocHost",
                                          "cudaHostRegister"};

bool may_be_quiet(const std::string& kind, const std::string& name) {
  return quiet_names.contains(name) || (kind == "once" && sparing_names.contains(name));
}

// Tiles of 512 rows: where memory is missing, they can become smaller.
class Failures : public test::Pipeline {
 protected:
  Failures() {
    rows_ = 3000;
    tile_ = 8192;
    options_.memory = 700'000;
  }

  // From where calls, or items of work, come in an analysis that nothing disturbs.
  std::vector<std::string> sites_of(const std::string& device, bool of_items) {
    fake().restart({});
    expect_near_cpu(analyzed(device));  // CUB asks some things once in a process
    fake().restart({{"SITES", "1"}});
    expect_near_cpu(analyzed(device));
    std::vector<std::string> sites = of_items ? fake().item_sites() : fake().call_sites();
    EXPECT_GT(sites.size(), 100U);
    return sites;
  }

  // One analysis, in which the n-th of these calls or items fails.
  Results analyzed_with_failure(const std::string& device, const std::string& kind,
                                const std::vector<std::string>& sites, long n) {
    fake().restart({{"FAIL_AT", std::to_string(n)}, {"FAIL_KIND", kind}, {"PROTECT", "0"}});
    Results found = analyzed(device, kind != "once");
    EXPECT_EQ(fake().injected(), test::name_of_site(sites[static_cast<std::size_t>(n) - 1]))
        << "calls do not come in the same order again";
    return found;
  }

  // ends: also the first and the last call of each place.
  void fail_everywhere(const std::string& kind, bool ends = true) {
    const std::vector<std::string> sites = sites_of("auto", kind == "sticky");
    const std::vector<long> numbers = test::some_of_every_site(sites, ends);
    std::size_t told = 0;
    for (const long n : numbers) {
      const std::string name = test::name_of_site(sites[static_cast<std::size_t>(n) - 1]);
      SCOPED_TRACE(testing::Message() << kind << ", number " << n << " of " << sites.size() << ", " << name);
      expect_near_cpu(analyzed_with_failure("auto", kind, sites, n));
      const bool is_told = !messages_.lines.empty() || !note_.empty();
      EXPECT_TRUE(is_told || may_be_quiet(kind, name)) << "failed without a word";
      told += is_told ? 1 : 0;
      if (HasFailure()) {
        return;
      }
    }
    test::expect_every_site(sites, numbers, "failed " + kind);
    EXPECT_GT(told, numbers.size() / 2);
  }
};

TEST_F(Failures, OfAnyCallOnce) { fail_everywhere("once"); }
TEST_F(Failures, OfEveryCallFromSomeOneOn) { fail_everywhere("forever"); }
TEST_F(Failures, ThatTakeTheDeviceWithThem) { fail_everywhere("sticky"); }

TEST_F(Failures, ThatTakeOneOfThreeDevicesWithThemLeaveTheOthers) {
  const std::vector<std::string> sites = sites_of("cuda:all", true);
  const std::vector<long> numbers = test::some_of_every_site(sites, false);
  std::size_t told = 0;
  for (const long n : numbers) {
    SCOPED_TRACE(testing::Message() << "item " << n << " of " << sites.size());
    const Results found = analyzed_with_failure("cuda:all", "lost", sites, n);
    expect_near_cpu(found);
    EXPECT_LE(messages_.lines.size(), 1U) << "others were thought to be lost, too";
    for (const std::string& line : messages_.lines) {
      EXPECT_NE(line.find("; the analysis goes on with the other GPUs"), std::string::npos) << line;
      EXPECT_NE(found.provenance.device.find("; in part cuda:"), std::string::npos);
      EXPECT_EQ(found.provenance.device.find("; in part cpu"), std::string::npos);
      EXPECT_EQ(found.provenance.fallbacks.count("layer", "cpu"), 0U);
      EXPECT_GE(found.provenance.fallbacks.count("layer", "gpu"), 1U);
      ++told;
    }
    if (HasFailure()) {
      return;
    }
  }
  test::expect_every_site(sites, numbers, "lost with one of three devices");
  EXPECT_GT(told, numbers.size() / 2);
}

class FastFailures : public Failures {
 protected:
  FastFailures() { options_.precision = Precision::fast; }
};

TEST_F(FastFailures, OfAnyCallOnce) { fail_everywhere("once"); }
TEST_F(FastFailures, ThatTakeTheDeviceWithThem) { fail_everywhere("sticky"); }

// Eigenpairs are the device's: all of them, which the metrics take after one look,
class WideFailures : public Failures {
 protected:
  WideFailures() {
    rows_ = 1100;
    features_ = 512;
    tile_ = std::size_t{256} * 512;
    noise_ = {0.5};
    options_.memory = std::uint64_t{256} << 20U;
    options_.looks = Looks::one;
  }
};

TEST_F(WideFailures, OfAnyCallOnce) { fail_everywhere("once", false); }

// or a few, whose rest is looked at.
class WideFailuresOfAFewPairs : public WideFailures {
 protected:
  WideFailuresOfAFewPairs() {
    options_.looks = Looks::automatic;
    options_.metrics = MetricChoice("nrc1*,deep_nrc1*,deep_nrc2*,feature_stable_rank*,evr");
  }
};

TEST_F(WideFailuresOfAFewPairs, OfAnyCallOnce) { fail_everywhere("once", false); }
TEST_F(WideFailuresOfAFewPairs, ThatTakeTheDeviceWithThem) { fail_everywhere("sticky", false); }

class LargeTiles : public test::Pipeline {
 protected:
  LargeTiles() {
    rows_ = 30000;
    tile_ = 65536;
    options_.memory = 5'200'000;
  }
};

TEST_F(LargeTiles, BecomeSmallerWithLittleMemoryOrTheCpuIsUsed) {
  bool on_cpu = false;
  bool on_gpu = false;
  for (const int mebibytes : {1, 16, 32, 33, 34, 36, 40, 64, 1024}) {
    SCOPED_TRACE(mebibytes);
    fake().restart({{"MEMORY", std::to_string(mebibytes) + "M"}});
    expect_near_cpu(analyzed("auto"));
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
    expect_near_cpu(analyzed("auto"));
    EXPECT_NE(note_.find(words), std::string::npos) << note_;
    for (const char* device : {"cuda", "cuda:0", "cuda:all"}) {
      try {
        (void)make_backend(device, 1);
        ADD_FAILURE() << device << " works";
      } catch (const DeviceError& error) {
        const std::string message = error.what();
        EXPECT_EQ(message.rfind("--device " + std::string(device) + ": ", 0), 0U) << message;
        EXPECT_NE(message.find(words), std::string::npos) << message;
        EXPECT_NE(message.find("--device auto would take the CPU"), std::string::npos) << message;
      }
    }
  }
}

class LyingEigensolver : public test::Pipeline {
 protected:
  LyingEigensolver() {
    rows_ = 2000;
    features_ = 512;
    noise_ = {0.5};
    options_.memory = std::uint64_t{256} << 20U;
  }

  // Counted, with their reason, and told with the layer's name.
  void expect_rejections(const Results& found, const std::string& lie) const {
    const Fallbacks& fallbacks = found.provenance.fallbacks;
    ASSERT_EQ(fallbacks.all.size(), 1U);
    EXPECT_EQ(fallbacks.all[0].work, "eigenbasis");
    EXPECT_EQ(fallbacks.all[0].to, "cpu");
    EXPECT_EQ(fallbacks.all[0].reason,
              lie.starts_with("info") ? "the GPU gave no answer" : "the GPU's answer failed its check");
    EXPECT_GE(fallbacks.rejected_eigenbases, 1U);
    EXPECT_EQ(fallbacks.rejected_eigenbases, fallbacks.count("eigenbasis", "cpu"));
    ASSERT_EQ(messages_.lines.size(), 1U);
    EXPECT_NE(messages_.lines[0].find("layer1: "), std::string::npos) << messages_.lines[0];
    EXPECT_NE(messages_.lines[0].find(fallbacks.all[0].reason), std::string::npos) << messages_.lines[0];
    EXPECT_EQ(found.provenance.device.find("in part"), std::string::npos);
  }
};

TEST_F(LyingEigensolver, IsNotBelieved) {
  fake().restart({});
  const Results honest = analyzed("cuda");
  expect_near_cpu(honest);
  EXPECT_TRUE(honest.provenance.fallbacks == Fallbacks{});
  for (const char* lie : {"nan", "bitflip", "unsorted", "nonorthogonal", "info>0", "info<0"}) {
    SCOPED_TRACE(lie);
    fake().restart({{"EIGEN", lie}});
    const Results found = analyzed("cuda");
    expect_near_cpu(found);
    expect_rejections(found, lie);
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
    expect_rejections(found, lie);
  }
}

}  // namespace
}  // namespace collapscope
