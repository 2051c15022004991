// What goes over MPI: messages in pieces, beats, and bytes read. Used by one thread.
#pragma once

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace collapscope::mpi {

// Messages have tags below these.
constexpr int beat_tag = 32001;
constexpr int progress_tag = 32002;

using Clock = std::chrono::steady_clock;

// A message on its way: first its length, then its bytes in pieces of at most 1 GiB, whose counts fit an int.
class Outgoing {
 public:
  Outgoing(int to, int tag, std::span<const std::byte> bytes);
  [[nodiscard]] bool is_done();

 private:
  std::uint64_t length_;
  std::vector<MPI_Request> requests_;
};

class Incoming {
 public:
  Incoming(int from, int tag);
  [[nodiscard]] bool is_done();
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  int from_;
  int tag_;
  std::uint64_t length_ = 0;
  bool has_length_ = false;
  std::vector<std::byte> bytes_;
  std::vector<MPI_Request> requests_;
};

// Beats to the next rank and from the one before.
class Ring {
 public:
  Ring(int rank, int size);
  // Sends one when it is time, takes what has come.
  void turn();
  // The last beat, and what is left of the other side's. True: both are through.
  [[nodiscard]] bool farewell();

  [[nodiscard]] int before() const { return before_; }
  // Since the last beat, while this process ran.
  [[nodiscard]] double silent_seconds() const;
  // A signal that is to reach everybody; 0: none.
  void stop(int signal);
  [[nodiscard]] int stop_signal() const { return signal_; }

 private:
  void send(unsigned char beat);
  void listen();
  void take();

  int next_;
  int before_;
  int signal_ = 0;
  bool told_ = true;  // the next rank knows of the signal
  bool says_bye_ = false;
  bool heard_bye_ = false;
  unsigned char out_ = 0;
  unsigned char in_ = 0;
  MPI_Request sending_ = MPI_REQUEST_NULL;
  MPI_Request listening_ = MPI_REQUEST_NULL;
  Clock::time_point sent_ = Clock::now();
  Clock::time_point heard_ = Clock::now();
  Clock::time_point turned_ = Clock::now();
};

// Bytes read, to rank 0.
class ProgressWire {
 public:
  ProgressWire(int rank, int size);
  ~ProgressWire();
  ProgressWire(const ProgressWire&) = delete;
  ProgressWire& operator=(const ProgressWire&) = delete;
  ProgressWire(ProgressWire&&) = delete;
  ProgressWire& operator=(ProgressWire&&) = delete;

  // Not on rank 0. Whether it may be called again.
  [[nodiscard]] bool is_free();
  void send(std::uint64_t bytes);
  // On rank 0: what others have read since the last call.
  [[nodiscard]] std::uint64_t take();

 private:
  void listen();

  std::uint64_t out_ = 0;
  std::uint64_t in_ = 0;
  MPI_Request sending_ = MPI_REQUEST_NULL;
  MPI_Request listening_ = MPI_REQUEST_NULL;
};

}  // namespace collapscope::mpi
