// Files are there whole or not at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "collapscope/core/error.hpp"
#include "collapscope/core/files.hpp"
#include "core/temporary_file.hpp"

namespace collapscope {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public testing::Test {
 protected:
  AtomicFile() {
    std::string pattern = (fs::temp_directory_path() / "collapscope-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
  }
  ~AtomicFile() override { fs::remove_all(folder); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }

  [[nodiscard]] static std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
  }

  // The message of the Error that writing to `file` throws.
  [[nodiscard]] static std::string failure(const std::string& file, std::string_view text = "new") {
    try {
      write_file_atomically(file, text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder;
};

mode_t mode_of(const std::string& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

TEST_F(AtomicFile, WritesEveryByte) {
  const std::string text("binary\0\xff\n text", 14);
  write_file_atomically(path("a.json"), text);
  EXPECT_EQ(content(path("a.json")), text);
  write_file_atomically(path("empty"), "");
  EXPECT_EQ(content(path("empty")), "");
  const std::string large(3'000'000, 'x');
  write_file_atomically(path("a.json"), large);
  EXPECT_EQ(content(path("a.json")), large);
  EXPECT_EQ(files(), 2U);
}

TEST_F(AtomicFile, RespectsUmaskAndKeepsPermissions) {
  const mode_t before = ::umask(027);
  write_file_atomically(path("new"), "x");
  ::umask(before);
  EXPECT_EQ(mode_of(path("new")), 0640U);
  ASSERT_EQ(::chmod(path("new").c_str(), 0600), 0);
  write_file_atomically(path("new"), "y");
  EXPECT_EQ(mode_of(path("new")), 0600U);
}

TEST_F(AtomicFile, ReplacesTheNameNotTheOldFile) {
  write_file_atomically(path("a"), "old");
  std::ifstream reader(path("a"));
  write_file_atomically(path("a"), "new");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(reader), {}), "old");
  EXPECT_EQ(content(path("a")), "new");
}

TEST_F(AtomicFile, WorksInTheCurrentFolder) {
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  write_file_atomically("relative.json", "x");
  fs::current_path(before);
  EXPECT_EQ(content(path("relative.json")), "x");
}

TEST_F(AtomicFile, TakesTheLongestName) {
  const std::string name(255, 'n');
  write_file_atomically(path(name), "x");
  EXPECT_EQ(content(path(name)), "x");
  EXPECT_NE(failure(path(name + "n")).find("File name too long"), std::string::npos);
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, MissingFolderIsNamed) {
  const std::string error = failure(path("missing/a.json"));
  EXPECT_EQ(error, path("missing/a.json") + ": cannot write: No such file or directory");
}

TEST_F(AtomicFile, AFolderIsNoTarget) {
  fs::create_directory(folder / "sub");
  EXPECT_NE(failure(path("sub")).find("it is a folder"), std::string::npos);
  EXPECT_NE(failure(path("sub/")).find("it is a folder"), std::string::npos);
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, NamesThatAreNone) {
  EXPECT_NE(failure("").find("not a file name"), std::string::npos);
  EXPECT_NE(failure(path("a") + std::string("\0b", 2)).find("not a file name"), std::string::npos);
  write_file_atomically(path("a"), "x");
  EXPECT_NE(failure(path("a/b")).find("Not a directory"), std::string::npos);
  EXPECT_NE(failure(path("slash/")), "");
  EXPECT_EQ(failure(path("\x1b[31m/x")).find('\x1b'), std::string::npos);
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, AWriteErrorLeavesTheOldFileAndNothingElse) {
  write_file_atomically(path("a"), "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{4096, before.rlim_max};
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = failure(path("a"), std::string(100'000, 'x'));
  const std::string error_new = failure(path("b"), std::string(100'000, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(error, path("a") + ": cannot write: File too large");
  EXPECT_NE(error_new, "");
  EXPECT_EQ(content(path("a")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, FollowsALinkAndKeepsIt) {
  fs::create_directory(folder / "runs");
  write_file_atomically(path("runs/1.json"), "old");
  fs::create_symlink("runs/1.json", folder / "latest.json");
  write_file_atomically(path("latest.json"), "new");
  EXPECT_TRUE(fs::is_symlink(folder / "latest.json"));
  EXPECT_EQ(content(path("runs/1.json")), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "runs"), {}), 1);
}

TEST_F(AtomicFile, RefusesALinkToNowhereOrToItself) {
  fs::create_symlink("nowhere", folder / "dangling");
  fs::create_symlink("loop", folder / "loop");
  EXPECT_NE(failure(path("dangling")).find("a link to a file that does not exist"), std::string::npos);
  EXPECT_NE(failure(path("loop")), "");
  EXPECT_EQ(files(), 2U);
}

TEST_F(AtomicFile, WritesToDevicesAndPipesInPlace) {
  write_file_atomically("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = content(path("pipe")); });
  const std::string text(200'000, 'p');  // more than a pipe holds
  write_file_atomically(path("pipe"), text);
  reader.join();
  EXPECT_EQ(got, text);
  EXPECT_EQ(files(), 1U);
  EXPECT_NE(failure("/dev/full").find("No space left"), std::string::npos);
}

// `collapscope ... --json /dev/stdout > file`: the file must not be replaced under the shell's feet.
TEST_F(AtomicFile, WritesToARedirectedStandardOutput) {
  std::fflush(stdout);
  const int saved = ::dup(STDOUT_FILENO);
  const int file = ::open(path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(::dup2(file, STDOUT_FILENO), 0);
  std::printf("before ");
  write_file_atomically("/dev/stdout", "json");
  std::printf(" after");
  std::fflush(stdout);
  ::dup2(saved, STDOUT_FILENO);
  ::close(saved);
  ::close(file);
  EXPECT_EQ(content(path("out")), "before json after");
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, IsKnownBeforeToBeWritable) {
  write_file_atomically(path("a"), "old");
  EXPECT_NO_THROW(require_writable(path("a")));
  EXPECT_NO_THROW(require_writable(path("new")));
  EXPECT_NO_THROW(require_writable("/dev/null"));
  EXPECT_THROW(require_writable(path("no/such/folder")), Error);
  EXPECT_THROW(require_writable(path(".")), Error);
  EXPECT_EQ(content(path("a")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, LitterOfKilledRunsIsRemoved) {
  std::string left;
  {
    const TemporaryFile file(path(""));
    ASSERT_GE(file.get(), 0);
    for (const auto& entry : std::filesystem::directory_iterator(path(""))) {
      left = entry.path();
    }
    require_writable(path("a"));
    EXPECT_TRUE(std::filesystem::exists(left)) << "somebody writes it";
  }
  EXPECT_FALSE(std::filesystem::exists(left));
  std::ofstream(left) << "killed";
  const std::string of_others = path(".collapscope-00000000-0000000000000000.tmp");
  const std::string old = path(".collapscope-00000000-0000000000000001.tmp");
  std::ofstream(of_others) << "maybe still written, on another machine";
  std::ofstream(old) << "not any more";
  std::filesystem::last_write_time(old,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(30));
  std::ofstream(path(".collapscope-notes")) << "not ours";
  require_writable(path("a"));
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_FALSE(std::filesystem::exists(old));
  EXPECT_TRUE(std::filesystem::exists(of_others));
  EXPECT_EQ(files(), 2U);
}

}  // namespace
}  // namespace collapscope
