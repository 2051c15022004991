// The calls of a helper, as a filter that the kernel runs.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "process/sandbox.hpp"

namespace collapscope::process {

namespace {

#if defined(__x86_64__)
constexpr unsigned machine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned machine = AUDIT_ARCH_AARCH64;
#else
constexpr unsigned machine = 0;
#endif

// What comes often comes first.
std::vector<long> allowed_calls() {
  return {
      SYS_pread64,
      SYS_recvfrom,
      SYS_sendto,
      SYS_lseek,
      SYS_fstat,
      SYS_futex,
      SYS_read,
      SYS_close,
      SYS_newfstatat,
      SYS_statx,
      SYS_readlinkat,
      SYS_mmap,
      SYS_munmap,
      SYS_mprotect,
      SYS_mremap,
      SYS_brk,
      SYS_madvise,
      SYS_flock,
      SYS_fcntl,
      SYS_getcwd,
      SYS_readv,
      SYS_preadv,
      SYS_write,
      SYS_writev,
      SYS_dup,
      SYS_dup3,
      SYS_faccessat,
      SYS_getdents64,
      SYS_fadvise64,
      SYS_fstatfs,
      SYS_statfs,
      SYS_exit,
      SYS_exit_group,
      SYS_rt_sigaction,
      SYS_rt_sigprocmask,
      SYS_rt_sigreturn,
      SYS_sigaltstack,
      SYS_getpid,
      SYS_gettid,
      SYS_getuid,
      SYS_geteuid,
      SYS_getgid,
      SYS_getegid,
      SYS_clock_gettime,
      SYS_clock_nanosleep,
      SYS_nanosleep,
      SYS_gettimeofday,
      SYS_sched_yield,
      SYS_sched_getaffinity,
      SYS_set_robust_list,
      SYS_set_tid_address,
      SYS_getrandom,
      SYS_getrlimit,
      SYS_setrlimit,
      SYS_sysinfo,
      SYS_uname,
      SYS_restart_syscall,
#ifdef SYS_rseq
      SYS_rseq,
#endif
#ifdef SYS_faccessat2
      SYS_faccessat2,
#endif
#ifdef __x86_64__
      SYS_stat,
      SYS_lstat,
      SYS_access,
      SYS_readlink,
      SYS_getdents,
      SYS_time,
      SYS_dup2,
      SYS_poll,
#endif
  };
}

// Of the process that forks helpers, beside those.
constexpr std::array calls_of_nursery{SYS_clone,   SYS_wait4, SYS_kill,   SYS_tgkill,
                                      SYS_recvmsg, SYS_prctl, SYS_getppid};

constexpr std::size_t argument(std::size_t number) { return offsetof(seccomp_data, args) + 8 * number; }

class Filter {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)); }
  void end(unsigned answer) { add(BPF_RET | BPF_K, answer); }
  // The next instruction is done only where the loaded word is `value`, or has one of the `bits`.
  void if_is(unsigned value) { code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)); }
  void if_has(unsigned bits) { code_.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1)); }
  // The next one only where it is not `value`.
  void if_is_not(unsigned value) { code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0)); }
  // The next `count` instructions are left out unless the loaded word is `value`.
  void skip_unless(unsigned value, unsigned char count) {
    code_.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
  }

  [[nodiscard]] bool install() {
    const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  }

 private:
  void add(int code, unsigned value) { code_.push_back({static_cast<unsigned short>(code), 0, 0, value}); }

  std::vector<sock_filter> code_;
};

constexpr unsigned refuse = SECCOMP_RET_ERRNO | EPERM;

// Opens files to read them only.
void allow_opening(Filter& filter, long call, std::size_t flags_at) {
  filter.skip_unless(static_cast<unsigned>(call), 4);
  filter.load(argument(flags_at));
  filter.if_has(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
  filter.end(SECCOMP_RET_ERRNO | EACCES);
  filter.end(SECCOMP_RET_ALLOW);
}

// The call, where the low word of an argument is `value`.
void allow_with(Filter& filter, long call, std::size_t at, unsigned value) {
  filter.skip_unless(static_cast<unsigned>(call), 4);
  filter.load(argument(at));
  filter.if_is(value);
  filter.end(SECCOMP_RET_ALLOW);
  filter.end(refuse);
}

}  // namespace

bool allow_only_reading() {
  if (machine == 0) {
    return false;
  }
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.if_is_not(machine);
  filter.end(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  for (const long call : allowed_calls()) {
    filter.if_is(static_cast<unsigned>(call));
    filter.end(SECCOMP_RET_ALLOW);
  }
  allow_opening(filter, SYS_openat, 2);
#ifdef SYS_open
  allow_opening(filter, SYS_open, 1);
#endif
  allow_with(filter, SYS_prlimit64, 0, 0);  // of itself
  for (const long call : calls_of_nursery) {
    filter.if_is(static_cast<unsigned>(call));
    filter.end(SECCOMP_RET_ALLOW);
  }
#ifdef SYS_clone3
  filter.if_is(SYS_clone3);  // whose flags cannot be seen; clone is tried next
  filter.end(SECCOMP_RET_ERRNO | ENOSYS);
#endif
  filter.end(refuse);
  return filter.install();
}

bool allow_no_processes() {
  if (machine == 0) {
    return false;
  }
  Filter filter;
  filter.load(offsetof(seccomp_data, nr));
  filter.skip_unless(SYS_clone, 4);  // threads, no processes
  filter.load(argument(0));
  filter.if_has(CLONE_THREAD);
  filter.end(SECCOMP_RET_ALLOW);
  filter.end(refuse);
  allow_with(filter, SYS_tgkill, 0, static_cast<unsigned>(::getpid()));
  for (const long call : {SYS_wait4, SYS_kill, SYS_recvmsg, SYS_prctl}) {
    filter.if_is(static_cast<unsigned>(call));
    filter.end(refuse);
  }
  filter.end(SECCOMP_RET_ALLOW);
  return filter.install();
}

}  // namespace collapscope::process
