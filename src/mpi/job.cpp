#include "mpi/job.hpp"

#include <fmt/format.h>
#include <mpi.h>
#include <sched.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "collapscope/core/error.hpp"
#include "collapscope/core/text.hpp"
#include "collapscope/ranks/ranks.hpp"
#include "mpi/calls.hpp"
#include "mpi/wire.hpp"

namespace collapscope::mpi {

namespace {

constexpr double usual_time_limit = 60;
constexpr int starts_in = 3;  // times that
constexpr std::chrono::microseconds busy_pause{200};
constexpr std::chrono::milliseconds idle_pause{5};
constexpr std::chrono::seconds progress_time{1};

// Seconds that a rank may be silent: COLLAPSCOPE_RANK_TIMEOUT.
double time_limit() {
  const char* const chosen = std::getenv("COLLAPSCOPE_RANK_TIMEOUT");
  const double seconds = chosen == nullptr ? 0 : std::strtod(chosen, nullptr);
  return seconds > 0 ? seconds : usual_time_limit;
}

std::string name_of_host() {
  std::string name(MPI_MAX_PROCESSOR_NAME, '\0');
  int size = 0;
  check(MPI_Get_processor_name(name.data(), &size), "name this machine");
  name.resize(static_cast<std::size_t>(size));
  return name.substr(0, name.find('.'));
}

// The ranks of one machine, and the CPUs that each may run on.
void look_around(Place& place) {
  MPI_Comm here = MPI_COMM_NULL;
  check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here),
        "find the ranks of this machine");
  int size = 1;
  int rank = 0;
  check(MPI_Comm_size(here, &size), "count the ranks of this machine");
  check(MPI_Comm_rank(here, &rank), "count the ranks of this machine");
  cpu_set_t mine;
  CPU_ZERO(&mine);
  ::sched_getaffinity(0, sizeof mine, &mine);
  std::vector<cpu_set_t> all(static_cast<std::size_t>(size));
  check(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, here),
        "compare the CPUs of the ranks");
  check(MPI_Comm_free(&here), "find the ranks of this machine");
  place.on_this_machine = static_cast<std::size_t>(size);
  place.on_these_cpus = 0;
  for (const cpu_set_t& theirs : all) {
    cpu_set_t common;
    CPU_AND(&common, &mine, &theirs);
    place.on_these_cpus += CPU_COUNT(&common) > 0 ? 1 : 0;
  }
}

Place find_place() {
  Place place;
  int rank = 0;
  int size = 1;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "find the rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "find the size of the job");
  place.rank = static_cast<std::size_t>(rank);
  place.size = static_cast<std::size_t>(size);
  place.host = name_of_host();
  look_around(place);
  return place;
}

void join() {
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "start");
  if (provided < MPI_THREAD_FUNNELED) {
    throw Error("this MPI allows no threads beside its own; expected MPI_THREAD_FUNNELED");
  }
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "set up its errors");
}

}  // namespace

// One message that somebody waits for.
struct Job::Transfer {
  bool sends = false;
  int other = 0;
  int tag = 0;
  std::span<const std::byte> out;
  std::vector<std::byte> in;
  std::optional<Outgoing> outgoing;
  std::optional<Incoming> incoming;
  bool done = false;
  std::exception_ptr failure;

  void begin() {
    if (sends) {
      outgoing.emplace(other, tag, out);
    } else {
      incoming.emplace(other, tag);
    }
  }
  bool move() {
    if (sends) {
      return outgoing->is_done();
    }
    if (!incoming->is_done()) {
      return false;
    }
    in = incoming->take();
    return true;
  }
};

class Job::Wire {
 public:
  explicit Wire(Job& job)
      : job_(job),
        ring_(static_cast<int>(job.place_.rank), static_cast<int>(job.place_.size)),
        progress_(static_cast<int>(job.place_.rank), static_cast<int>(job.place_.size)) {}

  // Until everybody leaves.
  void serve() {
    MPI_Request barrier = MPI_REQUEST_NULL;
    bool leaving = false;
    while (true) {
      turn();
      if (!leaving && job_.leaves_ && moving_.empty() && told_all()) {
        check(MPI_Ibarrier(MPI_COMM_WORLD, &barrier), "leave the job");
        leaving = true;
      }
      int through = 0;
      if (leaving) {
        check(MPI_Test(&barrier, &through, MPI_STATUS_IGNORE), "leave the job");
      }
      if (through != 0) {
        break;
      }
      pause();
    }
    while (!ring_.farewell()) {
      watch();
      std::this_thread::sleep_for(busy_pause);
    }
  }

 private:
  void turn() {
    if (const int status = job_.abort_status_; status >= 0) {
      MPI_Abort(MPI_COMM_WORLD, status);
    }
    move();
    share_stop();
    ring_.turn();
    watch();
    tell_progress();
  }

  void move() {
    for (std::shared_ptr<Transfer>& transfer : job_.new_transfers()) {
      moving_.push_back(std::move(transfer));
      attempt(*moving_.back(), [](Transfer& it) {
        it.begin();
        return false;
      });
    }
    moving_.remove_if([this](const std::shared_ptr<Transfer>& transfer) {
      return transfer->done || attempt(*transfer, [](Transfer& it) { return it.move(); });
    });
  }

  // step(transfer): whether it is done. A failure ends it, too.
  template <class Step>
  bool attempt(Transfer& transfer, const Step& step) {
    std::exception_ptr failure;
    bool done = false;
    try {
      done = step(transfer);
    } catch (...) {
      failure = std::current_exception();
      done = true;
    }
    if (done) {
      const std::lock_guard lock(job_.mutex_);
      transfer.failure = failure;
      transfer.done = true;
      job_.done_.notify_all();
    }
    return done;
  }

