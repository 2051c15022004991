// The deflate filter undone: zlib streams. Through libdeflate where it was found at build time, which is two
// to three times faster, or else through zlib itself.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace collapscope::hdf5 {

// For one thread at a time.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(Inflater&& other) noexcept;
  Inflater& operator=(Inflater&& other) noexcept;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Inflates the stream at the front of `packed` into `out`, which it must just fill; never writes beyond.
  // Throws DamagedChunk.
  void inflate(std::span<const std::byte> packed, std::span<std::byte> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace collapscope::hdf5
