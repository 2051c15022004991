// The dump that a benchmark reads is an ordinary one, of every type, with a decaying spectrum.
#include "bench/bench_dump.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/bench_folder.hpp"
#include "collapscope/dump/dump.hpp"

namespace collapscope::bench {
namespace {

constexpr ElementKind kinds[] = {ElementKind::float16, ElementKind::bfloat16, ElementKind::float32,
                                 ElementKind::float64, ElementKind::int8,     ElementKind::int16,
                                 ElementKind::int32,   ElementKind::int64,    ElementKind::uint8,
                                 ElementKind::uint16,  ElementKind::uint32,   ElementKind::uint64};

Matrix rows_of(const BenchFolder& folder, const BenchDump& dump) {
  write_bench_dump(folder.rows_file(), dump);
  const CheckpointIndex index = index_dump(folder.rows_file()).checkpoints.at(0);
  EXPECT_EQ(index.layers.size(), 1U);
  EXPECT_EQ(index.layers[0].activations.element, ElementType{dump.type});
  EXPECT_EQ(index.layers[0].activations.storage, Storage::contiguous);
  EXPECT_EQ(read_matrix(index.targets).cols(), dump.targets);
  EXPECT_EQ(read_matrix(*index.layers[0].weight).rows(), dump.targets);
  return read_matrix(index.layers[0].activations);
}

TEST(BenchDump, HasEveryType) {
  const BenchFolder folder("");
  const Matrix exact = rows_of(folder, {300, 20, 2, ElementKind::float64});
  for (const ElementKind kind : kinds) {
    SCOPED_TRACE(ElementType{kind}.name());
    const Matrix rows = rows_of(folder, {300, 20, 2, kind});
    ASSERT_EQ(rows.rows(), 300U);
    ASSERT_EQ(rows.cols(), 20U);
    const double roundoff = ElementType{kind}.unit_roundoff();
    for (std::size_t i = 0; i < rows.values().size(); ++i) {
      const double value = rows.values()[i];
      const double right = exact.values()[i];
      if (roundoff > 0) {
        EXPECT_NEAR(value, right, roundoff * std::abs(right) + 1e-7);
      } else {
        EXPECT_EQ(value, std::clamp(std::round(60 + 40 * right), 0.0, 127.0));
      }
    }
  }
}

TEST(BenchDump, RepeatsABlockOfFullRank) {
  const BenchFolder folder("");
  const Matrix rows = rows_of(folder, {2100000, 1, 1, ElementKind::float32});
  EXPECT_EQ(rows(0, 0), rows(std::size_t{1} << 21U, 0));
  EXPECT_NE(rows(0, 0), rows(1, 0));
}

}  // namespace
}  // namespace collapscope::bench
