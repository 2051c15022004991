// The list of kernels: every operation can be handed to a device by value and shuffled between lanes.
#include "all_kernels.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <typeinfo>

#include "shapes.hpp"
#include "tiles.hpp"

namespace collapscope {
namespace {

struct Collect {
  template <class Op>
  void items() {
    static_assert(std::is_trivially_copyable_v<Op>);
    add<Op>();
    kernels::run_items(Op{}, {}, {});
  }
  template <class Op>
  void rows() {
    static_assert(std::is_trivially_copyable_v<Op> && std::is_trivially_copyable_v<typename Op::Partial>);
    static_assert(sizeof(typename Op::Partial) % 8 == 0);
    add<Op>();
  }
  template <class Op>
  void steps() {
    static_assert(std::is_trivially_copyable_v<Op>);
    static_assert(sizeof(typename Op::First) % 8 == 0 && sizeof(typename Op::Second) % 8 == 0 &&
                  sizeof(typename Op::Third) % 8 == 0);
    add<Op>();
  }
  template <class Op>
  void tiles() {
    static_assert(std::is_trivially_copyable_v<Op>);
    static_assert(sizeof(typename Op::Norms) % 8 == 0 && sizeof(typename Op::Coordinates) % 8 == 0 &&
                  sizeof(typename Op::Rests) % 8 == 0);
    // Joined marks and rows of a tile are bits; so many totals fit into the memory of a block.
    static_assert(2 * Op::tile <= 32);
    static_assert((kernels::first_totals<Op> + kernels::second_totals<Op>)*sizeof(double) *
                      (kernels::tile_threads / kernels::least_tile_lanes) <=
                  std::size_t{48} << 10U);
    add<Op>();
    kernels::over_tiles(Op{});
  }
  template <class Op>
  void columns() {
    static_assert(std::is_trivially_copyable_v<Op>);
    add<Op>();
    kernels::over_columns(Op{});
  }
  template <class Op>
  void add() {
    EXPECT_TRUE(names.insert(typeid(Op).name()).second) << typeid(Op).name();
  }

  std::set<std::string> names;
};

TEST(AllKernels, AreListedOnce) {
  Collect collect;
  kernels::for_each_kernel(collect);
  EXPECT_FALSE(collect.names.empty());
}

}  // namespace
}  // namespace collapscope
