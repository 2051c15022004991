// What the fake runs in place of device code: host twins of the kernels, found by the kernels' names.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <typeinfo>

#include "shapes.hpp"
#include "tiles.hpp"

namespace fake_cuda {

using Dim = collapscope::kernels::Dim;

// Runs a kernel of kernels/shapes.hpp or kernels/tiles.hpp, or that of cub::DeviceFor::Bulk; `op` is its last
// argument.
using Run = void (*)(const void* op, Dim grid, Dim block);
// Bytes of device memory that it reads and writes; nothing: its argument cannot say.
struct Traffic {
  bool known = false;
  std::size_t read = 0;
  std::size_t written = 0;
};
using Count = Traffic (*)(const void* op);
// Zeros the bytes of such an argument that belong to no member: what happened to lie there before.
using ClearPadding = void (*)(void* op);
// `shape`: over_items (cub::DeviceFor::Bulk), over_rows, over_rows_in_steps, over_tiles or over_columns;
// `op`: the type of the argument.
using Add = void (*)(const char* shape, const std::type_info& op, std::size_t op_size, ClearPadding clear,
                     Run run, Count count);

// The visitor of for_each_kernel: adds the twin of every kernel that it is shown.
struct AddTwins {
  Add add;

  template <class Op>
  static void clear_padding([[maybe_unused]] void* op) {
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(static_cast<Op*>(op));
#endif
  }

  template <class Op>
  static Traffic traffic([[maybe_unused]] const void* op) {
    if constexpr (requires(const Op& o) { o.traffic(); }) {
      const auto bytes = static_cast<const Op*>(op)->traffic();
      return {true, bytes.read, bytes.written};
    } else {
      return {};
    }
  }

  template <class Op>
  void items() const {
    add(
        "over_items", typeid(Op), sizeof(Op), &clear_padding<Op>,
        [](const void* op, Dim grid, Dim block) { run_items(*static_cast<const Op*>(op), grid, block); },
        &traffic<Op>);
  }
  template <class Op>
  void rows() const {
    add(
        "over_rows", typeid(Op), sizeof(Op), &clear_padding<Op>,
        [](const void* op, Dim grid, Dim block) {
          if (block.x < 1 || block.x > 32) {
            std::abort();
          }
          run_rows(*static_cast<const Op*>(op), grid, block);
        },
        &traffic<Op>);
  }
  template <class Op>
  void steps() const {
    add(
        "over_rows_in_steps", typeid(Op), sizeof(Op), &clear_padding<Op>,
        [](const void* op, Dim grid, Dim block) {
          if (block.x < 1 || block.x > 32) {
            std::abort();
          }
          run_rows_in_steps(*static_cast<const Op*>(op), grid, block);
        },
        &traffic<Op>);
  }
  template <class Op>
  void tiles() const {
    add(
        "over_tiles", typeid(Op), sizeof(Op), &clear_padding<Op>,
        [](const void* op, Dim grid, Dim block) {
          if (block.x < collapscope::kernels::least_tile_lanes || block.x > 32) {
            std::abort();
          }
          run_tiles(*static_cast<const Op*>(op), grid, block);
        },
        &traffic<Op>);
  }
  template <class Op>
  void columns() const {
    add(
        "over_columns", typeid(Op), sizeof(Op), &clear_padding<Op>,
        [](const void* op, Dim grid, Dim block) { run_columns(*static_cast<const Op*>(op), grid, block); },
        &traffic<Op>);
  }
};

}  // namespace fake_cuda

// For kernels that are not in all_kernels.hpp. In the fake's libcudart.so.13.
extern "C" void fake_cuda_add_twin(const char* shape, const std::type_info& op, std::size_t op_size,
                                   fake_cuda::ClearPadding clear, fake_cuda::Run run, fake_cuda::Count count);
