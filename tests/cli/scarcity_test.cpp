// Where the system gives few threads or little address space: fewer threads, the same numbers, or a refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;

#ifdef COLLAPSCOPE_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

class Scarcity : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sanitized) {
      GTEST_SKIP() << "the sanitizers' library must come first, and maps what it likes";
    }
    expect_status(0, folder_,
                  {"synth", "planted", "-o", "p.h5", "-N", "60000", "-d", "64", "--dtype", "float32"});
  }

  [[nodiscard]] Finished analyzed(const Surroundings& around) const {
    return run(folder_,
               {"analyze", "p.h5", "--threads", "8", "--memory", "32MiB", "--device", "cpu", "-o", "-"},
               around);
  }

  TempFolder folder_;
};

TEST_F(Scarcity, FewerThreadsWhereTheSystemGivesNoMore) {
  Json expected = Json::parse(analyzed({}).out);
  expected.erase("provenance");
  for (const auto& [most, used] : {std::pair{0, 1}, {1, 1}, {3, 3}, {7, 7}, {8, 8}}) {
    SCOPED_TRACE(most);
    const Finished finished = analyzed(
        {.environment = {{"LD_PRELOAD", COLLAPSCOPE_FAILING_THREADS},
                         {"MOST_THREADS", std::to_string(most)},
                         {"OPENBLAS_NUM_THREADS", "1"}}});  // it makes others before the program begins
    ASSERT_EQ(finished.status, 0) << finished.err;
    Json found = Json::parse(finished.out);
    EXPECT_EQ(found.at("provenance").at("threads"), used);
    EXPECT_EQ(found.at("provenance").value("threads_wanted", 8), 8);
    EXPECT_EQ(found.at("provenance").contains("threads_wanted"), used < 8);
    EXPECT_EQ(found.at("provenance").at("fallbacks"), Json::array());
    EXPECT_EQ(finished.err.find("instead of the GPU"), std::string::npos) << finished.err;
    found.erase("provenance");
    EXPECT_TRUE(found == expected);
    EXPECT_EQ(finished.err.find("of 8 threads are used") != std::string::npos, used < 8) << finished.err;
  }
}

TEST_F(Scarcity, LittleAddressSpaceIsRefusedAndSomeIsEnough) {
  const Finished too_little = analyzed({.address_space = std::uint64_t{180} << 20U});
  EXPECT_EQ(too_little.status, 2);
  EXPECT_THAT(too_little.err, HasSubstr("of address space are left"));
  const Finished enough = analyzed({.address_space = std::uint64_t{600} << 20U});
  EXPECT_EQ(enough.status, 0) << enough.err;
  EXPECT_THAT(enough.err, HasSubstr("of 8 threads are used"));
}

}  // namespace
}  // namespace collapscope::cli
