// Whole small datasets as float64.
#include <gmock/gmock.h>

#include <limits>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A dump whose targets are the given numbers.
DatasetIndex targets(const TempDir& dir, const Shape& shape, const std::vector<double>& numbers,
                     const Stored& stored = {}) {
  const std::string path = dir / "dump.h5";
  {
    const TestFile file(path);
    file.dataset("targets", shape, numbers, stored);
    file.ramp("layers/fc/activations", {shape[0], 3});
  }
  return index_dump(path).checkpoints.at(0).targets;
}

TEST(ReadMatrix, GivesRowsOfFloat64) {
  const TempDir dir;
  const Matrix matrix = read_matrix(targets(dir, {3, 2}, counting(6)));
  EXPECT_EQ(matrix.rows(), 3U);
  EXPECT_EQ(matrix.cols(), 2U);
  EXPECT_EQ(matrix(2, 1), 5.0);
  const Matrix column = read_matrix(targets(dir, {3}, counting(3)));
  EXPECT_EQ(column.rows(), 3U);
  EXPECT_EQ(column.cols(), 1U);
}

TEST(ReadMatrix, FlattensTheOtherAxes) {
  const TempDir dir;
  const std::string path = dir / "dump.h5";
  {
    const TestFile file(path);
    file.ramp("targets", {4});
    file.ramp("layers/fc/activations", {4, 3, 2, 2});
    file.ramp("layers/fc/weight", {5, 3, 2, 2});
  }
  const Matrix matrix = read_matrix(*index_dump(path).checkpoints.at(0).layers.at(0).weight);
  EXPECT_EQ(matrix.rows(), 5U);
  EXPECT_EQ(matrix.cols(), 12U);
  EXPECT_TRUE(std::equal(matrix.values().begin(), matrix.values().end(), counting(60).begin()));
}

TEST(ReadMatrix, ReadsMoreThanOneSlab) {
  const TempDir dir;
  const std::size_t rows = 1'200'000;  // 18.3 MiB, read 16 MiB at a time
  Stored stored;
  stored.chunk = {70'000, 2};
  const Matrix matrix = read_matrix(targets(dir, {rows, 2}, counting(2 * rows), stored));
  const std::vector<double> expected = counting(2 * rows);
  EXPECT_TRUE(std::equal(matrix.values().begin(), matrix.values().end(), expected.begin(), expected.end()));
}

TEST(ReadMatrix, NamesTheFirstRowThatIsNotFinite) {
  const TempDir dir;
  for (const auto& [value, text] : {std::pair{std::numeric_limits<double>::quiet_NaN(), "nan"},
                                    {std::numeric_limits<double>::infinity(), "inf"},
                                    {-std::numeric_limits<double>::infinity(), "-inf"}}) {
    std::vector<double> numbers = counting(10);
    numbers[7] = value;
    numbers[8] = value;
    EXPECT_THAT(input_error([&, &bad = numbers] {
                  (void)read_matrix(targets(dir, {5, 2}, bad));
                }),
                AllOf(HasSubstr("dump.h5: /targets: "), HasSubstr("found " + std::string(text) + " in row 3"),
                      HasSubstr("expected finite numbers")));
  }
}

TEST(ReadMatrix, RefusesWhatDoesNotFitMemory) {
  DatasetIndex dataset;
  dataset.file = "dump.h5";
  dataset.object = "/targets";
  dataset.shape = {std::uint64_t{1} << 30, 2};
  EXPECT_THAT(input_error([&] { (void)read_matrix(dataset); }),
              AllOf(HasSubstr("dump.h5: /targets: "), HasSubstr("found shape [1073741824, 2]"),
                    HasSubstr("at most 8.0 GiB")));
}

}  // namespace
}  // namespace collapscope::testing
