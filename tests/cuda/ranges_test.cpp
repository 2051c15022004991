// A profiler sees what the host does when: ranges with names, each of which ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/results.hpp"

namespace collapscope {
namespace {

class Ranges : public ::testing::Test {
 protected:
  // How often each name was seen in an analysis of such a dump.
  std::map<std::string, int> seen(const cli::Arguments& synth, const std::string& memory) const {
    cli::Arguments make{"synth", "planted", "-o", "a.h5"};
    make.insert(make.end(), synth.begin(), synth.end());
    cli::expect_status(0, folder_, make);
    const cli::Finished finished =
        cli::run(folder_, {"analyze", "a.h5", "--device", "cuda", "--threads", "1", "-q", "-o", "found.json"},
                 {.environment = {{"LD_LIBRARY_PATH", FAKE_CUDA_FOLDER},
                                  {"COLLAPSCOPE_GPU_MODULE", GPU_MODULE},
                                  {"COLLAPSCOPE_GPU_TILE", "4096"},
                                  {"FAKE_CUDA_PROTECT", "0"},
                                  {"FAKE_CUDA_MEMORY", memory},
                                  {"NVTX_INJECTION64_PATH", NVTX_LISTENER},
                                  {"NVTX_LISTENER_FILE", (folder_.path() / "ranges").string()}}});
    EXPECT_EQ(finished.status, 0) << finished.err;
    std::map<std::string, int> times;
    std::istringstream lines(folder_.read("ranges"));
    int open = 0;
    for (std::string line; std::getline(lines, line);) {
      open += line == "." ? -1 : 1;
      EXPECT_GE(open, 0);
      ++times[line];
    }
    EXPECT_EQ(open, 0);
    return times;
  }

  cli::TempFolder folder_;
};

TEST_F(Ranges, NameTheStepsOfALayer) {
  const auto times = seen({"-N", "1100", "-d", "520", "--noise", "0.1"}, "8G");
  for (const char* name : {"room for a layer", "rows to the device", "first look: tile", "first look: sums",
                           "second look: kept rows", "second look: sums", "eigenbasis"}) {
    EXPECT_EQ(times.count(name), 1U) << name;
  }
}

// Where the device has no room for them.
TEST_F(Ranges, NameTilesThatPassAgain) {
  const auto times = seen({"-N", "4000", "--noise", "0.1"}, "33216K");
  ASSERT_EQ(times.count("second look: tile"), 1U);
  EXPECT_EQ(times.at("second look: tile"), times.at("first look: tile"));
}

}  // namespace
}  // namespace collapscope
