// Rows at the end that were never written.
#include <gmock/gmock.h>

#include <fcntl.h>
#include <unistd.h>

#include "analysis/remarks.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

DatasetIndex write_rows(const TempDir& dir, std::uint64_t written, const Stored& stored) {
  {
    const TestFile file(dir / "dump.h5");
    file.ramp("targets", {5000});
    std::vector<float> numbers(20000, 0);
    std::fill_n(numbers.begin(), 4 * written, 1.5F);
    file.dataset("layers/fc/activations", {5000, 4}, numbers, stored);
  }
  return activations_of(dir / "dump.h5");
}

TEST(ZeroTail, IsCounted) {
  const TempDir dir;
  Stored chunked;
  chunked.chunk = {64, 3};
  chunked.deflate = 1;
  for (const Stored& stored : {Stored{}, chunked}) {
    EXPECT_EQ(zero_tail(write_rows(dir, 5000, stored)).samples, 0U);
    EXPECT_EQ(zero_tail(write_rows(dir, 4999, stored)).samples, 1U);
    EXPECT_EQ(zero_tail(write_rows(dir, 1234, stored)).samples, 3766U);
    EXPECT_EQ(zero_tail(write_rows(dir, 0, stored)).samples, 5000U);
  }
  EXPECT_EQ(tail_remark(write_rows(dir, 5000, {})), "");
  EXPECT_THAT(tail_remark(write_rows(dir, 1234, {})),
              AllOf(HasSubstr("the last 3766 of 5000 rows are all zero"), Not(HasSubstr("no bytes there"))));
}

TEST(ZeroTail, ThatIsAHoleIsSaidToBeOne) {
  const TempDir dir;
  DatasetIndex index = write_rows(dir, 100, {});
  index.state.reset();  // of the file before it has holes
  const int file = ::open(index.file.c_str(), O_RDWR);
  const auto begin = static_cast<off_t>(*index.address + 100 * 16);
  const auto size = static_cast<off_t>(index.bytes() - 100 * 16);
  const bool punched = ::fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin, size) == 0;
  ::close(file);
  if (!punched) {
    GTEST_SKIP() << "this file system has no holes";
  }
  const ZeroTail tail = zero_tail(index);
  EXPECT_EQ(tail.samples, 4900U);
  EXPECT_TRUE(tail.is_hole);
  EXPECT_THAT(tail_remark(index), HasSubstr("no bytes there"));
}

}  // namespace
}  // namespace collapscope::testing
