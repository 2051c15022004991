// Bytes between a helper and the one it works for, over a pair of sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "collapscope/core/error.hpp"
#include "core/bytes.hpp"

namespace collapscope::process {

// The other end has gone.
class ChannelClosed : public Error {
 public:
  ChannelClosed() : Error("the other process has ended") {}
};

// What is sent in one piece: its length, 8 bytes, and itself.
void send_message(int socket, std::span<const std::byte> message);
void send_bytes(int socket, std::span<const std::byte> bytes);

// Of a helper, which waits for as long as it takes.
[[nodiscard]] Bytes receive_message(int socket, std::uint64_t most_bytes);

}  // namespace collapscope::process
