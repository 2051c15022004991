#include "mpi/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "collapscope/core/error.hpp"
#include "mpi/calls.hpp"

namespace collapscope::mpi {

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 30U;
constexpr std::chrono::milliseconds beat_time{500};
constexpr unsigned char bye = 255;

bool all_done(std::vector<MPI_Request>& requests) {
  int done = 0;
  check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
        "move a message");
  return done != 0;
}

bool is_through(MPI_Request& request) {
  int done = 0;
  check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "move a message");
  return done != 0;
}

// begin(offset, count, request&)
template <class Begin>
void in_pieces(std::size_t size, std::vector<MPI_Request>& requests, const Begin& begin) {
  for (std::size_t offset = 0; offset < size; offset += piece_bytes) {
    begin(offset, static_cast<int>(std::min(piece_bytes, size - offset)),
          requests.emplace_back(MPI_REQUEST_NULL));
  }
}

}  // namespace

Outgoing::Outgoing(int to, int tag, std::span<const std::byte> bytes) : length_(bytes.size()) {
  check(MPI_Isend(&length_, sizeof length_, MPI_BYTE, to, tag, MPI_COMM_WORLD,
                  &requests_.emplace_back(MPI_REQUEST_NULL)),
        "send a message");
  in_pieces(bytes.size(), requests_, [&](std::size_t offset, int count, MPI_Request& request) {
    check(MPI_Isend(bytes.data() + offset, count, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request),
          "send a message");
  });
}

bool Outgoing::is_done() { return all_done(requests_); }

Incoming::Incoming(int from, int tag) : from_(from), tag_(tag) {
  check(MPI_Irecv(&length_, sizeof length_, MPI_BYTE, from, tag, MPI_COMM_WORLD,
                  &requests_.emplace_back(MPI_REQUEST_NULL)),
        "receive a message");
}

bool Incoming::is_done() {
  if (!all_done(requests_)) {
    return false;
  }
  if (!has_length_) {
    has_length_ = true;
    bytes_.resize(length_);
    in_pieces(bytes_.size(), requests_, [&](std::size_t offset, int count, MPI_Request& request) {
      check(MPI_Irecv(bytes_.data() + offset, count, MPI_BYTE, from_, tag_, MPI_COMM_WORLD, &request),
            "receive a message");
    });
    return all_done(requests_);
  }
  return true;
}

Ring::Ring(int rank, int size) : next_((rank + 1) % size), before_((rank + size - 1) % size) { listen(); }

void Ring::listen() {
  check(MPI_Irecv(&in_, 1, MPI_BYTE, before_, beat_tag, MPI_COMM_WORLD, &listening_), "listen for beats");
}

void Ring::send(unsigned char beat) {
  out_ = beat;
  check(MPI_Isend(&out_, 1, MPI_BYTE, next_, beat_tag, MPI_COMM_WORLD, &sending_), "send a beat");
  sent_ = Clock::now();
}

void Ring::take() {
  while (!heard_bye_ && is_through(listening_)) {
    heard_ = Clock::now();
    heard_bye_ = in_ == bye;
    if (in_ != 0 && in_ != bye) {
      stop(in_);
    }
    if (!heard_bye_) {
      listen();
    }
  }
}

void Ring::turn() {
  const Clock::time_point now = Clock::now();
  if (now - turned_ > 4 * beat_time) {  // this process was stopped: the others may have been, too
    heard_ = now;
  }
  turned_ = now;
  take();
  const bool time = now - sent_ >= beat_time || (signal_ != 0 && !told_);
  if (time && !says_bye_ && is_through(sending_)) {
    send(static_cast<unsigned char>(signal_));
    told_ = true;
  }
}

void Ring::stop(int signal) {
  if (signal_ == 0 && signal > 0 && signal < bye) {
    signal_ = signal;
    told_ = false;
  }
}

double Ring::silent_seconds() const {
  return heard_bye_ ? 0 : std::chrono::duration<double>(Clock::now() - heard_).count();
}

bool Ring::farewell() {
  take();
  if (!says_bye_ && is_through(sending_)) {
    send(bye);
    says_bye_ = true;
  }
  return says_bye_ && heard_bye_ && is_through(sending_);
}

ProgressWire::ProgressWire(int rank, int size) {
  if (rank == 0 && size > 1) {
    listen();
  }
}

ProgressWire::~ProgressWire() {
  if (listening_ != MPI_REQUEST_NULL) {
    MPI_Cancel(&listening_);
    MPI_Wait(&listening_, MPI_STATUS_IGNORE);
  }
}

void ProgressWire::listen() {
  check(MPI_Irecv(&in_, sizeof in_, MPI_BYTE, MPI_ANY_SOURCE, progress_tag, MPI_COMM_WORLD, &listening_),
        "listen for progress");
}

bool ProgressWire::is_free() { return is_through(sending_); }

// It has arrived when it is through, so that nothing is left on its way at the end.
void ProgressWire::send(std::uint64_t bytes) {
  out_ = bytes;
  check(MPI_Issend(&out_, sizeof out_, MPI_BYTE, 0, progress_tag, MPI_COMM_WORLD, &sending_),
        "tell the progress");
}

std::uint64_t ProgressWire::take() {
  std::uint64_t bytes = 0;
  while (listening_ != MPI_REQUEST_NULL && is_through(listening_)) {
    bytes += in_;
    listen();
  }
  return bytes;
}

}  // namespace collapscope::mpi
