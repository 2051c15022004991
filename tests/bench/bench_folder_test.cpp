// Temporary dumps do not stay.
#include "bench/bench_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "collapscope/core/error.hpp"

namespace collapscope::bench {
namespace {

namespace fs = std::filesystem;

class BenchFolders : public ::testing::Test {
 protected:
  BenchFolders() : parent_((fs::path(::testing::TempDir()) / "bench_XXXXXX").string()) {
    EXPECT_NE(::mkdtemp(parent_.data()), nullptr);
  }
  ~BenchFolders() override { fs::remove_all(parent_); }

  // Files as a benchmark has them in the middle of its work.
  static void fill(const BenchFolder& folder) {
    std::ofstream(folder.rows_file()) << "rows";
    std::ofstream(folder.planted_file() + ".writing") << "planted";
  }

  std::string parent_;
};

TEST_F(BenchFolders, GoWithWhatIsInThem) {
  {
    const BenchFolder folder(parent_);
    fill(folder);
    EXPECT_EQ(fs::path(folder.rows_file()).parent_path().parent_path(), parent_);
    EXPECT_FALSE(fs::is_empty(parent_));
  }
  EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(BenchFolders, GoWhenASignalEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const pid_t child = ::fork();
    if (child == 0) {
      (void)std::signal(signal, SIG_DFL);
      const BenchFolder folder(parent_);
      fill(folder);
      (void)std::raise(signal);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    EXPECT_TRUE(fs::is_empty(parent_));
  }
}

TEST_F(BenchFolders, LeaveAnIgnoredSignalIgnored) {
  const pid_t child = ::fork();
  if (child == 0) {
    (void)std::signal(SIGHUP, SIG_IGN);
    const BenchFolder folder(parent_);
    fill(folder);
    (void)std::raise(SIGHUP);
    ::_exit(fs::exists(folder.rows_file()) ? 7 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST_F(BenchFolders, NeedAFolderToBeIn) { EXPECT_THROW(BenchFolder(parent_ + "/none"), Error); }

}  // namespace
}  // namespace collapscope::bench
