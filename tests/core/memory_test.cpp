// Limits of memory: the machine's, of control groups, of Slurm.
#include "core/memory.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace collapscope {
namespace {

constexpr std::uint64_t MiB = std::uint64_t{1} << 20U;

// A machine with 1000 MiB that are free.
class UsableMemory : public ::testing::Test {
 protected:
  void SetUp() override { write("/proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable: 1024000 kB\n"); }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  void write(const std::string& path, std::uint64_t mebibytes) {
    write(path, std::to_string(mebibytes * MiB) + "\n");
  }
  void set(const std::string& name, const std::string& value) { variables_[name] = value; }

  [[nodiscard]] std::uint64_t mebibytes() const {
    return usable_memory({root_,
                          [this](const char* name) -> const char* {
                            const auto found = variables_.find(name);
                            return found == variables_.end() ? nullptr : found->second.c_str();
                          }}) /
           MiB;
  }

 private:
  std::string root_ =
      std::filesystem::temp_directory_path() / ("collapscope_memory_" + std::to_string(getpid()));
  std::map<std::string, std::string> variables_;
};

TEST_F(UsableMemory, IsWhatIsFree) { EXPECT_EQ(mebibytes(), 1000); }

TEST_F(UsableMemory, AControlGroupAndThoseAboveItLimit) {
  write("/proc/self/cgroup", "0::/system.slice/slurmstepd.scope/job_7/step_0\n");
  write("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0/memory.max", "max\n");
  EXPECT_EQ(mebibytes(), 1000);
  write("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/memory.max", 300);
  EXPECT_EQ(mebibytes(), 300);
  write("/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7/step_0/memory.max", 200);
  EXPECT_EQ(mebibytes(), 200);
}

TEST_F(UsableMemory, TheOlderControlGroupsToo) {
  write("/proc/self/cgroup",
        "11:cpu,cpuacct:/a\n4:hugetlb,memory:/slurm/uid_1/job_7\n1:name=systemd:/b\n0::/\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/memory/slurm/uid_1/memory.limit_in_bytes", 400);
  write("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", 1);  // another controller's group
  EXPECT_EQ(mebibytes(), 400);
}

TEST_F(UsableMemory, AContainersLimitStandsAtTheTop) {
  write("/proc/self/cgroup", "0::/docker/not-seen-from-inside\n");
  write("/sys/fs/cgroup/memory.max", 500);
  EXPECT_EQ(mebibytes(), 500);
}

TEST_F(UsableMemory, SlurmsShareCountsWithoutControlGroups) {
  set("SLURM_MEM_PER_NODE", "800");
  EXPECT_EQ(mebibytes(), 800);
  set("SLURM_STEP_TASKS_PER_NODE", "4(x2),1");
  EXPECT_EQ(mebibytes(), 200);
  set("SLURM_CPUS_PER_TASK", "3");
  set("SLURM_MEM_PER_CPU", "100");
  EXPECT_EQ(mebibytes(), 300);
}

TEST_F(UsableMemory, WhatIsNoLimitIsNone) {
  write("/proc/self/cgroup", "nothing\n:\n0::\n0::relative\n");
  set("SLURM_MEM_PER_NODE", "0");
  set("SLURM_MEM_PER_CPU", "much");
  EXPECT_EQ(mebibytes(), 1000);
  set("SLURM_MEM_PER_CPU", "99999999999999999999");
  set("SLURM_CPUS_PER_TASK", "99999999999999999999");
  EXPECT_EQ(mebibytes(), 1000);
}

}  // namespace
}  // namespace collapscope
