#include "process/nursery_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <map>
#include <set>

#include "process/sandbox.hpp"

namespace collapscope::process {

namespace {

// What is pressed at the terminal, or sent to a job, is for the program: it ends its helpers.
void leave_signals_to_the_program() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGPIPE, SIGALRM}) {
    ::signal(signal, SIG_IGN);
  }
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGCHLD, SIGXFSZ}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
}

void let_go_of_files(int control) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (nothing >= 0) {
      ::dup2(nothing, standard);
    }
  }
#ifdef SYS_close_range
  (void)::syscall(SYS_close_range, 3, std::max(control - 1, 3 - 1), 0);
  (void)::syscall(SYS_close_range, control + 1, UINT_MAX, 0);
#endif
}

struct Descriptors {
  int socket = -1;
  int mark = -1;
};

// False when the program has gone.
bool receive(int control, Order& order, Descriptors& descriptors) {
  iovec part{&order, sizeof order};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size != static_cast<ssize_t>(sizeof order)) {
    return false;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&descriptors, CMSG_DATA(header), sizeof descriptors);
  }
  return true;
}

class NurseryProcess {
 public:
  NurseryProcess(int control, const HelperWork& work) : control_(control), work_(work) {}

  void run() {
    at_first_ = data_bytes();
    Order order;
    Descriptors descriptors;
    while (receive(control_, order, descriptors)) {
      reap();
      const Report report =
          order.kind == Order::Kind::fork ? fork_helper(descriptors) : end_helper(order.pid);
      if (::send(control_, &report, sizeof report, MSG_NOSIGNAL) < 0) {
        break;
      }
      descriptors = {};
    }
    for (const pid_t pid : living_) {
      ::kill(pid, SIGKILL);
    }
    for (const pid_t pid : living_) {
      ::waitpid(pid, nullptr, 0);
    }
  }

 private:
  Report fork_helper(const Descriptors& descriptors) {
    const pid_t own = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(control_);
      be_helper(own, descriptors);
    }
    const int failed = pid < 0 ? errno : 0;
    ::close(descriptors.socket);
    ::close(descriptors.mark);
    if (pid > 0) {
      living_.insert(pid);
    }
    return {pid, 0, failed};
  }

  [[noreturn]] void be_helper(pid_t nursery, const Descriptors& descriptors) const {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    void* const mark =
        ::mmap(nullptr, sizeof(WorkMark), PROT_READ | PROT_WRITE, MAP_SHARED, descriptors.mark, 0);
    ::close(descriptors.mark);
    if (::getppid() == nursery && mark != MAP_FAILED) {
      use_mark(static_cast<WorkMark*>(mark));
      limit_data(at_first_ + work_.data_bytes);
      (void)allow_no_processes();
      try {
        work_.serve(descriptors.socket);
      } catch (const std::exception&) {
        // The program is told what it asks for while it asks.
      }
    }
    ::_exit(0);
  }

  Report end_helper(pid_t pid) {
    if (const auto known = ended_.find(pid); known != ended_.end()) {
      return {pid, known->second, 0};
    }
    if (!living_.contains(pid)) {
      return {pid, 0, ESRCH};
    }
    // One that has crashed is already on its way, and dies of what it died of.
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    living_.erase(pid);
    return {pid, status, 0};
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      living_.erase(pid);
      if (status != 0) {  // others are not asked for
        ended_[pid] = status;
      }
    }
  }

  int control_;
  const HelperWork& work_;
  std::uint64_t at_first_ = 0;
  std::set<pid_t> living_;
  std::map<pid_t, int> ended_;
};

}  // namespace

void run_nursery(int control, const HelperWork& work) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  (void)::prctl(PR_SET_NAME, "collapscope-hdf", 0, 0, 0);
  leave_signals_to_the_program();
  let_go_of_files(control);
  try {
    work.prepare();
    (void)give_up_rights();
    (void)allow_only_reading();
    NurseryProcess(control, work).run();
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace collapscope::process
