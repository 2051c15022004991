// The MPI job, driven by one thread: it alone calls MPI, moves messages for the others, and watches over the
// rank before it. Ranks form a ring: each sends a beat to the next one every half second, which also carries
// a request to stop. A rank that is silent for too long has died or hangs, and the job is ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "collapscope/core/stop.hpp"

namespace collapscope::mpi {

struct Place {
  std::size_t rank = 0;
  std::size_t size = 1;
  std::string host;
  std::size_t on_this_machine = 1;
  std::size_t on_these_cpus = 1;
};

class Job {
 public:
  // Joins the job. Throws Error.
  Job();
  // Leaves it once all others want to, too.
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Job(Job&&) = delete;
  Job& operator=(Job&&) = delete;

  [[nodiscard]] const Place& place() const { return place_; }

  // Both wait until it is done, and throw Error.
  void send(std::size_t to, int tag, std::span<const std::byte> bytes);
  [[nodiscard]] std::vector<std::byte> receive(std::size_t from, int tag);

  void tell_progress(std::uint64_t bytes) { progress_ += bytes; }
  void on_progress(std::function<void(std::uint64_t)> listener);
  void share_stop(StopRequest* stop);
  [[noreturn]] void abort(int status);

 private:
  struct Transfer;
  class Wire;  // what only the job's own thread sees

  static void require_start(const std::atomic<bool>& ready);
  void run(std::exception_ptr& failure, std::atomic<bool>& ready);
  void wait_for(const std::shared_ptr<Transfer>& transfer);
  [[nodiscard]] std::list<std::shared_ptr<Transfer>> new_transfers();

  Place place_;
  std::mutex mutex_;  // of what follows
  std::condition_variable done_;
  std::list<std::shared_ptr<Transfer>> wanted_;
  std::function<void(std::uint64_t)> listener_;
  StopRequest* stop_ = nullptr;
  std::atomic<std::uint64_t> progress_{0};
  std::atomic<int> abort_status_{-1};
  std::atomic<bool> leaves_{false};
  std::thread thread_;
};

}  // namespace collapscope::mpi
