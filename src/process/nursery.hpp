// Processes for work that may end them: each is forked from one that was forked at the start of the program,
// when there was a single thread and little memory.
//
//   program ---- fork at the start ----> nursery ---- fork for each file ----> helper
//      |                                    ^                                    ^
//      |------ "another one", "kill it" ----|                                    |
//      |------------------ requests, answers: a pair of sockets -----------------|
//
// A helper that crashes, or computes without coming on, costs its request. All of them end with the program.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "collapscope/core/error.hpp"
#include "process/channel.hpp"
#include "process/work_mark.hpp"

namespace collapscope::process {

// A helper is no more, or was ended.
class HelperEnded : public Error {
 public:
  HelperEnded(const std::string& how, std::string at_file, std::string at_object)
      : Error(how), file(std::move(at_file)), object(std::move(at_object)) {}

  std::string file;  // what it was at work on, as it said
  std::string object;
};

// What a nursery's processes do.
struct HelperWork {
  std::function<void()> prepare;   // once, for all of them
  std::function<void(int)> serve;  // answers the requests of a socket; ChannelClosed is its end
  std::uint64_t data_bytes = 0;    // that a helper may take at first beside what it begins with
};

class Nursery;

// For one thread at a time.
class Helper {
 public:
  Helper(Helper&& other) noexcept;
  Helper& operator=(Helper&& other) = delete;
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper();

  void ask(std::span<const std::byte> request);
  // The next message of an answer. `allowance`: milliseconds of computing without a step that it may take
  // beyond the usual second. Throws HelperEnded.
  [[nodiscard]] Bytes answer(std::uint64_t most_bytes, std::uint64_t allowance = 0);
  // Bytes of an answer, as many as `out` has room for.
  void receive(std::span<std::byte> out, std::uint64_t allowance = 0);

 private:
  friend class Nursery;
  Helper(Nursery& nursery, int socket, WorkMark* mark) : nursery_(&nursery), socket_(socket), mark_(mark) {}

  class Patience;
  [[noreturn]] void fail(const std::string& why);

  Nursery* nursery_;
  int socket_;
  WorkMark* mark_;
  pid_t pid_ = 0;
};

class Nursery {
 public:
  // While there is a single thread. Throws Error when there can be no process.
  static std::unique_ptr<Nursery> start(const HelperWork& work);
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  Nursery(Nursery&&) = delete;
  Nursery& operator=(Nursery&&) = delete;

  // One that nobody had before. From the second on, another one is made ready meanwhile. Throws Error.
  [[nodiscard]] Helper take();

 private:
  friend class Helper;
  Nursery(int control, pid_t pid) : control_(control), pid_(pid) {}

  [[nodiscard]] Helper order();
  void receive_pid(Helper& helper);
  // Kills it if it is still there; how it ended.
  [[nodiscard]] std::string ended(pid_t helper);

  std::mutex mutex_;
  int control_;
  pid_t pid_;
  bool was_asked_ = false;
  std::optional<Helper> spare_;  // ordered, its pid not yet received
};

}  // namespace collapscope::process
