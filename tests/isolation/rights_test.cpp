// What a helper may not do, tried from inside of one.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hdf5/support.hpp"
#include "process/nursery.hpp"

namespace collapscope::process {
namespace {

std::string folder;  // of the test, before helpers are forked

// Whether it was refused; null: there is no such thing.
bool is_refused(const std::string& what) {
  const auto refused = [](long result) { return result < 0; };
  const std::string old = folder + "/old";
  if (what == "a new file") {
    return refused(::open((folder + "/new").c_str(), O_CREAT | O_WRONLY, 0600));
  }
  if (what == "writing") {
    return refused(::open(old.c_str(), O_WRONLY));
  }
  if (what == "removing") {
    return refused(::unlink(old.c_str()));
  }
  if (what == "renaming") {
    return refused(std::rename(old.c_str(), (folder + "/other").c_str()));
  }
  if (what == "a folder") {
    return refused(::mkdir((folder + "/sub").c_str(), 0700));
  }
  if (what == "a connection") {
    return refused(::socket(AF_INET, SOCK_STREAM, 0));
  }
  if (what == "a process") {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::_exit(0);
    }
    return refused(pid);
  }
  if (what == "a program") {
    return refused(::execl("/bin/true", "true", nullptr));
  }
  if (what == "a signal") {
    return refused(::kill(::getppid(), 0));
  }
  if (what == "reading") {
    return refused(::open(old.c_str(), O_RDONLY));
  }
  bool ran = false;
  std::thread([&] { ran = true; }).join();
  return !ran;
}

void serve(int socket) {
  while (true) {
    const Bytes asked = receive_message(socket, 1000);
    const std::string what(reinterpret_cast<const char*>(asked.data()), asked.size());
    send_message(socket, Bytes{static_cast<std::byte>(is_refused(what))});
  }
}

TEST(Rights, OfHelpersAreThoseOfReading) {
  const collapscope::testing::TempDir dir;
  folder = dir.path().string();
  std::ofstream(folder + "/old") << "here";
  const auto nursery = Nursery::start({[] {}, serve, std::uint64_t{64} << 20});
  Helper helper = nursery->take();
  const auto refused = [&](const std::string& what) {
    const auto bytes = std::as_bytes(std::span(what));
    helper.ask(bytes);
    return helper.answer(1).at(0) == std::byte{1};
  };
  for (const char* what : {"a new file", "writing", "removing", "renaming", "a folder", "a connection",
                           "a process", "a program", "a signal"}) {
    EXPECT_TRUE(refused(what)) << what;
  }
  EXPECT_FALSE(refused("reading"));
  EXPECT_FALSE(refused("a thread"));
  EXPECT_TRUE(std::filesystem::exists(folder + "/old"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/new"));
}

}  // namespace
}  // namespace collapscope::process
