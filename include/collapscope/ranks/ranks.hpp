// The processes of one analysis: an MPI job, on one machine or many.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collapscope/core/error.hpp"
#include "collapscope/core/stop.hpp"

namespace collapscope {

// One of them, as this process sees it. Messages between two ranks with the same tag arrive in the order in
// which they were sent. Calls come from one thread at a time, but for those that say otherwise.
class Ranks {
 public:
  // Messages have tags from 0 to this.
  static constexpr int last_tag = 32000;

  virtual ~Ranks() = default;
  [[nodiscard]] virtual std::size_t rank() const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  // "node07"
  [[nodiscard]] virtual std::string host() const = 0;
  // How many ranks are on this machine, and how many of these run on CPUs of this one, itself included.
  [[nodiscard]] virtual std::size_t on_this_machine() const = 0;
  [[nodiscard]] virtual std::size_t on_these_cpus() const = 0;

  // Returns when the bytes have been handed over. Of any length.
  virtual void send(std::size_t to, int tag, std::span<const std::byte> bytes) = 0;
  // Waits for the message.
  [[nodiscard]] virtual std::vector<std::byte> receive(std::size_t from, int tag) = 0;

  // Tells rank 0 of bytes read; any thread. There `listener` is called, by any thread, with what others read.
  virtual void tell_progress(std::uint64_t bytes) = 0;
  virtual void on_progress(std::function<void(std::uint64_t bytes)> listener) = 0;
  // While it lives, a request to stop that one rank has reaches all; null: no more.
  virtual void share_stop(StopRequest* stop) = 0;

  // Ends all processes of the job with this status, after a line "[rank 3 on node07] message".
  [[noreturn]] virtual void abort(int status, const std::string& message) = 0;

  // "[rank 3 on node07] "
  [[nodiscard]] std::string prefix() const;
};

// The ranks of this process when a launcher started it as one of several; null: it stands alone. The MPI
// module is loaded for that, and nothing of MPI without a launcher. Throws UsageError where the launcher
// started several processes but MPI makes each a job of its own, or where there is no module: with what cures
// it.
[[nodiscard]] std::unique_ptr<Ranks> join_ranks();

// Which process of a job this one is, and of how many, as its launcher says; without one 0 of 1. Cheap, loads
// nothing.
[[nodiscard]] std::size_t launched_as();
[[nodiscard]] std::size_t launched_with();

// Waits until what was written to this pipe has been read; of anything else, not at all. A launcher need not
// read on when a rank has ended with an error.
void await_reader(int file, std::chrono::milliseconds at_most = std::chrono::seconds(2));

// Calls work(ranks) for each of `count` ranks that are threads of this process; for tests and simulation.
void on_local_ranks(std::size_t count, const std::function<void(Ranks&)>& work);

// What all ranks know, so that each may end by itself. Any other exception of one rank must end all of them.
class CommonError : public UsageError {
 public:
  using UsageError::UsageError;
};

// Every rank calls it with an error of its own, or none: returns the first one's by rank, everywhere; nullopt
// when nobody has one. facts: must be equal everywhere, which is an error else; "device: GPU".
[[nodiscard]] std::optional<std::string> common_error(Ranks& ranks, const std::optional<std::string>& error,
                                                      const std::vector<std::string>& facts);

}  // namespace collapscope
