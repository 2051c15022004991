// Large datasets in sparse files.
#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hdf5/holes.hpp"
#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr hsize_t sparse_rows = hsize_t{1} << 30;

// A dump of 2^30 rows, of which the first thousand are written.
void write_sparse(const std::string& path, bool complete) {
  const TestFile file(path);
  if (complete) {
    file.attribute("/", "complete", std::int64_t{1});
  }
  const Handle creation(must(H5Pcreate(H5P_DATASET_CREATE)), H5Pclose);
  must(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY));
  must(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER));
  for (const auto& [name, width] :
       {std::pair{"targets", hsize_t{1}}, {"layers/fc/activations", hsize_t{2}}}) {
    const Handle dataset = file.create(name, H5T_NATIVE_FLOAT, {sparse_rows, width}, creation.get());
    const Shape start{0, 0};
    const Shape count{1000, width};
    const Handle space(must(H5Dget_space(dataset.get())), H5Sclose);
    must(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr));
    const Handle memory(must(H5Screate_simple(2, count.data(), nullptr)), H5Sclose);
    const std::vector<float> ones(1000 * width, 1);
    must(H5Dwrite(dataset.get(), H5T_NATIVE_FLOAT, memory.get(), space.get(), H5P_DEFAULT, ones.data()));
  }
}

bool is_sparse(const std::string& path) {
  struct stat status {};
  must(::stat(path.c_str(), &status));
  return status.st_blocks * 512 < status.st_size / 2;
}

TEST(Holes, LargeDatasetsThatWereHardlyWrittenAreRefused) {
  const TempDir dir;
  write_sparse(dir / "dump.h5", false);
  if (!is_sparse(dir / "dump.h5")) {
    GTEST_SKIP() << "this file system has no sparse files";
  }
  EXPECT_THAT(
      index_error(dir / "dump.h5"),
      AllOf(HasSubstr("dump.h5: /layers/fc/activations: found "), HasSubstr(" of its 8.0 GiB in the file"),
            HasSubstr("most of its 1073741824 rows were never written"), HasSubstr("complete = true")));
}

TEST(Holes, AreZerosWhereTheWriterSaysThatItWroteEverything) {
  const TempDir dir;
  write_sparse(dir / "dump.h5", true);
  EXPECT_EQ(activations_of(dir / "dump.h5").samples(), sparse_rows);
}

TEST(Holes, AreCounted) {
  const TempDir dir;
  const std::string path = dir / "file";
  const std::uint64_t GiB = std::uint64_t{1} << 30;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  must(file);
  must(::ftruncate(file, static_cast<off_t>(6 * GiB)));
  const std::vector<char> bytes(1 << 20, 'x');
  must(::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(5 * GiB)));
  must(::close(file));
  if (!is_sparse(path)) {
    GTEST_SKIP() << "this file system has no sparse files";
  }
  EXPECT_EQ(hdf5::bytes_in_holes(path, 0, 6 * GiB), 6 * GiB - bytes.size());
  EXPECT_EQ(hdf5::bytes_in_holes(path, 0, 5 * GiB), 5 * GiB);
  EXPECT_EQ(hdf5::bytes_in_holes(path, 0, 4 * GiB), 0U) << "soon read";
}

}  // namespace
}  // namespace collapscope::testing
