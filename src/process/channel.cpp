#include "process/channel.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <array>
#include <cerrno>

#include "core/little_endian.hpp"

namespace collapscope::process {

namespace {

void receive_all(int socket, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t count = ::recv(socket, out.data(), out.size(), 0);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      throw ChannelClosed();
    }
    out = out.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

}  // namespace

void send_bytes(int socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) {
      throw ChannelClosed();
    }
    bytes = bytes.subspan(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

void send_message(int socket, std::span<const std::byte> message) {
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<std::byte>(message.size() >> (8 * i));
  }
  send_bytes(socket, length);
  send_bytes(socket, message);
}

Bytes receive_message(int socket, std::uint64_t most_bytes) {
  std::array<std::byte, 8> length{};
  receive_all(socket, length);
  const std::uint64_t size = little_endian(length, length.size());
  if (size > most_bytes) {
    throw ChannelClosed();
  }
  Bytes message(size);
  receive_all(socket, message);
  return message;
}

}  // namespace collapscope::process
