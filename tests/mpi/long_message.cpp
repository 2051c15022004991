// long_message BYTES: rank 0 sends so many bytes to rank 1, which checks them. Under mpirun -n 2.
#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <vector>

#include "collapscope/ranks/ranks.hpp"

namespace {

std::byte at(std::size_t place) { return static_cast<std::byte>(place * 2654435761U >> 24U); }

int talk(std::size_t size) {
  constexpr int tag = 3;
  const auto ranks = collapscope::join_ranks();
  if (ranks == nullptr || ranks->size() != 2) {
    fmt::print("expected two ranks\n");
    return 2;
  }
  if (ranks->rank() == 0) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = at(i);
    }
    ranks->send(1, tag, bytes);
    ranks->send(1, tag, std::span(bytes).first(size / 2));
    return 0;
  }
  for (const std::size_t wanted : {size, size / 2}) {
    const std::vector<std::byte> found = ranks->receive(0, tag);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i] != at(i)) {
        fmt::print("another byte at {}\n", i);
        return 1;
      }
    }
    fmt::print("{} of {} bytes\n", found.size(), wanted);
    if (found.size() != wanted) {
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc == 2 ? talk(std::strtoull(argv[1], nullptr, 10)) : 2;
  } catch (const std::exception& error) {
    fmt::print("{}\n", error.what());
    return 1;
  }
}
