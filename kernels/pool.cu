// Launches of pooling: samples of several positions to rows.
#include "launch.cuh"
#include "launchers.hpp"
#include "pool_op.hpp"
#include "position_op.hpp"

namespace collapscope::kernels {

cudaError_t pool_rows(const std::byte* samples, const RowFormat& format, std::size_t skip_rows,
                      const DeviceMatrix& to, const FiniteCheck& check, cudaStream_t stream) {
  if (to.rows == 0 || to.cols == 0) {
    return cudaSuccess;
  }
  const StoredNumbers numbers{samples, format.element.kind, format.element.big_endian};
  if (format.pool == Pool::none && format.layout == Layout::nchw) {
    return launch_columns(PositionRows{numbers, format.positions, skip_rows, to, check}, stream);
  }
  if (format.layout == Layout::rows || format.pool == Pool::none || format.pool == Pool::flatten) {
    return cudaErrorInvalidValue;  // such rows are stored back to back: convert_rows
  }
  const SampleShape shape = sample_shape(format.layout, format.positions, format.channels);
  const PoolRows op{numbers, shape, format.pool, skip_rows, to, check};
  return launch_rows(op, pool_lanes(shape.channel_step == 1, op.rows(), shape.positions), stream);
}

}  // namespace collapscope::kernels
