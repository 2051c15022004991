// A disk that is full: what is asked for fails with a message and a status, what is not costs nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++count;
  }
  return count;
}

class FullDisk : public ::testing::Test {
 protected:
  FullDisk() { expect_status(0, folder_, {"synth", "planted", "-o", "p.h5", "-N", "70000", "-d", "64"}); }

  TempFolder folder_;
};

TEST_F(FullDisk, CostsStatesAndNoResults) {
  for (const char* interval : {"0", "5m"}) {
    const Finished finished = expect_status(
        0, folder_, {"analyze", "p.h5", "-q", "--work", "w", "--save-every", interval, "-o", "-", "--trust"},
        {.out_to = "/dev/null", .file_size = 1024});
    EXPECT_EQ(count_of(finished.err, "cannot write: File too large"), 1U) << finished.err;
    EXPECT_THAT(finished.err, HasSubstr("the analysis goes on"));
  }
}

TEST_F(FullDisk, EndsAPartWithAMessage) {
  const Finished finished = expect_status(
      2, folder_, {"analyze", "p.h5", "-q", "--part", "1/1", "-o", "part.h5"}, {.file_size = 4096});
  EXPECT_THAT(finished.err, HasSubstr("part.h5: cannot write: File too large"));
  EXPECT_THAT(folder_.names(), Not(::testing::Contains(HasSubstr("part.h5"))));
}

TEST_F(FullDisk, ThatIsFullFromTheStartHoldsNothingOfAPart) {
  const Finished finished = expect_status(
      2, folder_, {"analyze", "p.h5", "-q", "--part", "1/1", "-o", "part.h5", "--trust"}, {.file_size = 200});
  EXPECT_THAT(finished.err, HasSubstr("part.h5: cannot write: File too large"));
  EXPECT_THAT(folder_.names(), ::testing::ElementsAre("p.h5"));
}

TEST_F(FullDisk, EndsADumpWithAMessage) {
  const Finished synth = expect_status(
      2, folder_, {"synth", "planted", "-o", "q.h5", "-N", "70000", "-d", "64"}, {.file_size = 1 << 20});
  EXPECT_THAT(synth.err, HasSubstr("q.h5"));
  const Finished bench = expect_status(2, folder_,
                                       {"bench", "--rows", "100000", "--features", "64", "--types", "float32",
                                        "--stages", "pread", "--folder", "."},
                                       {.file_size = 1 << 20});
  EXPECT_THAT(bench.out + bench.err, HasSubstr("File too large"));
}

TEST_F(FullDisk, IsKnownBeforeABenchmarkWritesItsDump) {
  const Finished bench = expect_status(
      2, folder_,
      {"bench", "--rows", "1000000000000", "--features", "64", "--stages", "pread", "--folder", "."});
  EXPECT_THAT(bench.out + bench.err, HasSubstr("and the disk has"));
}

}  // namespace
}  // namespace collapscope::cli
