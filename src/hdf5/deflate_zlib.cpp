#include <fmt/format.h>
#include <zlib.h>

#include <limits>
#include <new>

#include "hdf5/damaged_chunk.hpp"
#include "hdf5/deflate.hpp"

namespace collapscope::hdf5 {

struct Inflater::State {
  State() {
    if (inflateInit(&stream) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  State(State&&) = delete;
  State& operator=(State&&) = delete;

  z_stream stream{};
};

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

void Inflater::inflate(std::span<const std::byte> packed, std::span<std::byte> out) {
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  if (packed.size() > most || out.size() > most) {
    throw DamagedChunk("deflate: chunks of 4 GiB and more are not supported");
  }
  z_stream& stream = state_->stream;
  inflateReset(&stream);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&stream, Z_FINISH);
  if (result == Z_STREAM_END && stream.avail_out == 0) {
    return;
  }
  if (result == Z_STREAM_END) {
    refuse_size(out.size() - stream.avail_out, out.size());
  }
  if (stream.avail_out == 0) {
    throw DamagedChunk(fmt::format("deflate: does not end after the {} bytes expected", out.size()));
  }
  throw DamagedChunk(
      fmt::format("deflate: {}", stream.msg != nullptr ? stream.msg : "the data is damaged or cut off"));
}

}  // namespace collapscope::hdf5
