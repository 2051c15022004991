#include <fmt/format.h>
#include <libdeflate.h>

#include <new>

#include "hdf5/damaged_chunk.hpp"
#include "hdf5/deflate.hpp"

namespace collapscope::hdf5 {

struct Inflater::State {
  State() : codec(libdeflate_alloc_decompressor()) {
    if (codec == nullptr) {
      throw std::bad_alloc();
    }
  }
  ~State() { libdeflate_free_decompressor(codec); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  State(State&&) = delete;
  State& operator=(State&&) = delete;

  libdeflate_decompressor* codec;
};

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

void Inflater::inflate(std::span<const std::byte> packed, std::span<std::byte> out) {
  std::size_t size = 0;
  switch (libdeflate_zlib_decompress(state_->codec, packed.data(), packed.size(), out.data(), out.size(),
                                     &size)) {
    case LIBDEFLATE_SUCCESS:
      break;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
      throw DamagedChunk(fmt::format("deflate: does not end after the {} bytes expected", out.size()));
    default:
      throw DamagedChunk("deflate: the data is damaged or cut off");
  }
  if (size != out.size()) {
    refuse_size(size, out.size());
  }
}

}  // namespace collapscope::hdf5
