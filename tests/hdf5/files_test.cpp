// Files that are no dumps, or no longer whole.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>

#include "hdf5/support.hpp"

namespace collapscope::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class BadFiles : public ::testing::Test {
 protected:
  BadFiles() : path_(dir_ / "dump.h5") {}

  TempDir dir_;
  std::string path_;
};

TEST_F(BadFiles, ThatDoNotExist) {
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("No such file")));
}

TEST_F(BadFiles, ThatAreFolders) {
  EXPECT_THAT(index_error(dir_.path().string()), HasSubstr("is a directory; expected an HDF5 file"));
}

TEST_F(BadFiles, ThatAreEmpty) {
  std::ofstream(path_).flush();
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("is empty (0 bytes)")));
}

TEST_F(BadFiles, ThatAreSomethingElse) {
  std::ofstream(path_) << "PK\x03\x04 a checkpoint of torch.save, perhaps";
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("not an HDF5 file (40 bytes)")));
}

TEST_F(BadFiles, ThatAreNamedToConfuseATerminal) {
  const std::string name = dir_ / "a\x1b[31m\n.h5";
  std::ofstream(name) << "text";
  EXPECT_THAT(index_error(name), AllOf(HasSubstr("a\\x1b[31m\\x0a.h5: "), Not(HasSubstr("\x1b"))));
}

TEST_F(BadFiles, ThatWereCutOff) {
  write_small_dump(path_, 100);
  const std::uint64_t size = fs::file_size(path_);
  for (const std::uint64_t left : {size - 1, size / 2, std::uint64_t{600}, std::uint64_t{50}}) {
    fs::resize_file(path_, left);
    EXPECT_THAT(index_error(path_),
                AllOf(StartsWith(path_), HasSubstr("truncated"),
                      HasSubstr("found " + std::to_string(left) + " bytes"),
                      HasSubstr("expected " + std::to_string(size)),
                      HasSubstr("last " + std::to_string(size - left) + " bytes are missing")));
  }
  for (const std::uint64_t left : {20U, 8U}) {
    fs::resize_file(path_, left);
    EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr(std::to_string(left) + " bytes"),
                                          HasSubstr("truncated or damaged")));
  }
  fs::resize_file(path_, 4);
  EXPECT_THAT(index_error(path_), HasSubstr("not an HDF5 file (4 bytes)"));
}

TEST_F(BadFiles, ThatAreDamagedInside) {
  write_small_dump(path_);
  const std::vector<unsigned char> zeros(400, 0);
  overwrite(path_, 96, zeros);  // the root group's header
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("HDF5: ")));
}

// A file in the newest format, whose superblock says whether a writer has it open.
void write_newest_format(const std::string& path, bool closed) {
  const Handle access(must(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  must(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V110, H5F_LIBVER_V110));
  const Handle file(must(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get())), H5Fclose);
  must(H5Fflush(file.get(), H5F_SCOPE_GLOBAL));
  if (!closed) {
    fs::copy_file(path, path + ".open");
  }
}

TEST_F(BadFiles, ThatTheirWriterDidNotClose) {
  write_newest_format(path_, false);
  EXPECT_THAT(index_error(path_ + ".open"),
              AllOf(StartsWith(path_), HasSubstr("not closed by its writer"), HasSubstr("h5clear")));
}

TEST_F(BadFiles, ThatAnotherProcessWrites) {
  write_small_dump(path_);
  const int file = open(path_.c_str(), O_RDWR);
  ASSERT_EQ(flock(file, LOCK_EX | LOCK_NB), 0) << "no locks on this file system";
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_), HasSubstr("another process has the file open for writing")));
  close(file);
  EXPECT_NO_THROW((void)index_dump(path_));
}

TEST_F(BadFiles, WithoutTargets) {
  {
    const TestFile file(path_);
    file.ramp("layers/fc/activations", {4, 3});
    file.ramp("labels/y\x1b", {4});
  }
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_ + ": /targets: "), HasSubstr("expected the targets"),
                    HasSubstr("there are datasets 'labels/y\\x1b', 'layers/fc/activations'")));
}

TEST_F(BadFiles, WithoutLayers) {
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
  }
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_ + ": /layers: "), HasSubstr("expected the layers"),
                                        HasSubstr("there are datasets 'targets'")));
  {
    const TestFile file(path_);
    file.ramp("targets", {4});
    file.ramp("layers/fc", {4, 3});
  }
  EXPECT_THAT(index_error(path_),
              AllOf(StartsWith(path_ + ": /layers: "), HasSubstr("'activations'"), HasSubstr("'layers/fc'")));
}

TEST_F(BadFiles, WithNothing) {
  { const TestFile file(path_); }
  EXPECT_THAT(index_error(path_), AllOf(StartsWith(path_), HasSubstr("there are no datasets")));
}

TEST_F(BadFiles, OfAnotherFormat) {
  const auto with = [&](const std::string& format, int version) {
    write_small_dump(path_);
    const TestFile file(path_, TestFile::Mode::append);
    file.attribute("/", "format", format);
    file.attribute("/", "format_version", version);
    return path_;
  };
  EXPECT_NO_THROW((void)index_dump(with("collapscope-dump", 1)));
  EXPECT_THAT(index_error(with("collapscope-dump", 2)),
              HasSubstr("format_version 2 found, this program reads 1"));
  EXPECT_THAT(
      index_error(with("collapscope-results\n", 1)),
      AllOf(HasSubstr("found \"collapscope-results\\x0a\""), HasSubstr("expected \"collapscope-dump\"")));
}

}  // namespace
}  // namespace collapscope::testing
