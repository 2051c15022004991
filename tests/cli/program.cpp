#include "program.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace collapscope::cli {

namespace {

constexpr unsigned most_seconds = 300;

int checked(int result, const char* what) {
  if (result < 0) {
    throw std::system_error(errno, std::generic_category(), what);
  }
  return result;
}

// A file without a name.
class Scratch {
 public:
  Scratch() : file_(std::tmpfile()) {
    if (file_ == nullptr) {
      throw std::system_error(errno, std::generic_category(), "tmpfile");
    }
  }
  ~Scratch() { std::fclose(file_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Scratch(Scratch&&) = delete;
  Scratch& operator=(Scratch&&) = delete;

  [[nodiscard]] int descriptor() const { return ::fileno(file_); }
  [[nodiscard]] std::string text() const {
    std::string content;
    std::array<char, 4096> buffer{};
    std::rewind(file_);
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file_)) {
      content.append(buffer.data(), count);
    }
    return content;
  }

 private:
  std::FILE* file_;
};

std::vector<std::string> environment_of(const Surroundings& around) {
  constexpr std::array<std::string_view, 7> steering{
      "COLUMNS",    "NO_COLOR",  "TERM", "OPENBLAS_CORETYPE", "COLLAPSCOPE_BLAS_MISJUDGED",
      "LD_PRELOAD", "PYTHONPATH"};
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    if (std::find(steering.begin(), steering.end(), name) == steering.end() &&
        !around.environment.contains(name)) {
      all.push_back(text);
    }
  }
  for (const auto& [name, value] : around.environment) {
    all.push_back(name + "=" + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

// Everything the other side of a terminal writes; ends when all of it is closed.
std::string read_terminal(int descriptor) {
  std::string content;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::read(descriptor, buffer.data(), buffer.size())) > 0;) {
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
  for (std::size_t at = 0; (at = content.find("\r\n", at)) != std::string::npos;) {
    content.erase(at, 1);
  }
  return content;
}

Finished start(const std::string& folder, std::vector<std::string> words, const Surroundings& around) {
  const Scratch out;
  const Scratch err;
  std::vector<std::string> environment = environment_of(around);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(environment);
  int terminal = -1;
  int user = -1;
  if (around.terminal_width != 0) {
    winsize size{};
    size.ws_row = 50;
    size.ws_col = around.terminal_width;
    checked(::openpty(&user, &terminal, nullptr, nullptr, &size), "openpty");
    checked(::fcntl(user, F_SETFD, FD_CLOEXEC), "fcntl");
  }
  const int file = around.out_to.empty() ? -1 : checked(::open(around.out_to.c_str(), O_WRONLY), "open");
  const int errors =
      around.errors_to.empty() ? -1 : checked(::open(around.errors_to.c_str(), O_WRONLY | O_CLOEXEC), "open");
  const pid_t child = checked(::fork(), "fork");
  if (child == 0) {
    ::alarm(most_seconds);
    const bool ready = ::chdir(folder.c_str()) == 0 &&
                       ::dup2(file >= 0       ? file
                              : terminal >= 0 ? terminal
                                              : out.descriptor(),
                              STDOUT_FILENO) >= 0 &&
                       ::dup2(errors >= 0     ? errors
                              : terminal >= 0 ? terminal
                                              : err.descriptor(),
                              STDERR_FILENO) >= 0;
    ::close(STDIN_FILENO);
    for (int descriptor = STDERR_FILENO + 1; descriptor < 256; ++descriptor) {
      ::close(descriptor);
    }
    for (const int descriptor : around.closed) {
      ::close(descriptor);
    }
    if (around.address_space != 0) {
      const rlimit limit{around.address_space, around.address_space};
      (void)::setrlimit(RLIMIT_AS, &limit);
    }
    if (around.file_size != 0) {
      const rlimit limit{around.file_size, around.file_size};
      (void)::setrlimit(RLIMIT_FSIZE, &limit);
    }
    if (ready) {
      ::execve(argv[0], argv.data(), envp.data());
    }
    ::_exit(126);
  }
  Finished finished;
  if (terminal >= 0) {
    ::close(terminal);
    finished.out = read_terminal(user);
    ::close(user);
  }
  if (file >= 0) {
    ::close(file);
  }
  if (errors >= 0) {
    ::close(errors);
  }
  int status = 0;
  rusage usage{};
  checked(::wait4(child, &status, 0, &usage), "wait4");
  finished.out += out.text();
  finished.err = err.text();
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  finished.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  const std::string said = finished.out + finished.err;
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status) << "\n" << said;
  EXPECT_EQ(said.find("Sanitizer"), std::string::npos) << said;
  EXPECT_EQ(said.find("runtime error:"), std::string::npos) << said;
  return finished;
}

}  // namespace

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "collapscope_cli_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  path_ = std::filesystem::canonical(name);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool TempFolder::has(const std::string& name) const { return std::filesystem::exists(path_ / name); }

std::string TempFolder::read(const std::string& name) const {
  std::ifstream file(path_ / name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

void TempFolder::write(const std::string& name, const std::string& content) const {
  std::ofstream file(path_ / name, std::ios::binary);
  file << content;
  EXPECT_TRUE(file.flush().good()) << name;
}

std::vector<std::string> TempFolder::names() const {
  std::vector<std::string> result;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    result.push_back(entry.path().filename());
  }
  std::sort(result.begin(), result.end());
  return result;
}

Finished run(const TempFolder& folder, const Arguments& arguments, const Surroundings& around) {
  std::vector<std::string> words{COLLAPSCOPE_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return start(folder.path(), std::move(words), around);
}

Finished expect_status(int status, const TempFolder& folder, const Arguments& arguments,
                       const Surroundings& around) {
  Finished finished = run(folder, arguments, around);
  EXPECT_EQ(finished.status, status) << ::testing::PrintToString(arguments) << "\n" << finished.err;
  return finished;
}

void make_dumps(const TempFolder& folder, const std::string& code) {
  const Surroundings around{
      .environment = {{"PYTHONPATH", COLLAPSCOPE_SOURCE_DIR "/tests/cli"}, {"PYTHONDONTWRITEBYTECODE", "1"}}};
  const Finished made =
      start(folder.path(), {COLLAPSCOPE_PYTHON, "-c", "from dumps import *\n" + code}, around);
  if (made.status != 0) {
    throw std::runtime_error("making dumps failed: " + made.err);
  }
}

}  // namespace collapscope::cli
