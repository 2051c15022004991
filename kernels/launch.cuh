// Launches of the shapes.
#pragma once

#include <cuda_runtime_api.h>

#include <cub/device/device_for.cuh>

#include "geometry.hpp"
#include "shapes.hpp"
#include "tiles.hpp"

namespace collapscope::kernels {

inline dim3 grid_of(const Geometry& shape) { return {shape.grid_x, shape.grid_y, 1}; }
inline dim3 block_of(const Geometry& shape) { return {shape.block_x, shape.block_y, 1}; }

// The runtime keeps the last error of a thread until somebody asks. A launch asks, and CUB does: neither may
// take for its own what a call of a library left behind.
inline void forget_stale_errors() { (void)cudaGetLastError(); }

template <class Op>
cudaError_t launch_items(const Op& op, cudaStream_t stream) {
  forget_stale_errors();
  return cub::DeviceFor::Bulk(op.count(), op, stream);
}

template <class Op>
cudaError_t launch_rows(const Op& op, unsigned lanes, cudaStream_t stream) {
  if (op.rows() == 0) {
    return cudaSuccess;
  }
  const Geometry shape = rows_geometry(op.rows(), lanes);
  forget_stale_errors();
  over_rows<<<grid_of(shape), block_of(shape), 0, stream>>>(op);
  return cudaGetLastError();
}

template <class Op>
cudaError_t launch_rows_in_steps(const Op& op, unsigned lanes, cudaStream_t stream) {
  if (op.rows() == 0) {
    return cudaSuccess;
  }
  const Geometry shape = rows_geometry(op.rows(), lanes);
  forget_stale_errors();
  over_rows_in_steps<<<grid_of(shape), block_of(shape), 0, stream>>>(op);
  return cudaGetLastError();
}

template <class Op>
cudaError_t launch_tiles(const Op& op, unsigned lanes, cudaStream_t stream) {
  if (op.rows() == 0) {
    return cudaSuccess;
  }
  const Geometry shape = tiles_geometry(op.rows(), Op::tile, lanes);
  forget_stale_errors();
  over_tiles<<<grid_of(shape), block_of(shape), 0, stream>>>(op);
  return cudaGetLastError();
}

template <class Op>
cudaError_t launch_columns(const Op& op, cudaStream_t stream) {
  if (op.columns() == 0 || op.chunks() == 0) {
    return cudaSuccess;
  }
  const Geometry shape = columns_geometry(op.columns(), op.chunks());
  forget_stale_errors();
  over_columns<<<grid_of(shape), block_of(shape), 0, stream>>>(op);
  return cudaGetLastError();
}

}  // namespace collapscope::kernels
