#include "bench/bench_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"

namespace collapscope::bench {

namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
constexpr std::size_t files = 4;

// What the handler removes: ready before the handler is set, because it may only make simple calls.
struct Removal {
  std::array<std::array<char, PATH_MAX>, files> file;
  std::array<char, PATH_MAX> folder;
  std::array<struct sigaction, signals.size()> before;
};
Removal removal;

void keep(const std::string& path, std::array<char, PATH_MAX>& to) {
  *std::copy_n(path.begin(), std::min<std::size_t>(path.size(), PATH_MAX - 1), to.begin()) = '\0';
}

void remove_all() {
  for (const auto& file : removal.file) {
    (void)::unlink(file.data());
  }
  (void)::rmdir(removal.folder.data());
}

extern "C" void remove_and_end(int signal) {
  remove_all();
  (void)std::signal(signal, SIG_DFL);
  (void)std::raise(signal);
}

}  // namespace

BenchFolder::BenchFolder(const std::string& parent) {
  const char* tmpdir = std::getenv("TMPDIR");
  const std::string folder = !parent.empty()                        ? parent
                             : tmpdir != nullptr && *tmpdir != '\0' ? tmpdir
                                                                    : "/tmp";
  path_ = (std::filesystem::absolute(folder) / "collapscope_bench_XXXXXX").string();
  if (path_.size() + 32 > PATH_MAX || ::mkdtemp(path_.data()) == nullptr) {
    throw Error(fmt::format("cannot make a folder for temporary dumps in {}: {} (--folder)",
                            printable(folder), std::strerror(errno)));
  }
  keep(path_, removal.folder);
  std::size_t number = 0;
  for (const std::string& file : {rows_file(), planted_file()}) {
    keep(file, removal.file[number++]);
    keep(file + ".writing", removal.file[number++]);
  }
  static const bool removes_at_quick_exit = std::at_quick_exit(remove_all) == 0;  // when a GPU hangs
  (void)removes_at_quick_exit;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = remove_and_end;
    (void)::sigaction(signals[i], nullptr, &removal.before[i]);
    if (removal.before[i].sa_handler != SIG_IGN) {  // as nohup sets it
      (void)::sigaction(signals[i], &action, nullptr);
    }
  }
}

BenchFolder::~BenchFolder() {
  remove_all();
  for (std::size_t i = 0; i < signals.size(); ++i) {
    (void)::sigaction(signals[i], &removal.before[i], nullptr);
  }
}

}  // namespace collapscope::bench
