// Who started this process, and as one of how many.
#include "ranks/launcher.hpp"

#include <gmock/gmock.h>

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "collapscope/ranks/ranks.hpp"

namespace collapscope::ranks {
namespace {

std::optional<Launch> launch(const std::map<std::string, std::string>& variables) {
  return launch_of([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

// Launchers may read late what a rank has said last.
TEST(Reader, IsAwaited) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  ASSERT_EQ(::write(ends[1], "line", 4), 4);
  std::array<char, 8> line{};
  std::atomic<bool> may_read = false;
  std::atomic<bool> has_read = false;
  std::thread reader([&] {
    while (!may_read) {
      std::this_thread::yield();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    has_read = true;
    EXPECT_EQ(::read(ends[0], line.data(), line.size()), 4);
  });
  await_reader(ends[1], std::chrono::milliseconds(1));  // not for ever
  EXPECT_FALSE(has_read);
  may_read = true;
  await_reader(ends[1], std::chrono::minutes(1));
  EXPECT_TRUE(has_read);
  reader.join();
  await_reader(ends[1], std::chrono::hours(1));  // there is nothing to be read
  ::close(ends[0]);
  ::close(ends[1]);
  await_reader(ends[1], std::chrono::hours(1));  // nor is there a pipe
}

TEST(Launcher, IsKnownByItsVariables) {
  EXPECT_FALSE(launch({}));
  const auto mpirun = launch({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}});
  ASSERT_TRUE(mpirun);
  EXPECT_EQ(mpirun->size, 4U);
  EXPECT_EQ(mpirun->rank, 3U);
  EXPECT_EQ(mpirun->launcher, "mpirun");
  for (const char* alone : {"1", "yes"}) {
    EXPECT_FALSE(launch({{"OMPI_COMM_WORLD_SIZE", "4"}, {"COLLAPSCOPE_ALONE", alone}}));
  }
  for (const char* together : {"", "0"}) {
    EXPECT_TRUE(launch({{"OMPI_COMM_WORLD_SIZE", "4"}, {"COLLAPSCOPE_ALONE", together}}));
  }
  const auto srun = launch({{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "1"}});
  ASSERT_TRUE(srun);
  EXPECT_EQ(srun->launcher, "srun");
  EXPECT_EQ(srun->rank, 1U);
  EXPECT_EQ(launch({{"PMI_SIZE", "8"}, {"PMI_RANK", "0"}})->size, 8U);
}

// A batch script without srun is one process, however many tasks the job may have.
TEST(Launcher, ABatchScriptIsNone) {
  EXPECT_FALSE(launch({{"SLURM_NTASKS", "16"}, {"SLURM_PROCID", "0"}, {"SLURM_JOB_ID", "7"}}));
}

// What srun sets with --mpi=none, pmix and pmi2.
TEST(Launcher, SrunMayGiveNoPmi) {
  const std::map<std::string, std::string> none{{"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_PROCID", "1"}};
  EXPECT_FALSE(launch(none)->has_pmi);
  for (const char* name : {"PMIX_NAMESPACE", "PMI_FD"}) {
    auto variables = none;
    variables[name] = "3";
    EXPECT_TRUE(launch(variables)->has_pmi) << name;
  }
  EXPECT_TRUE(launch({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}})->has_pmi);
}

TEST(Launcher, NonsenseIsNone) {
  EXPECT_FALSE(launch({{"OMPI_COMM_WORLD_SIZE", "four"}}));
  EXPECT_FALSE(launch({{"OMPI_COMM_WORLD_SIZE", ""}}));
  EXPECT_FALSE(launch({{"OMPI_COMM_WORLD_SIZE", "0"}}));
  EXPECT_EQ(launch({{"OMPI_COMM_WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "x"}})->rank, 0U);
}

}  // namespace
}  // namespace collapscope::ranks
