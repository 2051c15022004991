// What a layer costs when others of its shape have gone before: bounds on counts, each with its reason.
// docs/gpu.md has them as a table.
#include "cuda/counted.hpp"

namespace collapscope {
namespace {

class Costs : public test::Counted {};

using test::CountedLayers;
using test::Counts;

constexpr long ring = 3;  // slots, of tiles under way

// Beside the rows and the matrix of an eigenbasis: what the second look needs, and shares of parts.
constexpr long few_vectors(long features) { return 8 * 24 * features; }

// What of an eigenbasis on the device crosses the bus: probes that check it, targets and means along it,
// maps; and back, besides the leading vectors. Each is a wait. The basis stays.
constexpr long times_along_basis = 10;
constexpr long along_basis(long features) { return 8 * 64 * features; }

// It has one tile. The host waits for the sums of each look, once. Up go rows, the parts' shares of the rows,
// and what the second look needs; the targets are there from the layer before. Down come the sums, which lie
// in three pieces, and the log, then the residuals.
TEST_F(Costs, OfASmallLayer) {
  const Counts counts = another("4000 x 128 float32", {.rows = 4000, .features = 128});
  expect_no_allocation(counts);
  EXPECT_LE(counts.at("host_waits"), 2);
  EXPECT_LE(counts.at("copies_pinned_to_device"), 3);
  EXPECT_LE(counts.at("bytes_pinned_to_device"), 4L * 4000 * 128 + few_vectors(128));
  EXPECT_LE(counts.at("copies_device_to_pinned"), 5);
  EXPECT_LE(counts.at("launches"), 18);
  EXPECT_LE(counts.at("products"), 5);
  EXPECT_EQ(counts.at("eigenproblems"), 0) << "small ones are the CPU's";
}

// As many tiles and segments as 2M x 512 has. The host waits for the sums of every segment in the first look,
// once in the second one, for the eigenbasis and what is along it, and in the first look for a slot of the
// ring, that is for copies three tiles ago.
TEST_F(Costs, OfALayerOfManyTiles) {
  constexpr long tiles = 62;
  constexpr long segments = 8;
  const Counts counts = another("62 tiles x 512 float32, 8 segments",
                                {.rows = 62 * 256, .features = 512, .tile_rows = 256, .tiles_of_segment = 8});
  expect_no_allocation(counts);
  EXPECT_EQ(counts.at("eigenproblems"), 1);
  EXPECT_LE(counts.at("host_waits"), segments + 1 + times_along_basis + tiles - ring);
  EXPECT_LE(counts.at("copies_pinned_to_device"), tiles + segments + 1 + times_along_basis);
  EXPECT_LE(counts.at("bytes_pinned_to_device"),
            4L * 62 * 256 * 512 + 8L * 512 * 512 + few_vectors(512) + along_basis(512));
  EXPECT_LE(counts.at("bytes_device_to_pinned"), segments * 8L * (512 * 512 + 32 * 512) + along_basis(512));
  EXPECT_LE(counts.at("launches"), 9 * tiles + 10 * segments + 4);
  EXPECT_LE(counts.at("products"), 2 * tiles + 3 * segments + times_along_basis - 1);
}

// As many tiles as 16384 x 4096 has. One d x d matrix crosses the bus, once: the moments come down. The layer
// has one segment, so that they also stay, and the covariance is made of them there.
TEST_F(Costs, OfAWideLayer) {
  const Counts counts = another("4 tiles x 576 float32",
                                {.rows = 4 * 512, .features = 576, .tile_rows = 512, .tiles_of_segment = 64});
  expect_no_allocation(counts);
  EXPECT_EQ(counts.at("eigenproblems"), 1);
  EXPECT_LE(counts.at("host_waits"), 2 + times_along_basis + (4 - ring));
  EXPECT_LE(counts.at("bytes_device_to_pinned"), 8L * (576 * 576 + 32 * 576) + along_basis(576));
  EXPECT_LE(counts.at("bytes_pinned_to_device"), 4L * 4 * 512 * 576 + few_vectors(576) + along_basis(576));
}

// However many tiles wait on the device, the work of three is under way at most: the fake, which is lazy,
// does what the host waits for.
TEST_F(Costs, OfTilesThatComeAheadAreBounded) {
  constexpr std::size_t tiles = 20;
  constexpr std::size_t tile_rows = 512;
  ::setenv("COLLAPSCOPE_GPU_TILE", std::to_string(tile_rows * 8).c_str(), 1);
  fake().restart({{"SCHEDULE", "lazy"}});
  {
    const ChosenBackend chosen = make_backend("cuda", 1);
    FoldSpec spec;
    spec.format.channels = 8;
    spec.targets = 1;
    spec.rows = spec.kept_rows = tiles * tile_rows;
    const auto fold = chosen.backend->make_fold(spec);
    ASSERT_TRUE(fold->brings_ahead());
    const Matrix rows(tile_rows, 8);
    const Matrix targets(tile_rows, 1);
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      fold->bring({std::as_bytes(rows.values()), 0, tile_rows, tile * tile_rows}, targets.view());
    }
    fold->settle();
    const long before = fake().count("host_waits");
    for (std::size_t tile = 0; tile < tiles; ++tile) {
      fold->sum_brought();
    }
    EXPECT_EQ(fake().count("host_waits") - before, static_cast<long>(tiles) - ring);
  }
  ::unsetenv("COLLAPSCOPE_GPU_TILE");
  EXPECT_EQ(fake().violations(), 0);
}

TEST_F(Costs, OfANarrowLayer) {
  const Counts counts =
      another("65536 x 64 float16", {.rows = 65536, .features = 64, .element = ElementKind::float16});
  expect_no_allocation(counts);
  EXPECT_LE(counts.at("host_waits"), 2);
}

// Targets go up with the first rows that have them, and never again: not for the second look, although the
// rows do, and not for another layer.
TEST_F(Costs, OfTargets) {
  constexpr long rows = 62 * 256;
  constexpr long both_looks = 2 * 4 * rows * 512 + 8L * 512 * 512 + few_vectors(512) + along_basis(512);
  const CountedLayers what{
      .rows = rows, .features = 512, .tile_rows = 256, .tiles_of_segment = 8, .memory = "62M"};
  const Counts first = counts(what, 1);
  EXPECT_GE(first.at("bytes_pinned_to_device"), 2 * 4 * rows * 512) << "the rows do not stay";
  EXPECT_LE(first.at("bytes_pinned_to_device"), both_looks + 8 * rows * PlantedSpec().targets);
  EXPECT_LE(another("rows that do not stay", what).at("bytes_pinned_to_device"), both_looks);
}

// Two workers of the only GPU take turns: as much memory as two layers at once, two waits each.
TEST_F(Costs, OfManyLayersInARow) {
  const CountedLayers what{.rows = 100, .features = 16};
  const Counts one = counts(what, 1);
  const Counts many = counts(what, 300);
  EXPECT_LE(many.at("cudaMalloc"), 2 * one.at("cudaMalloc"));
  EXPECT_LE(many.at("cudaMallocHost"), 2 * one.at("cudaMallocHost"));
  EXPECT_EQ(many.at("cudaFree"), many.at("cudaMalloc"));
  EXPECT_EQ(many.at("cudaFreeHost"), many.at("cudaMallocHost"));
  EXPECT_LE(many.at("cudaEventCreateWithFlags"), 2 * one.at("cudaEventCreateWithFlags"));
  EXPECT_EQ(many.at("cublasCreate"), 2);
  EXPECT_EQ(many.at("cusolverDnCreate"), 2);
  EXPECT_EQ(many.at("cudaStreamCreateWithFlags"), 4);
  EXPECT_LE(many.at("host_waits"), 2 * 300);
}

// How often the rows cross the device's memory, stored bytes being the unit: a float64 is two floats and four
// float16s. First look: 1 when they come, 1 + 2 to convert, 2 for the product with rows and targets, which
// also gives their mean; the rest is the targets'. Second look along few directions: 1, and what is summed of
// every row; along many: 1 + 2 to convert, 2 to project, for each of two subspaces 2 to form what lies in it
// and 4 to subtract and square.
TEST_F(Costs, OfPassesOverTheRows) {
  const test::Passes float32 = passes(ElementKind::float32, 512, 3);
  EXPECT_LE(float32.first, 6.3);
  EXPECT_LE(float32.second, 1.2);
  const test::Passes float16 = passes(ElementKind::float16, 512, 3);
  EXPECT_LE(float16.first, 10.5);
  EXPECT_LE(float16.second, 1.4);
  const test::Passes narrow = passes(ElementKind::float16, 64, 3);  // a row's 128 bytes and, beside it, 64
  EXPECT_LE(narrow.first, 13);
  EXPECT_LE(narrow.second, 4);
  EXPECT_LE(passes(ElementKind::float32, 512, 8).second, 1.3);
  EXPECT_LE(passes(ElementKind::float32, 512, 9).second, 18);
  EXPECT_LE(passes(ElementKind::float16, 512, 9).second, 35);
  EXPECT_LE(passes(ElementKind::float32, 1024, 5).second, 18);
}

}  // namespace
}  // namespace collapscope