  void share_stop() {
    const std::lock_guard lock(job_.mutex_);
    if (job_.stop_ == nullptr) {
      return;
    }
    if (const int signal = job_.stop_->signal(); signal != 0) {
      ring_.stop(signal);
    } else if (ring_.stop_signal() != 0) {
      job_.stop_->by_signal(ring_.stop_signal());
    }
  }

  void watch() {
    static const double limit = time_limit();
    if (ring_.silent_seconds() > limit) {
      fmt::print(
          stderr,
          "[rank {} on {}] rank {} has not answered for {:.3g} s (COLLAPSCOPE_RANK_TIMEOUT): the job is "
          "ended\n",
          job_.place_.rank, printable(job_.place_.host), ring_.before(), limit);
      await_reader(STDERR_FILENO);
      MPI_Abort(MPI_COMM_WORLD, EX_TEMPFAIL);
    }
  }

  void tell_progress() {
    if (job_.place_.rank == 0) {
      if (const std::uint64_t bytes = progress_.take(); bytes > 0) {
        const std::lock_guard lock(job_.mutex_);
        if (job_.listener_) {
          job_.listener_(bytes);
        }
      }
    } else if ((job_.leaves_ || Clock::now() - told_ >= progress_time) && progress_.is_free() &&
               job_.progress_ > 0) {
      progress_.send(job_.progress_.exchange(0));
      told_ = Clock::now();
    }
  }

  bool told_all() { return job_.place_.rank == 0 || (progress_.is_free() && job_.progress_ == 0); }

  void pause() {
    if (!moving_.empty()) {
      std::this_thread::sleep_for(busy_pause);
      return;
    }
    std::unique_lock lock(job_.mutex_);
    job_.done_.wait_for(lock, idle_pause, [this] { return !job_.wanted_.empty() || job_.leaves_; });
  }

  Job& job_;
  Ring ring_;
  ProgressWire progress_;
  std::list<std::shared_ptr<Transfer>> moving_;
  Clock::time_point told_ = Clock::now();
};

// MPI waits for all ranks when it starts, for ever if need be.
void Job::require_start(const std::atomic<bool>& ready) {
  const double limit = starts_in * time_limit();
  const Clock::time_point begin = Clock::now();
  while (!ready) {
    std::this_thread::sleep_for(idle_pause);
    if (std::chrono::duration<double>(Clock::now() - begin).count() > limit) {
      fmt::print(
          stderr,
          "collapscope: MPI did not start within {:.3g} s ({} times COLLAPSCOPE_RANK_TIMEOUT): not all "
          "ranks take part\n",
          limit, starts_in);
      std::_Exit(EX_TEMPFAIL);
    }
  }
}

Job::Job() {
  std::exception_ptr failure;
  std::atomic<bool> ready = false;
  thread_ = std::thread([this, &failure, &ready] { run(failure, ready); });
  require_start(ready);
  if (failure) {
    thread_.join();
    std::rethrow_exception(failure);
  }
}

// failure, ready: of the constructor, which ends when `ready` is set.
void Job::run(std::exception_ptr& failure, std::atomic<bool>& ready) {
  try {
    join();
    place_ = find_place();
  } catch (...) {
    failure = std::current_exception();
  }
  const bool failed = failure != nullptr;
  ready = true;
  if (failed) {
    return;
  }
  try {
    Wire(*this).serve();
    check(MPI_Finalize(), "end");
  } catch (const std::exception& error) {
    fmt::print(stderr, "[rank {} on {}] {}\n", place_.rank, printable(place_.host), error.what());
    await_reader(STDERR_FILENO);
    MPI_Abort(MPI_COMM_WORLD, EX_TEMPFAIL);
  }
}

Job::~Job() {
  if (thread_.joinable()) {
    leaves_ = true;
    done_.notify_all();
    thread_.join();
  }
}

std::list<std::shared_ptr<Job::Transfer>> Job::new_transfers() {
  const std::lock_guard lock(mutex_);
  return std::exchange(wanted_, {});
}

void Job::wait_for(const std::shared_ptr<Transfer>& transfer) {
  std::unique_lock lock(mutex_);
  wanted_.push_back(transfer);
  done_.notify_all();
  done_.wait(lock, [&] { return transfer->done; });
  if (transfer->failure) {
    std::rethrow_exception(transfer->failure);
  }
}

void Job::send(std::size_t to, int tag, std::span<const std::byte> bytes) {
  const auto transfer = std::make_shared<Transfer>();
  transfer->sends = true;
  transfer->other = static_cast<int>(to);
  transfer->tag = tag;
  transfer->out = bytes;
  wait_for(transfer);
}

std::vector<std::byte> Job::receive(std::size_t from, int tag) {
  const auto transfer = std::make_shared<Transfer>();
  transfer->other = static_cast<int>(from);
  transfer->tag = tag;
  wait_for(transfer);
  return std::move(transfer->in);
}

void Job::on_progress(std::function<void(std::uint64_t)> listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

void Job::share_stop(StopRequest* stop) {
  const std::lock_guard lock(mutex_);
  stop_ = stop;
}

void Job::abort(int status) {
  std::fflush(nullptr);
  await_reader(STDERR_FILENO);
  abort_status_ = status;
  done_.notify_all();
  while (true) {
    ::pause();  // until MPI ends this process
  }
}

}  // namespace collapscope::mpi
