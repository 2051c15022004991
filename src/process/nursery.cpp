#include "process/nursery.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <system_error>

#include "core/little_endian.hpp"
#include "process/nursery_process.hpp"

namespace collapscope::process {

namespace {

constexpr const char* no_process = "cannot make a process to read with";
constexpr const char* nobody_makes_them = "the process that makes them has ended";
constexpr const char* without_process = "--trust reads without it";
constexpr int look_every = 100;                 // milliseconds
constexpr std::uint64_t usual_patience = 1000;  // of computing, likewise

std::string system_text(int number) { return std::generic_category().message(number); }

std::string status_text(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// Milliseconds that a process has computed.
std::uint64_t computed(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    return 0;
  }
  return static_cast<std::uint64_t>(time.tv_sec) * 1000 +
         static_cast<std::uint64_t>(time.tv_nsec) / 1'000'000;
}

std::string text_of(const std::array<char, 1024>& text) {
  return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

}  // namespace

// How long to wait for a helper: for as long as it comes on, or waits for a disk.
class Helper::Patience {
 public:
  Patience(const Helper& helper, std::uint64_t allowance) : helper_(helper), allowance_(allowance) {}

  // Why it is at its end; empty: it is not.
  [[nodiscard]] std::string end() {
    const std::uint64_t steps = helper_.mark_->steps.load(std::memory_order_acquire);
    const std::uint64_t now = computed(helper_.pid_);
    if (!began_ || steps != steps_) {
      began_ = true;
      steps_ = steps;
      since_ = now;
    }
    const std::uint64_t limit = usual_patience + allowance_ + helper_.mark_->allowance.load();
    if (now - since_ <= limit) {
      return {};
    }
    return fmt::format("did not come on in {:.1f} s of computing and was ended",
                       static_cast<double>(now - since_) / 1000);
  }

 private:
  const Helper& helper_;
  std::uint64_t allowance_;
  bool began_ = false;
  std::uint64_t steps_ = 0;
  std::uint64_t since_ = 0;
};

Helper::Helper(Helper&& other) noexcept
    : nursery_(other.nursery_),
      socket_(std::exchange(other.socket_, -1)),
      mark_(std::exchange(other.mark_, nullptr)),
      pid_(other.pid_) {}

Helper::~Helper() {
  if (socket_ >= 0) {
    ::close(socket_);
  }
  if (mark_ != nullptr) {
    ::munmap(mark_, sizeof(WorkMark));
  }
}

void Helper::fail(const std::string& why) {
  const std::string how = nursery_->ended(pid_);
  throw HelperEnded(why.empty() ? how : why, text_of(mark_->file), text_of(mark_->object));
}

void Helper::ask(std::span<const std::byte> request) {
  try {
    send_message(socket_, request);
  } catch (const ChannelClosed&) {
    fail("");
  }
}

void Helper::receive(std::span<std::byte> out, std::uint64_t allowance) {
  Patience patience(*this, allowance);
  while (!out.empty()) {
    pollfd waits{socket_, POLLIN, 0};
    const int ready = ::poll(&waits, 1, look_every);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      if (const std::string end = patience.end(); !end.empty()) {
        fail(end);
      }
      continue;
    }
    const ssize_t count = ::recv(socket_, out.data(), out.size(), 0);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      fail("");
    }
    out = out.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

Bytes Helper::answer(std::uint64_t most_bytes, std::uint64_t allowance) {
  std::array<std::byte, 8> length{};
  receive(length, allowance);
  const std::uint64_t size = little_endian(length, length.size());
  if (size > most_bytes) {
    fail(fmt::format("sent an answer of {} bytes; expected at most {}", size, most_bytes));
  }
  constexpr std::uint64_t step = std::uint64_t{4} << 20;  // room comes as the bytes do
  Bytes message;
  while (message.size() < size) {
    const std::size_t before = message.size();
    message.resize(before + std::min(step, size - before));
    receive(std::span(message).subspan(before), allowance);
  }
  return message;
}

std::unique_ptr<Nursery> Nursery::start(const HelperWork& work) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw Error(fmt::format("cannot make a process: {}", system_text(errno)));
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    run_nursery(ends[1], work);
  }
  const int failed = errno;
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    throw Error(fmt::format("cannot make a process: {}", system_text(failed)));
  }
  return std::unique_ptr<Nursery>(new Nursery(ends[0], pid));
}

Nursery::~Nursery() {
  spare_.reset();
  ::close(control_);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Helper Nursery::take() {
  const std::lock_guard lock(mutex_);
  Helper helper = spare_ ? *std::exchange(spare_, std::nullopt) : order();
  if (helper.pid_ == 0) {
    receive_pid(helper);
  }
  if (was_asked_) {
    spare_.emplace(order());
  }
  was_asked_ = true;
  return helper;
}

Helper Nursery::order() {
  const auto fail = [](const char* what) {
    throw Error(fmt::format("{}: {}: {}; {}", no_process, what, system_text(errno), without_process));
  };
  const int memory = ::memfd_create("collapscope", MFD_CLOEXEC);
  if (memory < 0 || ::ftruncate(memory, sizeof(WorkMark)) != 0) {
    fail("shared memory");
  }
  void* const mark = ::mmap(nullptr, sizeof(WorkMark), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  std::array<int, 2> ends{};
  if (mark == MAP_FAILED || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    ::close(memory);
    fail("socket");
  }
  Helper helper(*this, ends[0], new (mark) WorkMark);
  Order order;
  iovec part{&order, sizeof order};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(2 * sizeof(int));
  const std::array<int, 2> sent{ends[1], memory};
  std::memcpy(CMSG_DATA(header), sent.data(), sizeof sent);
  const bool failed = ::sendmsg(control_, &message, MSG_NOSIGNAL) < 0;
  ::close(ends[1]);
  ::close(memory);
  if (failed) {
    fail(nobody_makes_them);
  }
  return helper;
}

void Nursery::receive_pid(Helper& helper) {
  Report report;
  if (::recv(control_, &report, sizeof report, 0) != sizeof report) {
    throw Error(fmt::format("{}: {}; {}", no_process, nobody_makes_them, without_process));
  }
  if (report.pid <= 0) {
    throw Error(fmt::format("{}: {}; {}", no_process, system_text(report.failed), without_process));
  }
  helper.pid_ = report.pid;
}

std::string Nursery::ended(pid_t helper) {
  const std::lock_guard lock(mutex_);
  if (spare_ && spare_->pid_ == 0) {
    receive_pid(*spare_);
  }
  const Order order{Order::Kind::end, helper};
  Report report;
  if (::send(control_, &order, sizeof order, MSG_NOSIGNAL) < 0 ||
      ::recv(control_, &report, sizeof report, 0) != sizeof report || report.failed != 0) {
    return "has ended";
  }
  return status_text(report.status);
}

}  // namespace collapscope::process
