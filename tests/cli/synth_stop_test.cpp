// `synth` that is asked to stop: what there is of the file goes away, and what was there before stays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "program.hpp"

namespace collapscope::cli {
namespace {

using namespace std::chrono_literals;

// Starts to write s.h5, which would take minutes, and sends the signal once the file is there.
Finished stopped_by(int signal, const TempFolder& folder) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool ready = ::chdir(folder.path().c_str()) == 0 && std::freopen("errors", "w", stderr) != nullptr;
    if (ready) {
      ::alarm(300);
      ::execl(COLLAPSCOPE_PROGRAM, COLLAPSCOPE_PROGRAM, "synth", "planted", "-N", "20000000", "-d", "64",
              "--storage", "gzip", "-o", "s.h5", nullptr);
    }
    ::_exit(126);
  }
  while (!folder.has("s.h5.writing") && ::waitpid(child, nullptr, WNOHANG) == 0) {
    std::this_thread::sleep_for(5ms);
  }
  ::kill(child, signal);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, "", folder.read("errors")};
}

TEST(SynthStop, LeavesNothingOfTheFileAndSaysSo) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const TempFolder folder;
    folder.write("s.h5", "what was there before");
    const Finished finished = stopped_by(signal, folder);
    EXPECT_EQ(finished.status, 2);
    EXPECT_EQ(finished.err, std::string("collapscope: stopped by ") +
                                (signal == SIGINT ? "SIGINT" : "SIGTERM") +
                                "; s.h5 is not written, and what there was of it is removed\n");
    EXPECT_THAT(folder.names(), ::testing::ElementsAre("errors", "s.h5"));
    EXPECT_EQ(folder.read("s.h5"), "what was there before");
  }
}

TEST(SynthStop, MoreThanTheDiskHoldsIsRefusedAtOnce) {
  const TempFolder folder;
  const Finished finished =
      expect_status(2, folder, {"synth", "planted", "-N", "1000000000000000", "-d", "64", "-o", "s.h5"});
  EXPECT_THAT(finished.err, ::testing::MatchesRegex(
                                "collapscope: cannot write s.h5: it needs [0-9.]+ EiB, and the disk has "
                                "[0-9.]+ [KMGTPE]iB free\n"));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace collapscope::cli
