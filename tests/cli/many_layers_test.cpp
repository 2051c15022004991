// Many small layers are measured side by side: the output does not tell on how many threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "results.hpp"

namespace collapscope::cli {
namespace {

class ManyLayers : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int step = 1; step <= 6; ++step) {
      expect_status(0, folder_,
                    {"synth", "planted", "-o", "c" + std::to_string(step) + ".h5", "-N", "900", "-d",
                     step % 2 == 0 ? "40" : "200", "--dtype", "float32", "--storage",
                     step % 3 == 0 ? "gzip" : "contiguous", "--run", "r", "--step", std::to_string(step),
                     "--noise", "0.5,0.1,1e-3,0"});
    }
    make_dumps(folder_,
               "dump('c7.h5', layers='wxyz', N=900, d=12, n=3, run='r', step=7.0,"
               " edit=spoil('layers/y/activations', 5))");
  }

  Finished analyzed(const Arguments& more) {
    Arguments arguments{"analyze", "."};
    arguments.insert(arguments.end(), more.begin(), more.end());
    Finished finished = expect_status(1, folder_, arguments);
    EXPECT_NE(finished.err.find("c7.h5: /layers/y/activations: found NaN"), std::string::npos)
        << finished.err;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
    return finished;
  }

  TempFolder folder_;
};

TEST_F(ManyLayers, HaveTheSameDigitsOnAnyNumberOfThreads) {
  const std::string table = analyzed({"--threads", "1", "-o", "1.csv", "-o", "-"}).out;
  Json expected = Json::parse(table);
  ASSERT_EQ(expected.at("checkpoints").size(), 7U);
  expected.erase("provenance");
  for (const char* threads : {"2", "4", "7"}) {
    Json found = Json::parse(analyzed({"--threads", threads, "-o", "n.csv", "-o", "-"}).out);
    EXPECT_EQ(found.at("provenance").at("threads"), std::stoi(threads));
    found.erase("provenance");
    EXPECT_TRUE(found == expected) << threads;
    EXPECT_EQ(folder_.read("n.csv"), folder_.read("1.csv")) << threads;
  }
}

// Two shares hold the wide layers, four do not: those are measured alone.
TEST_F(ManyLayers, AreMeasuredAloneWhereAShareOfTheMemoryIsTooLittle) {
  Json expected = Json::parse(analyzed({"--threads", "1", "-o", "-"}).out);
  expected.erase("provenance");
  for (const char* threads : {"2", "4"}) {
    Json found = Json::parse(analyzed({"--threads", threads, "--memory", "40MiB", "-o", "-"}).out);
    found.erase("provenance");
    EXPECT_TRUE(found == expected) << threads;
  }
}

}  // namespace
}  // namespace collapscope::cli
