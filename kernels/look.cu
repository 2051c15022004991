// Launches of the second look at rows that are projected on few directions.
#include "launch.cuh"
#include "launchers.hpp"
#include "look_op.hpp"

namespace collapscope::kernels {

namespace {

template <std::size_t width, std::size_t most>
cudaError_t look_at(const StoredRows& from, const LookArguments& look, const FiniteCheck& check,
                    cudaStream_t stream) {
  const StoredNumbers numbers{from.bytes, from.element.kind, from.element.big_endian};
  const LookRows<width, most> op{{numbers, from.rows, from.cols, look, check}};
  return launch_tiles(op, look_lanes(from.cols / width), stream);
}

template <std::size_t width>
cudaError_t look_along(const StoredRows& from, const LookArguments& look, const FiniteCheck& check,
                       cudaStream_t stream) {
  const std::size_t directions = look.directions();
  return directions <= 4    ? look_at<width, 4>(from, look, check, stream)
         : directions <= 8  ? look_at<width, 8>(from, look, check, stream)
         : directions <= 12 ? look_at<width, 12>(from, look, check, stream)
         : directions <= 16 ? look_at<width, 16>(from, look, check, stream)
                            : look_at<width, most_look_directions>(from, look, check, stream);
}

}  // namespace

cudaError_t look_rows(const StoredRows& from, const LookArguments& look, const FiniteCheck& check,
                      cudaStream_t stream) {
  if (look.directions() > most_look_directions) {
    return cudaErrorInvalidValue;
  }
  const bool pairs = from.cols % 2 == 0 && is_aligned(from.bytes, 2 * size_of(from.element.kind));
  return pairs ? look_along<2>(from, look, check, stream) : look_along<1>(from, look, check, stream);
}

}  // namespace collapscope::kernels
